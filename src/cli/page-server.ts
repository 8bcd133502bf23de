import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { asWorldError } from "./files.js";

export interface ServedPage {
  readonly url: string;
  readonly close: () => Promise<void>;
}

const HEADERS = {
  "Content-Type": "text/html; charset=utf-8",
  "Cache-Control": "no-store",
  "Content-Security-Policy": "frame-ancestors 'none'",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
};

/**
 * Serves a page on loopback, and others beside it by their names. Its path is a secret, because other users of the machine can ask a port of it and the page may
 * hold a host; the name of the server is checked, because another site's name can be made to lead here.
 */
export async function servePage(
  html: string,
  port: number,
  others: { readonly [name: string]: string | undefined } = {},
): Promise<ServedPage> {
  const path = `/${randomBytes(16).toString("base64url")}/`;
  const server = createServer((request, response) => {
    const { port: bound } = server.address() as AddressInfo;
    const [asked] = (request.url ?? "").split("?");
    const known = [`127.0.0.1:${bound}`, `localhost:${bound}`].includes(request.headers.host ?? "");
    const name = asked?.startsWith(path) === true ? asked.slice(path.length) : undefined;
    const text = name === "" ? html : name !== undefined && Object.hasOwn(others, name) ? others[name] : undefined;
    if (!known || text === undefined || (request.method !== "GET" && request.method !== "HEAD")) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, HEADERS).end(request.method === "HEAD" ? undefined : text);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(asWorldError(error, `port ${port} cannot be used`)));
    server.listen(port, "127.0.0.1", resolve);
  });
  const { port: bound } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${bound}${path}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

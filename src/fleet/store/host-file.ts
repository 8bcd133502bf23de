import { digest } from "./digest.js";

/** What a host's name may contain and a file's name may not, on some system; a name of dots alone is a folder. */
const ODD = /[^\w.@-]|^\.+$/gu;
/** For readers that take everything after the first dot as the ending. */
export const NO_DOTS = /[^\w-]/gu;

/** A file's name may have 255 bytes; an ending and what is added while it is written need some of them. */
const LONGEST = 200;

/**
 * The name of the file about a host, without an ending. No two hosts have the same one: a character that cannot be in it is written as
 * `%3A` is, and a name that is too long ends with `~` and a digest of the whole name.
 */
export function hostFile(host: string, odd: RegExp = ODD): string {
  const name = host.replaceAll(odd, (text) =>
    [...Buffer.from(text)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join(""),
  );
  return name.length <= LONGEST ? name : `${name.slice(0, LONGEST - 21)}~${digest(host)}`;
}

/** The host that a file is named after, if `hostFile` had to escape its name; any other name is the host's own. */
export function hostOfFile(name: string): string {
  if (!/%[0-9A-F]{2}/.test(name)) return name;
  const host = Buffer.from(
    name.replaceAll(/%([0-9A-F]{2})|[^%]/gsu, (text, byte: string | undefined) =>
      byte === undefined ? Buffer.from(text).toString("latin1") : String.fromCharCode(Number.parseInt(byte, 16)),
    ),
    "latin1",
  ).toString("utf8");
  return hostFile(host) === name ? host : name;
}

import { writeSnapshot } from "../../input/formats/snapshot.js";
import type { Case } from "../../report/page/case.js";
import { toHash } from "../../report/page/hash.js";
import { changed, FIRST_STATE, type Firmware, MACHINE, type PageState } from "../../report/page/state.js";
import type { AssumptionId } from "../../situation/assume.js";
import { ready } from "../command.js";
import { EXIT } from "../exit-code.js";
import { fileKind, inputName, inputText, replaceFile, wholeText } from "../files.js";
import type { FoundHost } from "../host.js";
import { hostText } from "../host-text.js";
import { type RawOptions, readOptions, type Settings } from "../options.js";
import { PAGES, pageText, withCase } from "../page-file.js";
import { servePage } from "../page-server.js";
import { complain } from "../shell/problems.js";
import type { World } from "../world.js";

interface WebRaw extends RawOptions {
  readonly output?: string;
  readonly open?: boolean;
  readonly port?: string;
}

const FIRMWARE: { readonly [A in AssumptionId]?: Firmware } = {
  "firmware=enabled": "on",
  "firmware=disabled": "off",
  "firmware=unlocked": "unlocked",
};

/** `vmxlens web [HOST]`: the page, with HOST inside; served until it is interrupted, or written to a file. */
export async function web([query]: readonly (string | undefined)[], raw: WebRaw, world: World): Promise<number> {
  const port = raw.port === undefined ? 0 : Number(raw.port);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    return complain(world, [`--port ${raw.port}: a number from 0 to 65535; 0 picks a free one`]);
  }
  const page = await pageText(world);
  if (page === undefined)
    return complain(world, [
      "this build has no page; the package of npm has one, and in the source npm run build:web makes it",
    ]);
  const given = await caseOf(query, raw, world);
  if (typeof given === "number") return given;
  const html = given === undefined ? page : withCase(page, given);
  if (raw.output !== undefined) {
    if (raw.output === "-") world.out(html);
    else replaceFile(raw.output, html, world);
    return EXIT.ok;
  }
  const served = await servePage(html, port, {
    [PAGES.main]: html,
    [PAGES.prove]: await pageText(world, "prove"),
  });
  try {
    world.out(`${served.url}\n`);
    world.err("The page is served to this machine only, until Ctrl-C.\n");
    if (raw.open !== false) world.openUrl?.(served.url);
    await (world.interrupted?.() ?? new Promise<void>((resolve) => process.once("SIGINT", () => resolve())));
  } finally {
    // Where the address cannot be printed too: a server would keep the process for ever.
    await served.close();
  }
  return EXIT.ok;
}

/** What is put into the page; undefined without HOST on a machine that cannot be read. */
async function caseOf(query: string | undefined, raw: RawOptions, world: World): Promise<Case | undefined | number> {
  const { host, kernel } = query === undefined ? { host: undefined, kernel: undefined } : hostText(query, world);
  const options = kernel === undefined ? raw : { ...raw, kernel };
  const own = host === "-" || (host !== undefined && fileKind(host, world) === "file");
  if (own) {
    const { settings, problems } = readOptions(options, world);
    if (problems.length > 0) return complain(world, problems);
    const name = inputName(host);
    // The text and not the host that was read of it: the page shows what it was understood from.
    return { text: await wholeText(inputText(host, world), name), name, hash: toHash(stateOf(0, settings)) };
  }
  const prepared = await ready(query, raw, world);
  if (typeof prepared === "number") return prepared;
  const { found, settings } = prepared;
  if (found.example !== undefined) return undefined;
  return caseOfHost(found, settings);
}

function caseOfHost({ origin, host, source }: FoundHost, settings: Settings): Case {
  if (origin === "atlas") {
    return { text: "", name: source, hash: toHash(stateOf(host.id as string, settings)) };
  }
  return { text: writeSnapshot(host), name: source, hash: toHash(stateOf(0, settings)) };
}

/** The state of the page that the shared options ask for. */
function stateOf(host: PageState["host"], { kernel, params, config, machine, cpu, assume }: Settings): PageState {
  const firmware = assume.ids.flatMap((id) => FIRMWARE[id] ?? [])[0];
  const known = Object.entries(machine).filter(([name]) => (MACHINE as readonly string[]).includes(name));
  return changed(FIRST_STATE, {
    host,
    kernel,
    params: Object.fromEntries(
      (["kvm", "kvm_intel"] as const).flatMap((module) =>
        Object.entries(params[module] ?? {}).map(([name, value]) => [`${module}.${name}`, String(value)] as const),
      ),
    ),
    config,
    machine: Object.fromEntries(known) as PageState["machine"],
    firmware,
    cpu,
  });
}

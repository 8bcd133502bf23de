import type { Host } from "../host/host.js";
import { atlas, entryHost } from "../input/atlas/atlas.js";
import type { AtlasEntry } from "../input/atlas/atlas-entry.js";
import { findCpu } from "../input/atlas/atlas-find.js";
import { statedOf } from "../input/hosts/stated.js";
import type { ReadOptions, ReadResult } from "../input/read.js";
import type { Diagnostic } from "../input/text/diagnostic.js";
import { shellOperand } from "../messages/shell-word.js";
import { clipped } from "../report/layout.js";
import { visible } from "../report/visible.js";
import { fileKind, inputChunks, inputName, worldSentence } from "./files.js";
import { NUMBERED } from "./host-text.js";
import type { MissingFact } from "./live-machine.js";
import { didYouMean, fitted } from "./shell/problems.js";
import type { World } from "./world.js";

export type Origin = "machine" | "file" | "atlas";

/** The host that the user means, as it was read. */
export interface FoundHost {
  readonly kind: "host";
  readonly host: Host;
  readonly origin: Origin;
  /** Where the facts come from, in words. */
  readonly source: string;
  /** What the reader of a report should know about how HOST was understood. */
  readonly notes: readonly string[];
  /** Set if this machine could not be read and a CPU of the atlas replaces it, of the same model or not. */
  readonly example?: { readonly missing: readonly MissingFact[]; readonly alike: boolean };
}

/** Sentences for standard error; the command ends with exit code 2. */
export interface NoHost {
  readonly kind: "none";
  readonly problems: readonly string[];
  /** This machine cannot be read: what is missing. */
  readonly missing?: readonly MissingFact[];
}

/** The CPU shown on a machine that has none to show and resembles none of the atlas. */
const EXAMPLE = "skylake-x";

/** How the text of HOST is read, and who else receives the result. */
export type HowToRead = Pick<ReadOptions, "flagsProve" | "onLine"> & {
  readonly onRead?: (read: ReadResult) => void;
};

/** Finds HOST: a file, `-` for standard input, a CPU of the atlas, nothing or `this` for this machine. */
export async function findHost(
  query: string | undefined,
  world: World,
  how: HowToRead = {},
): Promise<FoundHost | NoHost> {
  const found = await findHosts(query, world, how);
  if ("kind" in found) return found;
  const [first, ...others] = found;
  if (first === undefined) return none(`${query ?? "this machine"}: no host was found in it`);
  if (others.length === 0) return first;
  return { ...first, notes: [`the text describes ${found.length} hosts; this is the first`, ...first.notes] };
}

/** As `findHost`, with every host that the text describes. */
export async function findHosts(
  query: string | undefined,
  world: World,
  how: HowToRead = {},
): Promise<readonly FoundHost[] | NoHost> {
  if (query === undefined || query === "this") return alone(await thisMachine(world));
  if (query === "-") return readText(query, world, how);
  const exact = /^atlas:(.*)$/s.exec(query)?.[1];
  if (exact !== undefined) return alone(atlasCpu(exact, true));
  const kind = fileKind(query, world);
  if (kind === "directory")
    return none(`${query} is a directory; HOST is a file, an atlas CPU or - for standard input`);
  if (kind === "file") return readText(query, world, how);
  const [, file, number] = NUMBERED.exec(query) ?? [];
  if (file !== undefined && fileKind(file, world) === "file") return numbered(file, number as string, world, how);
  if (/[/\\]/.test(query)) return none(`${query}: no such file`);
  return alone(atlasCpu(query, false));
}

async function numbered(
  file: string,
  number: string,
  world: World,
  how: HowToRead,
): Promise<readonly FoundHost[] | NoHost> {
  const hosts = await readText(file, world, how);
  if ("kind" in hosts) return hosts;
  const host = hosts.find((one) => nodeOf(one, file) === number) ?? hosts[Number(number) - 1];
  if (host !== undefined) return [host];
  return none(`${file}#${number}: ${file} describes ${hosts.length === 1 ? "one host" : `${hosts.length} hosts`}`);
}

/** What the text calls a host, where it is a list of machines with names that differ. */
export function nodeOf({ host }: FoundHost, file: string): string | undefined {
  const start = `${inputName(file)}#`;
  return host.source?.startsWith(start) === true ? host.source.slice(start.length) : undefined;
}

function alone(found: FoundHost | NoHost): readonly FoundHost[] | NoHost {
  return found.kind === "host" ? [found] : found;
}

function none(...problems: readonly string[]): NoHost {
  return { kind: "none", problems };
}

async function readText(path: string, world: World, how: HowToRead): Promise<readonly FoundHost[] | NoHost> {
  const { readHostStream } = await import("../input/read.js");
  const name = inputName(path);
  const { onRead, ...options } = how;
  let blank = true;
  const chunks = async function* () {
    for await (const chunk of inputChunks(path, world)) {
      blank &&= chunk.every((byte) => byte <= 0x20);
      yield chunk;
    }
  };
  const read = await readHostStream(chunks(), { ...options, file: name });
  onRead?.(read);
  const { host, hosts, format, diagnostics, evidence } = read;
  const texts = diagnostics.map(diagnosticText);
  if (host === undefined) {
    const guest = evidence().some(({ layer }) => layer === "guest");
    // Who wants what was read goes on with it.
    const next = guest ? "guest" : blank || onRead !== undefined ? undefined : await otherText(path, world);
    return none(...(texts.length > 0 ? texts : [`${name}: no host was found in it`]), ...nextStep(next, path));
  }
  // Reports name the lines that contradict each other, and notes say what was concluded.
  const stated = new Set(hosts.flatMap((one) => statedOf(one)?.contradictions ?? []));
  for (const [at, { severity, line, message }] of diagnostics.entries()) {
    if (severity === "note" || stated.has(`line ${line}: ${message}`)) continue;
    world.err(fitted(`${texts[at]}\n`, world));
  }
  const source = format === undefined ? name : `${name} (${format})`;
  return hosts.map((one) => ({ kind: "host", host: one, origin: "file", source, notes: [] }));
}

/** What a text without a host is, as far as that says what to do with it; `undefined` where that is unknown. */
async function otherText(path: string, world: World): Promise<"guest" | "text" | undefined> {
  // Standard input was read, unless a command keeps it.
  if (path === "-") return "text";
  const { findGuest } = await import("./guest.js");
  try {
    return (await findGuest(path, world)) === undefined ? "text" : "guest";
  } catch (error) {
    if (worldSentence(error) === undefined) throw error;
    return undefined;
  }
}

function nextStep(what: "guest" | "text" | undefined, path: string): readonly string[] {
  const operand = shellOperand(path);
  if (what === undefined) return [];
  return what === "guest"
    ? [`  ${inputName(path)} describes a guest; whether it may start on a host: vmxlens migrate ${operand} HOST`]
    : [`  where it is an error message or a log: vmxlens explain ${operand}`];
}

/** `FILE:LINE:COLUMN: error: message; expected …` as compilers write it, in one line whatever the text was. */
export function diagnosticText({ file, line, column, severity, message, expected }: Diagnostic): string {
  const where = `${file ?? "input"}:${line}:${column}`;
  return visible(`${where}: ${severity}: ${message}${expected === undefined ? "" : `; expected ${expected}`}`);
}

/** Of a long text only its beginning is repeated: it was not meant for a name. */
const LONGEST_SHOWN = 120;

function atlasCpu(query: string, exact: boolean): FoundHost | NoHost {
  if (query.trim() === "") return none("HOST is empty");
  const found = findCpu(query, exact);
  if (found.kind === "one") return fromAtlas(found.entry, found.alsoEqual);
  if (found.kind === "many") {
    const rows = found.entries.map(({ id, name }) => `  ${id}  ${name}`);
    return none(`${query} is the name of ${found.entries.length} CPUs of the atlas that differ; use an id:`, ...rows);
  }
  if (found.kin.length > 0) {
    const rows = found.kin.slice(0, 4).map(({ id, name }) => `  ${id}  ${name}`);
    return none(`${clipped(query, LONGEST_SHOWN)} is not in the atlas; of the same kind it has:`, ...rows);
  }
  return none(
    `${clipped(query, LONGEST_SHOWN)} is neither a file nor an atlas CPU${didYouMean(found.near)}`,
    '  "vmxlens cpus" lists them',
  );
}

function fromAtlas(entry: AtlasEntry, alsoEqual: readonly AtlasEntry[] = []): FoundHost {
  const others = alsoEqual.map(({ id }) => id);
  return {
    kind: "host",
    host: entryHost(entry),
    origin: "atlas",
    source: `atlas entry ${entry.id}: ${entry.source.path} of ${entry.source.repo}`,
    notes:
      others.length === 0
        ? []
        : [
            `${others.join(", ")} ${others.length === 1 ? "is" : "are"} equal to it in every register, and in the features that Linux and KVM ask for`,
          ],
  };
}

async function thisMachine(world: World): Promise<FoundHost | NoHost> {
  const { host, missing } = await world.live();
  if (host !== undefined && isReadable(host)) {
    return {
      kind: "host",
      host,
      origin: "machine",
      source: "this machine",
      notes: missing.map(missingText),
    };
  }
  const signature = host?.cores[0].signature;
  const alike = atlas().find((entry) => entry.signature === signature && entry.vendor === host?.vendor);
  const example = findCpu(EXAMPLE);
  const entry =
    alike ?? (example.kind === "one" ? example.entry : example.kind === "many" ? example.entries[0] : undefined);
  if (entry === undefined) return { kind: "none", problems: missing.map(missingText), missing };
  const found = fromAtlas(entry);
  return { ...found, example: { missing, alike: alike !== undefined } };
}

/** IA32_VMX_BASIC was read, or found to be missing. */
function isReadable(host: Host): boolean {
  return host.cores.some((core) => (core.msrs.get(0x480)?.state ?? "unknown") !== "unknown");
}

/** `VMX MSRs: there is no /dev/cpu/N/msr…` */
export function missingText({ what, why, type }: MissingFact): string {
  return `${what}: ${why}${type === undefined ? "" : ` (${type})`}`;
}

import * as v from "valibot";
import { formatU64, parseHexU64, type U64 } from "../../bits/u64.js";
import { word } from "../../bits/word.js";
import { checkHost } from "../../host/check-host.js";
import type { CoreGroup, CpuFacts, Host, Observed } from "../../host/host.js";
import { ABSENT, knownValue, type Msr, UNREAD } from "../../host/msr.js";
import type { DocumentReader, Reading } from "../hosts/reader.js";
import { type DiagnosticLog, diagnosticLog } from "../text/diagnostic.js";
import {
  type JsonNode,
  type JsonRemover,
  jsonAt,
  jsonRemover,
  jsonValue,
  parseJson,
  placesIn,
} from "../text/json-parse.js";
import { BAD_INDEX, SNAPSHOT_FORMAT, SNAPSHOT_SCHEMA, type SnapshotFile, UNSEEN_KEYS } from "./snapshot-schema.js";

/** The project's own JSON: everything a `Host` holds. Written by `writeSnapshot`. */
export const snapshot: DocumentReader = {
  kind: "document",
  name: "snapshot",
  knows: `vmxlens snapshot (JSON, "${SNAPSHOT_FORMAT}"): everything vmxlens knows of a host, unknown bits included.`,
  recognise: (head) => /^\s*\{/.test(head) && /"format"\s*:\s*"vmxlens-snapshot\//.test(head),
  read: readSnapshot,
};

/** More rounds of leaving out what is wrong do not help. */
const MAX_ROUNDS = 8;

/** Reads the snapshots of a text, one behind the other as `cat` puts them or one on a line. */
function readSnapshot(text: string, file: string | undefined): Reading {
  const log = diagnosticLog(file);
  const place = placesIn(text);
  const hosts: Host[] = [];
  for (let start = 0; ; ) {
    const parsed = parseJson(text, start);
    const { root, host } = snapshotOf(parsed, file, log, place);
    if (host !== undefined) hosts.push(host);
    const rest = text.slice(parsed.end, parsed.end + 1000).search(/\S/);
    if (root === undefined || parsed.error !== undefined || rest < 0) break;
    start = parsed.end + rest;
    if (text[start] !== "{") {
      log.error(
        place(start),
        "something follows the snapshot and was not read",
        "another snapshot, or the end of the text",
      );
      break;
    }
  }
  return { hosts, diagnostics: log.list() };
}

function snapshotOf(
  parsed: ReturnType<typeof parseJson>,
  file: string | undefined,
  log: DiagnosticLog,
  place: ReturnType<typeof placesIn>,
): { readonly root?: JsonNode; readonly host?: Host } {
  if (parsed.error !== undefined)
    log.error(place(parsed.error.at), `JSON: ${parsed.error.message}`, parsed.error.expected);
  for (const twice of parsed.duplicates) log.error(place(twice.at), `JSON: ${twice.message}`, twice.expected);
  const root = parsed.node;
  if (root === undefined) return {};
  for (const { path, at } of unseenIndexes(root)) log.error(place(at), `${pathText(path)}: ${BAD_INDEX}`);
  const leftOut = new Set<string>();
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const result = v.safeParse(SNAPSHOT_SCHEMA, jsonValue(root));
    if (result.success) {
      const host = hostOf(result.output, root, (offset, message, expected) =>
        log.error(place(offset), message, expected),
      );
      const source = host.source ?? file;
      return { root, host: source === undefined ? host : { ...host, source } };
    }
    // What is wrong is reported and left out; the rest is a snapshot again, unless a part is missing that must be
    // there.
    const paths = result.issues.map((issue) => (issue.path ?? []).map((item) => item.key as string | number));
    for (const [i, issue] of result.issues.entries()) {
      const path = paths[i] as (string | number)[];
      // A part that was just left out has been reported already.
      if (leftOut.has(JSON.stringify(path))) continue;
      const own = ["regex", "union", "custom"].includes(issue.type);
      const message = own ? issue.message : describeIssue(issue.received);
      const expected = own ? undefined : (issue.expected ?? undefined);
      log.error(place(jsonAt(root, path)), `${pathText(path)}: ${message}`, expected);
    }
    const remover = jsonRemover(root);
    const removed = paths.flatMap((path) => leaveOut(remover, path) ?? []);
    remover.end();
    if (removed.length === 0) break;
    for (const path of removed) leftOut.add(path);
  }
  return { root };
}

/** Keys of MSR lists that are not an index and that the schema does not get to see. */
function unseenIndexes(root: JsonNode): { readonly path: readonly (string | number)[]; readonly at: number }[] {
  const member = (node: JsonNode | undefined, key: string) =>
    node?.kind === "object" ? node.members.get(key) : undefined;
  const cores = member(root, "cores")?.node;
  const lists = (cores?.kind === "array" ? cores.items : []).map((core, i) => ({
    path: ["cores", i, "msrs"] as (string | number)[],
    node: member(core, "msrs")?.node,
  }));
  lists.push({
    path: ["observed", "nestedMsrs"],
    node: member(member(root, "observed")?.node, "nestedMsrs")?.node,
  });
  return lists.flatMap(({ path, node }) =>
    UNSEEN_KEYS.flatMap((key) => {
      const found = member(node, key);
      return found === undefined ? [] : [{ path: [...path, key], at: found.node.at }];
    }),
  );
}

/** Takes the part at a path out, or what must not be without it. Gives the path of what went. */
function leaveOut({ remove }: JsonRemover, path: readonly (string | number)[]): string | undefined {
  for (let length = path.length; length > 1; length--) {
    if (remove(path.slice(0, length))) return JSON.stringify(path.slice(0, length));
  }
  return path.length === 1 && remove(path) ? JSON.stringify(path) : undefined;
}

function describeIssue(received: string): string {
  return received === "undefined"
    ? "missing"
    : `${received.length > 60 ? `${received.slice(0, 60)}…` : received} is not allowed here`;
}

function pathText(path: readonly (string | number)[]): string {
  return path.length === 0 ? "the snapshot" : path.join(".").slice(0, 100);
}

type Complain = (offset: number, message: string, expected?: string) => void;

function hostOf(file: SnapshotFile, root: JsonNode, complain: Complain): Host {
  const cores = file.cores.map((core, i) =>
    coreOf(core, (index) => jsonAt(root, ["cores", i, "msrs", index]), complain),
  );
  return {
    ...given("id", file.id),
    ...given("name", file.name),
    ...given("vendor", file.vendor),
    ...given("codename", file.codename),
    ...given("kernel", file.kernel),
    ...given("params", paramsOf(root, "params")),
    ...given("paramsAsked", paramsOf(root, "paramsAsked")),
    ...given("observed", file.observed && observedOf(file.observed, root, complain)),
    ...given("source", file.source),
    cores: cores as unknown as Host["cores"],
  };
}

/** Taken from the tree: valibot drops keys such as "prototype", and a parameter may have any name. */
function paramsOf(root: JsonNode, name: "params" | "paramsAsked"): NonNullable<Host["params"]> | undefined {
  const node = root.kind === "object" ? root.members.get(name)?.node : undefined;
  if (node?.kind !== "object") return undefined;
  const modules = [...node.members].map(([module, member]) => {
    const params = member.node.kind === "object" ? [...member.node.members] : [];
    return [
      module,
      Object.fromEntries(params.map(([name, param]) => [name, jsonValue(param.node) as string])),
    ] as const;
  });
  return Object.fromEntries(modules);
}

function coreOf(
  core: SnapshotFile["cores"][number],
  offsetOf: (index: string) => number,
  complain: Complain,
): CoreGroup {
  const msrs = msrsOf(core.msrs, offsetOf, complain);
  const { cpuid } = core;
  const facts: CpuFacts = {
    features: Object.fromEntries(Object.entries(cpuid.features).filter(([, known]) => known !== undefined)),
    ...given("maxLeaf", u32(cpuid.maxLeaf)),
    ...given("cpuid0a", cpuid.cpuid0a && mapValues(cpuid.cpuid0a, (register) => u32(register) ?? 0)),
    ...given("cpuid12Eax", u32(cpuid.cpuid12Eax)),
    ...given("cpuid15", cpuid.cpuid15 && mapValues(cpuid.cpuid15, (register) => u32(register) ?? 0)),
    ...given("tscKhz", cpuid.tscKhz),
    ...given("physAddrBits", cpuid.physAddrBits),
    ...given("linAddrBits", cpuid.linAddrBits),
  };
  return {
    coreTypes: core.coreTypes,
    ...given("logicalCpus", core.logicalCpus),
    ...given("signature", u32(core.signature)),
    ...given("microcode", u32(core.microcode)),
    msrs,
    cpuid: facts,
  };
}

/** MSRs by index; one that is there twice under two spellings stays unknown, which JSON cannot notice. */
function msrsOf(
  stated: SnapshotFile["cores"][number]["msrs"],
  offsetOf: (index: string) => number,
  complain: Complain,
): Map<number, Msr> {
  const msrs = new Map<number, Msr>();
  for (const [key, value] of Object.entries(stated)) {
    const index = Number.parseInt(key, 16);
    if (!msrs.has(index)) msrs.set(index, msrOf(value));
    else {
      msrs.set(index, UNREAD);
      complain(offsetOf(key), `MSR ${key} appears twice in this group and stays unknown`, "each MSR once");
    }
  }
  return msrs;
}

function observedOf(observed: NonNullable<SnapshotFile["observed"]>, root: JsonNode, complain: Complain): Observed {
  const { nestedMsrs, ...lists } = observed;
  const offsetOf = (index: string): number => jsonAt(root, ["observed", "nestedMsrs", index]);
  return {
    ...given("vmxFlags", lists.vmxFlags),
    ...given("cpuFlags", lists.cpuFlags),
    ...given("nestedMsrs", nestedMsrs && msrsOf(nestedMsrs, offsetOf, complain)),
    ...given("xenFeatures", lists.xenFeatures),
    ...given("messages", lists.messages),
    ...given("vmx", lists.vmx),
    ...given("svm", lists.svm),
    ...given("modules", lists.modules && definite(lists.modules)),
    ...given("loadError", lists.loadError),
    ...given("outer", lists.outer),
    ...given("arch", lists.arch),
  };
}

/** The members that are given. */
function definite<K extends string, T>(object: { readonly [P in K]?: T | undefined }): { [P in K]?: T } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as { [P in K]?: T };
}

/** An object with the member when the value is known, without it otherwise. */
function given<K extends string, T>(key: K, value: T | undefined): { [P in K]?: T } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]: T });
}

function mapValues<K extends string, A, B>(object: { readonly [P in K]: A }, f: (value: A) => B): { [P in K]: B } {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, f(value as A)])) as { [P in K]: B };
}

function u32(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number.parseInt(text, 16);
}

function msrOf(stated: SnapshotFile["cores"][number]["msrs"][string]): Msr {
  if (stated === "absent") return ABSENT;
  if (stated === "unknown") return UNREAD;
  if (typeof stated === "string") return partlyKnown(stated, "0x0");
  const msr = partlyKnown(stated.value, stated.unknown);
  return stated.mayBeAbsent === true ? { ...msr, mayBeAbsent: true } : msr;
}

function partlyKnown(value: string, unknown: string): Extract<Msr, { state: "value" }> {
  const known = parseHexU64(value) as U64;
  const mask = parseHexU64(unknown) as U64;
  return { state: "value", hi: word(known.hi, mask.hi), lo: word(known.lo, mask.lo) };
}

/**
 * The host as snapshot JSON, indented, with a line end. Reading it gives an equal host. MSRs and fields are in a
 * fixed order, so that two snapshots can be compared with `diff`.
 */
export function writeSnapshot(host: Host): string {
  checkHost(host);
  const { cores, params, paramsAsked, observed, ...identity } = host;
  const file: SnapshotFile = {
    format: SNAPSHOT_FORMAT,
    ...given("id", identity.id),
    ...given("name", identity.name),
    ...given("vendor", identity.vendor),
    ...given("codename", identity.codename),
    ...given("kernel", identity.kernel),
    ...given("params", params && writeParams(params)),
    ...given("paramsAsked", paramsAsked && writeParams(paramsAsked)),
    ...given("observed", observed && writeObserved(observed)),
    ...given("source", identity.source),
    cores: cores.map(writeCore),
  };
  return `${JSON.stringify(file, undefined, 2)}\n`;
}

function writeCore(core: CoreGroup): SnapshotFile["cores"][number] {
  const { cpuid } = core;
  return {
    coreTypes: [...core.coreTypes],
    ...given("logicalCpus", core.logicalCpus),
    ...given("signature", hex(core.signature)),
    ...given("microcode", hex(core.microcode)),
    msrs: writeMsrs(core.msrs),
    cpuid: {
      features: { ...cpuid.features },
      ...given("maxLeaf", hex(cpuid.maxLeaf)),
      ...given("cpuid0a", cpuid.cpuid0a && mapValues(cpuid.cpuid0a, (register) => hex(register))),
      ...given("cpuid12Eax", hex(cpuid.cpuid12Eax)),
      ...given("cpuid15", cpuid.cpuid15 && mapValues(cpuid.cpuid15, (register) => hex(register))),
      ...given("tscKhz", cpuid.tscKhz),
      ...given("physAddrBits", cpuid.physAddrBits),
      ...given("linAddrBits", cpuid.linAddrBits),
    },
  };
}

function writeParams({ kvm, kvm_intel }: NonNullable<Host["params"]>): NonNullable<SnapshotFile["params"]> {
  return { ...given("kvm", kvm), ...given("kvm_intel", kvm_intel) };
}

function writeObserved(observed: Observed): NonNullable<SnapshotFile["observed"]> {
  const { vmxFlags, cpuFlags, nestedMsrs, xenFeatures, messages, modules, ...words } = observed;
  return {
    ...given("vmxFlags", vmxFlags && [...vmxFlags]),
    ...given("cpuFlags", cpuFlags && [...cpuFlags]),
    ...given("nestedMsrs", nestedMsrs && writeMsrs(nestedMsrs)),
    ...given("xenFeatures", xenFeatures && [...xenFeatures]),
    ...given("messages", messages && [...messages]),
    ...given("modules", modules && { ...modules }),
    ...words,
  };
}

function writeMsrs(msrs: ReadonlyMap<number, Msr>): SnapshotFile["cores"][number]["msrs"] {
  const sorted = [...msrs].sort(([a], [b]) => a - b);
  return Object.fromEntries(sorted.map(([index, msr]) => [hex(index), writeMsr(msr)] as const));
}

function hex(value: number): string;
function hex(value: number | undefined): string | undefined;
function hex(value: number | undefined): string | undefined {
  return value === undefined ? undefined : formatU64({ hi: 0, lo: value });
}

function writeMsr(msr: Msr): SnapshotFile["cores"][number]["msrs"][string] {
  if (msr.state !== "value") return msr.state;
  const known = msr.mayBeAbsent === true ? undefined : knownValue(msr);
  if (known !== undefined) return formatU64(known);
  return {
    value: formatU64({ hi: msr.hi.value, lo: msr.lo.value }),
    unknown: formatU64({ hi: msr.hi.unknown, lo: msr.lo.unknown }),
    ...given("mayBeAbsent", msr.mayBeAbsent),
  };
}

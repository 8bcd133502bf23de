import type { CoreGroup, Host, Observed } from "../host/host.js";
import { writeSnapshot } from "../input/formats/snapshot.js";
import { SNAPSHOT_FORMAT } from "../input/formats/snapshot-schema.js";
import { readHost } from "../input/read.js";
import { isParam } from "../kvm/load/params.js";
import { isRulesLine } from "../situation/evidence/messages.js";

/*
 * A set is all that is known of a machine except its name, kernel, parameters and microcode, which are columns of the facts. A million
 * hosts share a few hundred sets, and each set is replayed once.
 */

/** The canonical text of a host's set, a snapshot in one line without the members that are columns of their own. */
export function setText(host: Host): string {
  const { id: _id, kernel: _kernel, params: _params, source: _source, codename: _codename, ...rest } = host;
  const cores = rest.cores.map((core) => sharedPart(core, rest.cores.length === 1)) as unknown as Host["cores"];
  const observed = rest.observed === undefined ? {} : { observed: sharedReports(rest.observed) };
  const { format: _format, ...set } = JSON.parse(writeSnapshot({ ...rest, ...observed, cores }));
  return JSON.stringify(set);
}

/** Some lines of a log have numbers of processes; those about the CPU are the same on every host that prints them. */
function sharedReports({ messages, ...observed }: Observed): Observed {
  const lines = [...new Set((messages ?? []).map((line) => line.trim()).filter(isRulesLine))].sort();
  return lines.length === 0 ? observed : { ...observed, messages: lines };
}

/** Replays ask neither for the microcode and the performance counters nor, of CPUs that are all alike, for their numbers. */
function sharedPart({ microcode: _, logicalCpus, ...core }: CoreGroup, alone: boolean): CoreGroup {
  const { cpuid0a: __, ...cpuid } = core.cpuid;
  const features = Object.fromEntries(Object.entries(cpuid.features).sort(([a], [b]) => (a < b ? -1 : 1)));
  return {
    ...core,
    ...(alone || logicalCpus === undefined ? {} : { logicalCpus }),
    cpuid: { ...cpuid, features },
  };
}

/** The host that a set describes, or what is wrong with the text. An unknown member is a problem; it is not skipped. */
export function hostOfSet(text: string): { readonly host: Host } | { readonly problem: string } {
  if (!text.startsWith("{")) return { problem: "a set is a JSON object" };
  const inner = text.slice(1).trimStart();
  const comma = inner.startsWith("}") ? "" : ",";
  const { host, diagnostics } = readHost(`{"format":"${SNAPSHOT_FORMAT}"${comma}${inner}`, { format: "snapshot" });
  const wrong = diagnostics.find(({ severity }) => severity === "error");
  if (wrong !== undefined) return { problem: wrong.message };
  return host === undefined ? { problem: "no host in the set" } : { host };
}

/** Parameters that decide something about VMX, in a fixed order; an empty text if none is known. */
export function paramsText(params: unknown): string {
  const modules: [string, Record<string, string>][] = [];
  for (const module of ["kvm", "kvm_intel"] as const) {
    const given = isRecord(params) ? params[module] : undefined;
    if (!isRecord(given)) continue;
    const known = Object.entries(given)
      .filter(([name, value]) => isParam(module, name) && typeof value === "string")
      .sort(([a], [b]) => (a < b ? -1 : 1));
    if (known.length > 0) modules.push([module, Object.fromEntries(known) as Record<string, string>]);
  }
  return modules.length === 0 ? "" : JSON.stringify(Object.fromEntries(modules));
}

/** As `Host.params`; an empty text is nothing known. */
export function paramsOfText(text: string): Host["params"] {
  return text === "" ? undefined : (JSON.parse(text) as NonNullable<Host["params"]>);
}

/** As `0x5003604`; for several kinds of core, separated by commas; empty if it was not read. */
export function microcodeText({ cores }: Host): string {
  const known = cores.flatMap(({ microcode }) => (microcode === undefined ? [] : [`0x${microcode.toString(16)}`]));
  return known.join(",");
}

function isRecord(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

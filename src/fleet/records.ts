import type { Host } from "../host/host.js";
import { readHost } from "../input/read.js";
import { hostOfSet, microcodeText, paramsText, setText } from "./host-set.js";
import { readJson } from "./nested-json.js";

/*
 * Host records: JSON Lines with one host each, as `fleet collect` and other inventories write them.
 *
 *   {"host":"n17","labels":{"site":"fra"},"kernel":"6.1.0-18-amd64","params":{"kvm_intel":{"nested":"Y"}},
 *    "microcode":"0x5003604","collected":"2026-11-28T10:00:00Z","set":{"vendor":"GenuineIntel","cores":[…]}}
 *
 * `set` is a snapshot without what the other members say. In its place, `text` can hold anything that a reader understands. A fleet has
 * few sets: one that was seen before is looked up by its text, and not read again.
 */

/** One host as it was collected. What is not known is an empty text. */
export interface HostRecord {
  readonly host: string;
  /** JSON of its labels by name, sorted; empty without labels. */
  readonly labels: string;
  readonly set: SeenSet;
  readonly kernel: string;
  readonly params: string;
  readonly microcode: string;
  /** As 2026-11-28T10:00:00Z. */
  readonly collected: string;
}

/** A set, the same object for all hosts that have it. */
export interface SeenSet {
  /** Canonical, see `setText`. */
  readonly text: string;
}

/** What a line holds, or why it holds no host. Most lines hold one. */
export type LineResult =
  | { readonly records: readonly HostRecord[]; readonly problems?: readonly string[] }
  | { readonly problem: string };

/** What is known of a host apart from its record. */
export interface RecordDefaults {
  /** Its name; `#2` and so on are added for further hosts of one text. */
  readonly host: string;
  readonly labels: { readonly [key: string]: string };
  readonly collected: string;
}

export interface RecordReader {
  /** A line of JSON in any form. */
  readonly line: (line: string, defaults: RecordDefaults) => LineResult;
  /** A text of any format that `readHost` knows, with one host or several. */
  readonly text: (text: string | Uint8Array, defaults: RecordDefaults, file?: string) => LineResult;
  /** The members of one line: the set as text, or what is wrong with it; any other member is undefined if it is wrong. */
  readonly set: (source: string) => SeenSet | string;
  readonly labels: (own: unknown, given: RecordDefaults["labels"]) => string | undefined;
  readonly params: (params: unknown) => string;
  readonly time: (text: string) => string | undefined;
}

/** How much is remembered of lines that were seen. Beyond that it is forgotten, so that memory stays bounded. */
const MOST_REMEMBERED = 50_000;

/** Reads records. Sets that are written differently but mean the same become one. */
export function recordReader(): RecordReader {
  const bySource = remembering<SeenSet | string>();
  const byText = new Map<string, SeenSet>();
  const paramTexts = remembering<string>();

  const seen = (text: string): SeenSet => {
    let found = byText.get(text);
    if (found === undefined) {
      if (byText.size >= MOST_REMEMBERED) byText.clear();
      found = { text };
      byText.set(text, found);
    }
    return found;
  };
  const setOf = (source: string): SeenSet | string =>
    bySource(source, () => {
      const read = hostOfSet(source);
      return "problem" in read ? read.problem : seen(setText(read.host));
    });
  const labelsOf = (own: unknown, given: RecordDefaults["labels"]): string | undefined => {
    if (own === undefined) return labelText(given);
    if (typeof own !== "object" || own === null || Array.isArray(own)) return undefined;
    return labelText({ ...given, ...texts(own) });
  };
  const paramsOf = (params: unknown): string =>
    params === undefined ? "" : paramTexts(JSON.stringify(params), () => paramsText(params));

  const fromMembers = (
    members: { readonly [key: string]: unknown },
    set: SeenSet,
    defaults: RecordDefaults,
  ): LineResult => {
    const { host = defaults.host, kernel = "", microcode = "", collected } = members;
    if (typeof host !== "string" || host === "") return { problem: '"host" is not a name' };
    if (typeof kernel !== "string") return { problem: '"kernel" is not text, as uname -r prints it' };
    if (typeof microcode !== "string") return { problem: '"microcode" is not text, as 0x5003604' };
    const labels = labelsOf(members.labels, defaults.labels);
    if (labels === undefined) return { problem: '"labels" is not an object of texts' };
    const when =
      collected === undefined ? defaults.collected : typeof collected === "string" ? timeText(collected) : undefined;
    if (when === undefined) return { problem: '"collected" is not a time, as 2026-11-28T10:00:00Z' };
    return {
      records: [
        { host, labels, set, kernel: kernel.trim(), params: paramsOf(members.params), microcode, collected: when },
      ],
    };
  };

  const fromHosts = (
    hosts: readonly Host[],
    defaults: RecordDefaults,
    members: { readonly [key: string]: unknown } = {},
  ): LineResult => {
    const records: HostRecord[] = [];
    for (const [index, host] of hosts.entries()) {
      const name = host.id ?? (index === 0 ? defaults.host : `${defaults.host}#${index + 1}`);
      const own = {
        host: name,
        ...(host.kernel === undefined ? {} : { kernel: host.kernel }),
        ...(host.params === undefined ? {} : { params: host.params }),
        microcode: microcodeText(host),
        ...members,
      };
      const one = fromMembers(own, seen(setText(host)), defaults);
      if ("problem" in one) return one;
      records.push(...one.records);
    }
    return { records };
  };

  const text: RecordReader["text"] = (input, defaults, file) => {
    const nodes = nodesIn(input);
    if (nodes !== undefined) return fromNodes(nodes, defaults);
    const { hosts, diagnostics } = readHost(input, file === undefined ? {} : { file });
    if (hosts.length > 0) return fromHosts(hosts, defaults);
    const wrong = diagnostics.find(({ severity }) => severity === "error");
    return { problem: wrong === undefined ? "no host in it" : `${wrong.line}:${wrong.column}: ${wrong.message}` };
  };

  /** Every node is a text of its own: a cluster has more of them than a text may have hosts. */
  const fromNodes = (nodes: readonly KubernetesNode[], defaults: RecordDefaults): LineResult => {
    const records: HostRecord[] = [];
    const problems: string[] = [];
    for (const [index, node] of nodes.entries()) {
      const name = node.metadata?.name ?? `${defaults.host}#${index + 1}`;
      const { hosts, diagnostics } = readHost(JSON.stringify(node), { format: "kubernetes" });
      const one = fromHosts(hosts, { ...defaults, host: name });
      if ("problem" in one) problems.push(`${name}: ${one.problem}`);
      else if (one.records.length === 0) problems.push(`${name}: ${diagnostics[0]?.message ?? "nothing about VMX"}`);
      else records.push(...one.records);
    }
    return { records, ...(problems.length === 0 ? {} : { problems }) };
  };

  const line: RecordReader["line"] = (source, defaults) => {
    const read = readJson(source);
    if ("problem" in read) return { problem: read.problem };
    const members = read.value;
    if (typeof members !== "object" || members === null || Array.isArray(members))
      return { problem: "not a JSON object" };
    const { set, text: raw, ...rest } = members as { readonly [key: string]: unknown };
    if (set !== undefined) {
      const found = setOf(JSON.stringify(set));
      return typeof found === "string" ? { problem: `"set": ${found}` } : fromMembers(rest, found, defaults);
    }
    if (raw === undefined) return text(source, defaults);
    if (typeof raw !== "string") return { problem: '"text" is not text' };
    const { hosts, diagnostics } = readHost(raw);
    if (hosts.length > 0) return fromHosts(hosts, defaults, rest);
    return { problem: `"text": ${diagnostics[0]?.message ?? "no host in it"}` };
  };

  return { text, line, set: setOf, labels: labelsOf, params: paramsOf, time: timeText };
}

interface KubernetesNode {
  readonly metadata?: { readonly name?: string };
}

/** The nodes of `kubectl get nodes -o json`; undefined for every other text. */
function nodesIn(input: string | Uint8Array): readonly KubernetesNode[] | undefined {
  const head = typeof input === "string" ? input.slice(0, 200) : new TextDecoder().decode(input.subarray(0, 200));
  if (!/^\s*\{/.test(head) || !/"(?:apiVersion|kind|items)"/.test(head)) return undefined;
  const read = readJson(typeof input === "string" ? input : new TextDecoder().decode(input));
  if ("problem" in read || typeof read.value !== "object" || read.value === null) return undefined;
  const value = read.value as { readonly kind?: unknown; readonly items?: unknown };
  if (Array.isArray(value.items)) return value.items.filter((one) => typeof one === "object" && one !== null);
  return value.kind === "Node" ? [value as KubernetesNode] : undefined;
}

/** A function's results by text. */
function remembering<T>(): (text: string, make: () => T) => T {
  const known = new Map<string, T>();
  return (text, make) => {
    let found = known.get(text);
    if (found === undefined) {
      found = make();
      if (known.size >= MOST_REMEMBERED) known.clear();
      known.set(text, found);
    }
    return found;
  };
}

function texts(labels: object): { [key: string]: string } {
  return Object.fromEntries(
    Object.entries(labels).map(([key, value]) => [key, typeof value === "string" ? value : JSON.stringify(value)]),
  );
}

/** Labels as JSON in a fixed order; empty if there are none. */
function labelText(labels: { readonly [key: string]: string }): string {
  const rows = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  return rows.length === 0 ? "" : JSON.stringify(Object.fromEntries(rows));
}

const CANONICAL = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

/** A time in a form whose order as text is the order in time; undefined for anything else. */
function timeText(text: string): string | undefined {
  if (CANONICAL.test(text)) return text;
  const time = new Date(text);
  const year = time.getUTCFullYear();
  return year >= 0 && year <= 9999 ? `${time.toISOString().slice(0, 19)}Z` : undefined;
}

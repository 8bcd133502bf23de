import { type Diagnostic, type DiagnosticLog, diagnosticLog } from "../../input/text/diagnostic.js";
import { type JsonNode, parseJson, placesIn } from "../../input/text/json-parse.js";
import { fieldByMeaning, type NamedField, namedField } from "../fields/field-names.js";
import { fieldName, widthOf } from "../fields/fields.js";
import type { MsrLoadEntry, Reported } from "../state.js";
import { compareU64, known64, lowMask, type Value64 } from "../value64.js";
import type { VmcsDump } from "./dump.js";
import { reportedFromCode, reportedFromReason } from "./ended.js";
import { readFacts } from "./json-facts.js";
import { digitsOf, readValue } from "./json-value.js";
import { type DocumentBase, documentBase, type Written, writtenValue } from "./lists/base.js";
import { reportedIn } from "./lists/list.js";
import { type NearNames, nearNamesOnce } from "./lists/near-names.js";
import { decimalEncoding } from "./lists/pair-name.js";

type ObjectNode = Extract<JsonNode, { kind: "object" }>;
type ArrayNode = Extract<JsonNode, { kind: "array" }>;

/**
 * VMCS as JSON: an object of field name or encoding → value, or `{"fields": {…}, "name": …, "reported": …,
 * "msrLoad": [{"index", "value", "reserved"}]}`, an array of either, or several one after the other (one per line).
 * Values are hex strings or whole numbers; `null` is a field that is not known.
 */
export function readVmcsJson(
  text: string,
  file: string | undefined,
): { readonly dumps: readonly VmcsDump[]; readonly diagnostics: readonly Diagnostic[] } {
  const log = diagnosticLog(file);
  const lineOf = placesIn(text);
  const objects: (ObjectNode | ArrayNode)[] = [];
  const visit = (node: JsonNode): void => {
    if (node.kind === "array") {
      if (node.items.some((item) => recordOf(item) !== undefined)) objects.push(node);
      else for (const item of node.items) visit(item);
    } else if (node.kind === "object") objects.push(node);
    else log.error(lineOf(node.at), "a VMCS is an object of field names and values", '{"GUEST_CR0": "0x80050033"}');
  };
  let at = 0;
  while (at < text.length) {
    const rest = /\S/.exec(text.slice(at, at + 65_536));
    if (rest === null) {
      if (text.length - at <= 65_536) break;
      at += 65_536;
      continue;
    }
    const parsed = parseJson(text, at);
    for (const twice of parsed.duplicates) log.error(lineOf(twice.at), twice.message, twice.expected);
    if (parsed.node !== undefined) visit(parsed.node);
    if (parsed.error !== undefined) {
      log.error(lineOf(parsed.error.at), parsed.error.message, parsed.error.expected);
      break;
    }
    if (parsed.end <= at) break;
    at = parsed.end;
  }
  const base = documentBase(objects.flatMap((node) => writtenIn(node, text, lineOf))).base;
  const source: Source = { text, lineOf, file, base, near: nearNamesOnce() };
  return { dumps: objects.map((node) => readObject(node, source)), diagnostics: log.list() };
}

type LineOf = ReturnType<typeof placesIn>;

/** The document that an object is in, and the base of its strings without 0x. */
interface Source {
  readonly text: string;
  readonly lineOf: LineOf;
  readonly file: string | undefined;
  readonly base: DocumentBase["base"];
  readonly near: NearNames;
}

/** Members of an object of fields that are none. */
const OTHER_KEYS = new Set(["name", "reported", "msrLoad", "facts", "$schema"]);

/** A key of a field with the node of its value. */
interface Entry {
  readonly key: string;
  /** Keys of the objects around it: `{"guest": {"cr0": …}}`. */
  readonly outer: readonly string[];
  readonly at: number;
  readonly node: JsonNode;
}

const FIELD_KEYS = ["field", "name", "encoding", "key"];
const VALUE_KEYS = ["value", "val", "data"];

/** `["GUEST_CR0", 49]` or `{"field": "GUEST_CR0", "value": 49}`, alone or in a list of such. */
function recordOf(node: JsonNode): Entry | undefined {
  const members = node.kind === "object" ? node.members : undefined;
  const find = (keys: readonly string[]) =>
    keys.map((key) => members?.get(key)?.node).find((item) => item !== undefined);
  const [name, value] =
    node.kind === "array" && node.items.length === 2 ? node.items : [find(FIELD_KEYS), find(VALUE_KEYS)];
  if (name?.kind !== "scalar" || value?.kind !== "scalar" || (members !== undefined && members.size > 4))
    return undefined;
  const key = typeof name.value === "number" ? `0x${name.value.toString(16)}` : name.value;
  return typeof key === "string" ? { key, outer: [], at: name.at, node: value } : undefined;
}

const MOST_NESTED = 6;

function entriesOf(node: JsonNode, outer: readonly string[] = []): readonly Entry[] {
  if (node.kind === "array") return node.items.flatMap((item) => recordOf(item) ?? []);
  if (node.kind !== "object" || outer.length > MOST_NESTED) return [];
  const wrapped = outer.length === 0 ? node.members.get("fields")?.node : undefined;
  if (wrapped !== undefined && wrapped.kind !== "scalar") return entriesOf(wrapped);
  const entries: Entry[] = [];
  for (const [key, member] of node.members) {
    if (outer.length === 0 && OTHER_KEYS.has(key)) continue;
    if (member.node.kind === "scalar") entries.push({ key, outer, at: member.at, node: member.node });
    else entries.push(...entriesOf(member.node, [...outer, key]));
  }
  return entries;
}

/** The field of an entry: by its key, or by its key behind those around it. */
function fieldOfEntry({ key, outer }: Entry): NamedField | undefined {
  const own = namedField(key);
  if (own !== undefined) return own;
  for (let first = outer.length - 1; first >= 0; first--) {
    const name = [...outer.slice(first), key].join("_");
    const found = namedField(name) ?? meant(name);
    if (found !== undefined) return found;
  }
  return meant(key);
}

/** The entries of an object; encodings in decimal are written in hexadecimal where one of them can be no other. */
function keyedEntries(node: JsonNode): readonly Entry[] {
  const entries = entriesOf(node);
  if (!entries.some(({ key }) => decimalEncoding(key) !== undefined)) return entries;
  return entries.map((entry) =>
    /^\d{1,5}$/.test(entry.key) ? { ...entry, key: `0x${Number(entry.key).toString(16)}` } : entry,
  );
}

function meant(name: string): NamedField | undefined {
  const row = fieldByMeaning(name);
  return row === undefined ? undefined : { row, high: false };
}

function writtenIn(node: JsonNode, text: string, lineOf: LineOf): Written[] {
  const written: Written[] = [];
  for (const entry of keyedEntries(node)) {
    const digits = digitsOf(entry.node, text);
    // A number is decimal by JSON's rules; that says nothing about a string.
    if (digits?.base === "bare")
      written.push({ line: lineOf(entry.at).line, ...digits, row: fieldOfEntry(entry)?.row });
  }
  return written;
}

function readObject(node: ObjectNode | ArrayNode, { text, lineOf, file, base, near }: Source): VmcsDump {
  const log = diagnosticLog(file);
  const fields = new Map<number, Value64>();
  const seen = new Map<number, string>();
  const highs = new Map<number, number>();
  let last = lineOf(node.at).line;
  for (const entry of keyedEntries(node)) {
    const { key } = entry;
    const place = lineOf(entry.at);
    last = Math.max(last, place.line);
    const named = fieldOfEntry(entry);
    const row = named?.row;
    if (row === undefined) {
      log.warning(place, `no VMCS field is called ${key}`, () => near(key));
      continue;
    }
    if (entry.node.kind === "scalar" && entry.node.value === null) continue;
    const valueAt = lineOf(entry.node.at);
    const digits = digitsOf(entry.node, text);
    const value = digits === undefined ? undefined : writtenValue(digits.digits, digits.base, base);
    if (value === undefined) {
      log.error(
        valueAt,
        `${fieldName(row)} is not a value; the field stays unknown`,
        'a hex string as in "0x1f", a whole number, or null',
      );
      continue;
    }
    if (value === "open") {
      log.error(
        valueAt,
        `${digits?.digits} could be decimal or hexadecimal; ${fieldName(row)} stays unknown`,
        `"0x${digits?.digits}"`,
      );
      continue;
    }
    const bits = named?.high === true ? 32 : widthOf(row);
    if (value === "wide" || compareU64(value, lowMask(bits)) > 0) {
      log.error(
        valueAt,
        `the value is too wide for ${fieldName(row)}, which has ${bits} bits; the field stays unknown`,
      );
      continue;
    }
    if (named?.high === true) {
      highs.set(row.encoding, value.lo);
      continue;
    }
    const other = seen.get(row.encoding);
    if (other !== undefined) {
      const known = fields.get(row.encoding);
      if (known !== undefined && (known.lo.value !== value.lo || known.hi.value !== value.hi)) {
        log.error(place, `${key} and ${other} are the same field with different values; the field stays unknown`);
        fields.delete(row.encoding);
      }
      continue;
    }
    seen.set(row.encoding, key);
    fields.set(row.encoding, known64(value));
  }
  for (const [encoding, high] of highs) {
    const low = fields.get(encoding)?.lo ?? { value: 0, unknown: 0xffff_ffff };
    fields.set(encoding, { lo: low, hi: { value: high, unknown: 0 } });
  }
  const members: ObjectNode["members"] = node.kind === "object" ? node.members : new Map();
  const name = members.get("name")?.node;
  const msrLoad = readMsrLoad(members.get("msrLoad")?.node, text, lineOf, log);
  const known = readFacts(members.get("facts")?.node, text, lineOf, log);
  const reported = readReported(members.get("reported")?.node, text, lineOf, log) ?? reportedIn(fields);
  return {
    vmcs: {
      fields,
      reported,
      ...(msrLoad === undefined ? {} : { msrLoad }),
      ...(known === undefined ? {} : { known }),
    },
    format: "json",
    lines: [lineOf(node.at).line, last],
    ...(name?.kind === "scalar" && typeof name.value === "string" ? { name: name.value } : {}),
    diagnostics: log.list(),
  };
}

function readMsrLoad(
  node: JsonNode | undefined,
  text: string,
  lineOf: LineOf,
  log: DiagnosticLog,
): MsrLoadEntry[] | undefined {
  if (node === undefined) return undefined;
  if (node.kind !== "array") {
    log.error(lineOf(node.at), "msrLoad is not a list", '[{"index": "0xc0000080", "value": "0x500"}]');
    return undefined;
  }
  const entries: MsrLoadEntry[] = [];
  for (const item of node.items) {
    const index = item.kind === "object" ? readValue(item.members.get("index")?.node, text) : undefined;
    const value = item.kind === "object" ? readValue(item.members.get("value")?.node, text) : undefined;
    const reserved = item.kind === "object" ? readValue(item.members.get("reserved")?.node, text) : undefined;
    if (index === undefined || index === "unknown" || index.hi !== 0 || value === undefined || value === "unknown") {
      log.error(
        lineOf(item.at),
        "an entry of msrLoad needs an index of 32 bits and a value; the list is left out",
        '{"index": "0xc0000080", "value": "0x500"}',
      );
      return undefined;
    }
    entries.push({
      index: index.lo,
      value,
      ...(reserved === undefined || reserved === "unknown" ? {} : { reserved: reserved.lo }),
    });
  }
  return entries;
}

function readReported(
  node: JsonNode | undefined,
  text: string,
  lineOf: LineOf,
  log: DiagnosticLog,
): Reported | undefined {
  if (node === undefined) return undefined;
  const direct = readValue(node, text);
  if (direct !== undefined && direct !== "unknown")
    return reportedFromCode(direct.lo) ?? { kind: "other", reason: direct.lo };
  if (node.kind === "object") {
    const error = readValue(node.members.get("error")?.node, text);
    if (error !== undefined && error !== "unknown") return { kind: "vmfail", error: error.lo };
    const reason = readValue(node.members.get("reason")?.node, text);
    const qualification = readValue(node.members.get("qualification")?.node, text);
    if (reason !== undefined && reason !== "unknown") {
      return reportedFromReason(reason.lo, qualification === "unknown" ? undefined : qualification);
    }
  }
  log.error(
    lineOf(node.at),
    "reported is neither a number nor an object with error or reason",
    '{"reason": "0x80000021", "qualification": 0}',
  );
  return undefined;
}

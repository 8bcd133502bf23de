import { parseHexU64, type U64 } from "../../bits/u64.js";
import { type Diagnostic, type DiagnosticLog, diagnosticLog } from "../../input/text/diagnostic.js";
import { type JsonNode, parseJson, placesIn } from "../../input/text/json.js";
import { fieldName, findField, widthOf } from "../fields/fields.js";
import type { MsrLoadEntry, Reported } from "../state.js";
import { compareU64, known64, lowMask, type Value64 } from "../value64.js";
import { reportedFromCode, type VmcsDump } from "./dump.js";
import { nearNames, reportedIn } from "./list.js";

type ObjectNode = Extract<JsonNode, { kind: "object" }>;

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
  const dumps: VmcsDump[] = [];
  const visit = (node: JsonNode): void => {
    if (node.kind === "array") for (const item of node.items) visit(item);
    else if (node.kind === "object") dumps.push(readObject(node, lineOf, file));
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
  return { dumps, diagnostics: log.list() };
}

type LineOf = ReturnType<typeof placesIn>;

function readObject(node: ObjectNode, lineOf: LineOf, file: string | undefined): VmcsDump {
  const log = diagnosticLog(file);
  const wrapped = node.members.get("fields")?.node;
  const holder = wrapped?.kind === "object" ? wrapped : node;
  const fields = new Map<number, Value64>();
  const seen = new Map<number, string>();
  let last = lineOf(node.at).line;
  for (const [key, member] of holder.members) {
    if (holder === node && (key === "name" || key === "reported" || key === "msrLoad" || key === "$schema")) continue;
    const place = lineOf(member.at);
    last = place.line;
    const row = findField(key);
    if (row === undefined) {
      log.warning(place, `no VMCS field is called ${key}`, () => nearNames(key));
      continue;
    }
    const value = readValue(member.node);
    if (value === "unknown") continue;
    if (value === undefined) {
      log.error(
        lineOf(member.node.at),
        `${fieldName(row)} is not a value; the field stays unknown`,
        'a hex string as in "0x1f", a whole number, or null',
      );
      continue;
    }
    if (compareU64(value, lowMask(widthOf(row))) > 0) {
      log.error(
        lineOf(member.node.at),
        `the value is too wide for ${fieldName(row)}, which has ${widthOf(row)} bits; the field stays unknown`,
      );
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
  const name = node.members.get("name")?.node;
  const msrLoad = readMsrLoad(node.members.get("msrLoad")?.node, lineOf, log);
  const reported = readReported(node.members.get("reported")?.node, lineOf, log) ?? reportedIn(fields);
  return {
    vmcs: { fields, reported, ...(msrLoad === undefined ? {} : { msrLoad }) },
    format: "json",
    lines: [lineOf(node.at).line, last],
    ...(name?.kind === "scalar" && typeof name.value === "string" ? { name: name.value } : {}),
    diagnostics: log.list(),
  };
}

function readValue(node: JsonNode | undefined): U64 | "unknown" | undefined {
  if (node?.kind !== "scalar") return undefined;
  if (node.value === null) return "unknown";
  if (typeof node.value === "string")
    return /^0x/i.test(node.value) || /^[0-9a-f]{8,16}$/i.test(node.value) ? parseHexU64(node.value) : undefined;
  if (typeof node.value !== "number" || !Number.isSafeInteger(node.value) || node.value < 0) return undefined;
  return parseHexU64(node.value.toString(16));
}

function readMsrLoad(node: JsonNode | undefined, lineOf: LineOf, log: DiagnosticLog): MsrLoadEntry[] | undefined {
  if (node === undefined) return undefined;
  if (node.kind !== "array") {
    log.error(lineOf(node.at), "msrLoad is not a list", '[{"index": "0xc0000080", "value": "0x500"}]');
    return undefined;
  }
  const entries: MsrLoadEntry[] = [];
  for (const item of node.items) {
    const index = item.kind === "object" ? readValue(item.members.get("index")?.node) : undefined;
    const value = item.kind === "object" ? readValue(item.members.get("value")?.node) : undefined;
    const reserved = item.kind === "object" ? readValue(item.members.get("reserved")?.node) : undefined;
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

function readReported(node: JsonNode | undefined, lineOf: LineOf, log: DiagnosticLog): Reported | undefined {
  if (node === undefined) return undefined;
  const direct = readValue(node);
  if (direct !== undefined && direct !== "unknown")
    return reportedFromCode(direct.lo) ?? { kind: "other", reason: direct.lo };
  if (node.kind === "object") {
    const error = readValue(node.members.get("error")?.node);
    if (error !== undefined && error !== "unknown") return { kind: "vmfail", error: error.lo };
    const reason = readValue(node.members.get("reason")?.node);
    const qualification = readValue(node.members.get("qualification")?.node);
    if (reason !== undefined && reason !== "unknown") {
      const basic = reason.lo & 0xffff;
      const failed = reason.lo >>> 31 === 1 || basic === 33 || basic === 34 || basic === 41;
      if (!failed) return { kind: "other", reason: reason.lo };
      return {
        kind: "entry-failure",
        reason: basic,
        ...(qualification === undefined || qualification === "unknown" ? {} : { qualification }),
      };
    }
  }
  log.error(
    lineOf(node.at),
    "reported is neither a number nor an object with error or reason",
    '{"reason": "0x80000021", "qualification": 0}',
  );
  return undefined;
}

import { fromBigInt, parseHexU64, type U64 } from "../../bits/u64.js";
import { msrValue } from "../../host/msr.js";
import type { FactSink } from "../hosts/evidence.js";
import { type FactReader, type JsonReader, placeOf } from "../hosts/reader.js";
import type { Place } from "../text/diagnostic.js";
import type { JsonHandler, JsonPath, JsonScalar } from "../text/json-scan.js";
import { isVmxMsr, msrByName } from "../text/msr-names.js";

/*
 * What KVM_GET_MSRS on /dev/kvm returns: the feature MSRs, which are what a nested hypervisor starts from. Programs write
 * them as lines or as JSON.
 */

const KNOWS =
  "KVM_GET_MSRS of /dev/kvm: the VMX MSRs that KVM offers a nested hypervisor, whole; not the CPU's, though the numbers " +
  "are the same.";

const LINE = /\bfeature msr (?:0x)?([0-9a-fA-F]{1,8}) ?[:=] ?0x([0-9a-fA-F]{1,16})(?![0-9a-fA-F])/;
const VCPU = /\bvcpu msr (?:0x)?([0-9a-fA-F]{1,8}) ?[:=] ?0x([0-9a-fA-F]{1,16})(?![0-9a-fA-F])/;

/** Lines `feature msr 0x00000480 = 0x…`. */
export const kvmMsrLines: FactReader = {
  kind: "facts",
  name: "kvm-msrs",
  knows: KNOWS,
  mark: /\b(?:feature|vcpu) msr (?:0x)?[0-9a-fA-F]/,
  words: ["feature msr ", "vcpu msr "],
  open: (sink) => ({
    line(line) {
      const found = LINE.exec(line.text);
      const match = found ?? VCPU.exec(line.text);
      if (match === null || (line.cut && match.index + match[0].length >= line.text.trimEnd().length)) return false;
      const index = Number.parseInt(match[1] as string, 16);
      const value = parseHexU64(match[2] as string);
      if (value === undefined) return false;
      const at = placeOf(line, match.index + 1);
      if (found !== null) sink.nested(index, msrValue(value), at);
      // What userspace set on one vCPU.
      else if (isVmxMsr(index)) sink.guest(`MSR 0x${index.toString(16)} of a vCPU`, `0x${match[2]}`, at);
      return true;
    },
  }),
};

/** Revision of the VMCS that KVM gives its guests (VMCS12_REVISION). */
const VMCS12_REVISION = 0x11e5_7ed0;
const MAX_PAIRS = 4096;
/** What programs other than KVM's users call the number of a register; its value may be anybody's. */
const OTHER_INDEX: ReadonlySet<string> = new Set(["msr", "addr", "address"]);

/** JSON lists of struct kvm_msr_entry, `{"index": …, "data": …}`, and objects `{"0x480": "0x…"}`. */
export const kvmMsrJson: JsonReader = {
  kind: "json",
  name: "kvm-msrs-json",
  knows: `${KNOWS} An object from numbers to values may just as well be the CPU's, and is treated as the CPU's unless the VMCS revision is KVM's.`,
  open: openJson,
};

interface Pair {
  readonly index: number;
  readonly value: U64;
  readonly at: Place;
}

function openJson(sink: FactSink): JsonHandler & { claims: () => number } {
  let claims = 0;
  /** Entries with the names of struct kvm_msr_entry. */
  let entries: Pair[] = [];
  /** Members of an object that maps numbers or names to values. */
  let members: Pair[] = [];
  let entry: { index?: number; value?: U64; at?: Place; other?: true } = {};
  let kvm = false;

  return {
    scalar(path, value, at) {
      const key = path.at(-1);
      if (typeof key !== "string") return;
      if (/kvm|feature_?msr|nmsrs/i.test(path.join("."))) kvm = true;
      const lower = key.toLowerCase();
      if (lower === "index" || OTHER_INDEX.has(lower)) {
        const index = numberOf(value);
        const other = lower === "index" ? {} : { other: true as const };
        if (index !== undefined && index.hi === 0) entry = { ...entry, index: index.lo, at, ...other };
        return;
      }
      if (lower === "data" || lower === "value") {
        const data = numberOf(value);
        const other = lower === "data" ? {} : { other: true as const };
        if (data !== undefined) entry = { ...entry, value: data, ...other };
        return;
      }
      const index = indexOf(key);
      const data = index === undefined || !isVmxMsr(index) ? undefined : numberOf(value);
      if (index !== undefined && data !== undefined && members.length < MAX_PAIRS)
        members.push({ index, value: data, at });
    },
    close(path: JsonPath) {
      if (/msr|kvm/i.test(path.join("."))) kvm ||= /kvm/i.test(path.join("."));
      const { index, value, at } = entry;
      if (
        index !== undefined &&
        value !== undefined &&
        at !== undefined &&
        isVmxMsr(index) &&
        entries.length + members.length < MAX_PAIRS
      ) {
        (entry.other === true ? members : entries).push({ index, value, at });
      }
      entry = {};
    },
    end() {
      claims += entries.length + members.length;
      for (const { index, value, at } of entries) sink.nested(index, msrValue(value), at);
      const nested = kvm || members.some(({ index, value }) => index === 0x480 && value.lo === VMCS12_REVISION);
      for (const { index, value, at } of members) {
        if (nested) sink.nested(index, msrValue(value), at);
        else sink.msr("unnamed", index, msrValue(value), at);
      }
      const [first] = members;
      if (first !== undefined && !nested) {
        sink.log.note(
          first.at,
          "MSRs by number in JSON: treated as the processor's, since the VMCS revision is not KVM's",
        );
      }
      entries = [];
      members = [];
      entry = {};
      kvm = false;
    },
    claims: () => claims,
  };
}

function indexOf(key: string): number | undefined {
  if (/^0x[0-9a-fA-F]{1,8}$/.test(key)) return Number.parseInt(key, 16);
  return /^(?:MSR_|IA32_)/i.test(key) ? msrByName(key) : undefined;
}

/** Hexadecimal as a string with 0x, decimal as a number or a string. */
function numberOf(value: JsonScalar): U64 | undefined {
  const text = value.kind === "string" ? value.value : value.kind === "number" ? value.text : "";
  if (/^0x[0-9a-fA-F]{1,16}$/.test(text)) return parseHexU64(text);
  if (!/^\d{1,20}$/.test(text)) return undefined;
  const number = BigInt(text);
  return number < 1n << 64n ? fromBigInt(number) : undefined;
}

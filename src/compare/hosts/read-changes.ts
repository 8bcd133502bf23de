import { type CoreGroup, type Host, msrOf, type Params } from "../../host/host.js";
import { formatMsr, isThere, msrBit } from "../../host/msr.js";
import { registerOf } from "../../registers/registers.js";
import { siliconSet } from "../capability-set.js";
import { diffSets, type RegisterDifference } from "../diff.js";

/*
 * What was read at one time and at another.
 */

/** A fact that both have, with different values. */
export interface ValueChange {
  readonly what: string;
  /** `undefined`: not there. */
  readonly before: string | undefined;
  readonly now: string | undefined;
}

const MICROCODE = "microcode";

/** Whether a change is one of the microcode, of all CPUs or of some. */
export function isOfMicrocode({ what }: ValueChange): boolean {
  return what.startsWith(MICROCODE);
}

export function valueChanges(before: Host, now: Host, onlyOnce: string[]) {
  const changes: ValueChange[] = [];
  let compared = 0;
  const value = (what: string, a: string | undefined, b: string | undefined) => {
    if (a === undefined && b === undefined) return;
    if (a === undefined || b === undefined) onlyOnce.push(what);
    else {
      compared++;
      if (a !== b) changes.push({ what, before: a, now: b });
    }
  };
  /** Members of a list that both show whole; what is in one of them only was added or removed. */
  const members = (what: string, a: readonly string[] | undefined, b: readonly string[] | undefined) => {
    if (a === undefined && b === undefined) return;
    if (a === undefined || b === undefined) {
      onlyOnce.push(what);
      return;
    }
    compared++;
    for (const name of a)
      if (!b.includes(name)) changes.push({ what: `${what}: ${name}`, before: "yes", now: undefined });
    for (const name of b)
      if (!a.includes(name)) changes.push({ what: `${what}: ${name}`, before: undefined, now: "yes" });
  };
  const hex = (number: number | undefined) => (number === undefined ? undefined : `0x${number.toString(16)}`);
  value("kernel", before.kernel, now.kernel);
  for (const [i, a, b] of corePairs(before, now)) {
    const where = before.cores.length > 1 ? ` of core group ${i}` : "";
    value(`${MICROCODE}${where}`, hex(a.microcode), hex(b.microcode));
    value(`signature${where}`, hex(a.signature), hex(b.signature));
    const names = new Set([...Object.keys(a.cpuid.features), ...Object.keys(b.cpuid.features)]);
    for (const name of names) {
      const of = (core: CoreGroup) => (core.cpuid.features as { readonly [name: string]: boolean | undefined })[name];
      value(`CPUID ${name}${where}`, yesNo(of(a)), yesNo(of(b)));
    }
  }
  if (before.cores.length !== now.cores.length) {
    changes.push({ what: "kinds of CPUs", before: String(before.cores.length), now: String(now.cores.length) });
  }
  for (const module of ["kvm_intel", "kvm"] as const) params(before.params?.[module], now.params?.[module], module);
  members("flags", before.observed?.cpuFlags, now.observed?.cpuFlags);
  members("vmx flags", before.observed?.vmxFlags, now.observed?.vmxFlags);
  members("message", before.observed?.messages, now.observed?.messages);
  for (const index of new Set([
    ...(before.observed?.nestedMsrs?.keys() ?? []),
    ...(now.observed?.nestedMsrs?.keys() ?? []),
  ])) {
    const of = ({ observed }: Host) => {
      const msr = observed?.nestedMsrs?.get(index);
      return msr === undefined ? undefined : formatMsr(msr);
    };
    value(`nested MSR 0x${index.toString(16)}`, of(before), of(now));
  }
  return { changes, compared };

  function params(a: Params | undefined, b: Params | undefined, module: string): void {
    if (a === undefined || b === undefined) {
      if (a !== b) onlyOnce.push(`parameters of ${module}`);
      return;
    }
    for (const name of new Set([...Object.keys(a), ...Object.keys(b)])) {
      compared++;
      if (a[name] !== b[name]) changes.push({ what: `${module}.${name}`, before: a[name], now: b[name] });
    }
  }
}

const yesNo = (value: boolean | undefined) => (value === undefined ? undefined : value ? "yes" : "no");

function corePairs(before: Host, now: Host): (readonly [number, CoreGroup, CoreGroup])[] {
  return before.cores.flatMap((a, i) => {
    const b = now.cores[i];
    return b === undefined ? [] : [[i, a, b] as const];
  });
}

export function registerChanges(before: Host, now: Host, onlyOnce: string[]) {
  const changes: (RegisterDifference & { readonly core: number })[] = [];
  let compared = 0;
  for (const [core, a, b] of corePairs(before, now)) {
    const differences = [...featCtlDifference(a, b), ...diffSets([siliconSet("before", a), siliconSet("now", b)])];
    for (const index of new Set([...a.msrs.keys(), ...b.msrs.keys()])) {
      const [x, y] = [msrOf(a, index), msrOf(b, index)];
      if (x.state !== "unknown" && y.state !== "unknown") compared++;
      else if (x.state !== y.state) onlyOnce.push(`MSR 0x${index.toString(16)}`);
    }
    for (const found of differences) {
      const certain = {
        ...found,
        core,
        bits: found.bits.filter((bit) => bit.certain),
        fields: found.fields.filter((field) => field.certain),
      };
      if (certain.bits.length > 0 || certain.fields.length > 0 || (found.presence && bothRead(a, b, found.msr))) {
        changes.push(certain);
      }
    }
  }
  return { changes, compared };
}

const bothRead = (a: CoreGroup, b: CoreGroup, msr: number) =>
  msrOf(a, msr).state !== "unknown" && msrOf(b, msr).state !== "unknown";

/** IA32_FEAT_CTL is not a capability, so the comparison of capabilities leaves it out. */
function featCtlDifference(a: CoreGroup, b: CoreGroup): RegisterDifference[] {
  const [x, y] = [msrOf(a, 0x3a), msrOf(b, 0x3a)];
  const register = registerOf(0x3a);
  if (register === undefined || x.state === "unknown" || y.state === "unknown") return [];
  const bits = Array.from({ length: 64 }, (_, bit) => bit).flatMap((bit) => {
    const values = [msrBit(x, bit), msrBit(y, bit)];
    if (values[0] === values[1] || values.includes("unknown")) return [];
    const row = register.bits.find((one) => one.bit === bit);
    const label = {
      msr: 0x3a,
      msrBit: bit,
      register,
      bit,
      says: "there" as const,
      ...(row === undefined ? {} : { row }),
    };
    return [{ label, values, certain: true }];
  });
  const presence = [x, y].some((msr) => msr.state === "absent") && [x, y].some(isThere);
  if (bits.length === 0 && !presence) return [];
  return [{ msr: 0x3a, register, values: [formatMsr(x), formatMsr(y)], presence, bits, fields: [] }];
}

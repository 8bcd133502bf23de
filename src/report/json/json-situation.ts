import { formatU64 } from "../../bits/u64.js";
import type { Word } from "../../bits/word.js";
import type { Finding } from "../../host/finding.js";
import type { CoreGroup } from "../../host/host.js";
import { isAbsent, knownValue, type Msr, msrWords } from "../../host/msr.js";
import { hexIndex } from "../../registers/registers.js";
import type { Message } from "../../rules/machine.js";
import { behavesLike } from "../../situation/kernels-text.js";
import type { Situation } from "../../situation/situation.js";
import type { KernelFinding } from "../../why/kernels/kernel-findings.js";
import { kernelReason, kernelText, tellApart } from "../wording/kernel-text.js";

/*
 * The parts that the JSON of all commands shares, as schema/common.schema.json describes them. Numbers of registers and
 * words are hexadecimal strings; what is not known is said, never left out.
 */

/** `"0x1f"`, `"absent"`, `"unknown"`, or both masks when only single bits are known, or when a fault would look the same. */
export function msrJson(msr: Msr): unknown {
  const known = isAbsent(msr) === "no" ? knownValue(msr) : undefined;
  if (known !== undefined) return formatU64(known);
  const words = msr.state === "value" ? msrWords(msr) : undefined;
  if (words === undefined) return msr.state;
  const { hi, lo } = words;
  return {
    value: formatU64({ hi: hi.value, lo: lo.value }),
    unknown: formatU64({ hi: hi.unknown, lo: lo.unknown }),
    ...(isAbsent(msr) === "no" ? {} : { mayBeAbsent: true }),
  };
}

export function wordJson({ value, unknown }: Word): unknown {
  return unknown === 0 ? hexIndex(value) : { value: hexIndex(value), unknown: hexIndex(unknown) };
}

export function coreJson({ coreTypes, logicalCpus, signature, microcode }: CoreGroup) {
  return {
    coreTypes,
    logicalCpus: logicalCpus ?? null,
    signature: signature === undefined ? null : hexIndex(signature),
    microcode: microcode === undefined ? null : hexIndex(microcode),
  };
}

/** What the answer is about, and what it assumes. */
export function situationJson(situation: Situation) {
  const { host, params, config, machine, assumed, notes, source } = situation;
  return {
    host: {
      id: host.id ?? null,
      name: host.name ?? null,
      vendor: host.vendor ?? null,
      codename: host.codename ?? null,
      source: source ?? null,
      cores: host.cores.map(coreJson),
    },
    kernel: kernelJson(situation),
    params: { kvm: params.kvm ?? {}, kvm_intel: params.kvm_intel ?? {} },
    config: config ?? {},
    machine: Object.fromEntries(
      Object.entries(machine ?? {}).map(([name, value]) => [name, value === undefined ? "unknown" : value]),
    ),
    assumptions: assumed.map(({ id, text }) => ({ id, text })),
    notes,
  };
}

/** The kernel as it was named, and every one that it can be with the parameters that are replayed under it. */
export function kernelJson(situation: Situation) {
  const { kernel, candidates } = situation;
  return {
    text: kernel.text ?? null,
    from: kernel.from,
    name: kernelText(situation),
    basis: kernel.basis ?? null,
    reason: kernelReason(situation),
    candidates: candidates.map(({ release, options: { params } }) => ({
      release,
      behavesLike: behavesLike(release) ?? null,
      params: { kvm: params?.kvm ?? {}, kvm_intel: params?.kvm_intel ?? {} },
    })),
    ruledOut: kernel.ruledOut.map(({ what, reported, kernels }) => ({ what, said: reported, kernels })),
    contradicted: kernel.contradicted ?? null,
    tellApart: tellApart(situation) ?? null,
  };
}

export function findingJson(found: Finding | KernelFinding) {
  const { id, severity, text, source, core, msr, bits } = found;
  return {
    id,
    severity,
    text,
    source,
    certain: "certain" in found ? found.certain : true,
    ...(core === undefined ? {} : { core }),
    ...(msr === undefined ? {} : { msr: hexIndex(msr) }),
    ...(bits === undefined ? {} : { bits }),
  };
}

export function messageJson({ level, text, certain }: Message) {
  return { level, text, certain };
}

import { withMsr } from "../../host/host.js";
import { msrValue } from "../../host/msr.js";
import { type MachineFacts, machineKey } from "../../kvm/fill-machine.js";
import { replay } from "../../kvm/replay.js";
import type { VerifyItem } from "../../situation/evidence/item.js";
import { verifyItems } from "../../situation/evidence/items.js";
import type { Comparison, Scenario } from "./comparison.js";
import { mapCores } from "./register-reasons.js";

/*
 * Reasons that lie in the machine: facts about it, the firmware at boot, other cores, flags that were cleared.
 */

const FACTS = [
  { fact: "tboot", yes: "it was booted through tboot", no: "it was not booted through tboot" },
  { fact: "pmu", yes: "perf offers a PMU", no: "perf offers no PMU" },
  {
    fact: "irqPosting",
    yes: "interrupt remapping can post interrupts",
    no: "interrupt remapping cannot post interrupts",
  },
  {
    fact: "mediatedPmu",
    yes: "perf can hand the PMU to guests",
    no: "perf cannot hand the PMU to guests",
  },
  {
    fact: "enlightenedVmcs",
    yes: "it runs on a Hyper-V with the enlightened VMCS",
    no: "it does not run on a Hyper-V with the enlightened VMCS",
  },
] as const satisfies readonly { fact: keyof MachineFacts; yes: string; no: string }[];

export function machineFacts({ host, options }: Comparison): Scenario[] {
  const { machine } = options;
  return FACTS.flatMap(({ fact, yes, no }) =>
    [true, false].flatMap((value): Scenario[] =>
      machine?.[fact] === value
        ? []
        : [
            {
              host,
              options: { ...options, machine: { ...machine, [fact]: value } },
              says: `${value ? yes : no} (--machine ${machineKey(fact)}=${Number(value)})`,
            },
          ],
    ),
  );
}

/**
 * For items that depend on a fact about the machine that was not given: what the fact must be for the machine to be
 * right, by the id of the item. Tried by replaying it both ways.
 */
export function factTexts({ host, options, settled }: Comparison): ReadonlyMap<string, string> {
  const open = settled.items.filter(({ verdict, note }) => verdict === "unknown" && note === undefined);
  const texts = new Map<string, string>();
  if (open.length === 0) return texts;
  for (const { fact, yes, no } of FACTS) {
    // Those that are assumed are known.
    if (fact === "tboot" || fact === "enlightenedVmcs" || options.machine?.[fact] !== undefined) continue;
    const [on, off] = [true, false].map((value) => {
      const scenario = { ...options, machine: { ...options.machine, [fact]: value } };
      return new Map(verifyItems(host, replay(host, scenario)).map(({ id, verdict }) => [id, verdict]));
    }) as [Map<string, string>, Map<string, string>];
    for (const { id } of open) {
      const [ifOn, ifOff] = [on.get(id), off.get(id)];
      if (ifOn === "agree" && ifOff === "differ") texts.set(id, `agrees if ${yes} (--machine ${machineKey(fact)}=1)`);
      if (ifOff === "agree" && ifOn === "differ") texts.set(id, `agrees if ${no} (--machine ${machineKey(fact)}=0)`);
    }
  }
  return texts;
}

const FIRMWARE = [
  { lo: 0x1, says: "VMX was off in IA32_FEAT_CTL when Linux booted, and is on now" },
  { lo: 0x5, says: "VMX was on in IA32_FEAT_CTL when Linux booted, and is off now" },
] as const;

export function firmwareAtBoot({ host, options }: Comparison): Scenario[] {
  return FIRMWARE.map(({ lo, says }) => ({
    host: mapCores(host, (core) => withMsr(core, 0x3a, msrValue({ hi: 0, lo }))),
    options,
    says,
  }));
}

export function otherCores({ host, options }: Comparison): Scenario[] {
  return host.cores.slice(1).map((core) => {
    const types = core.coreTypes.length > 0 ? `${core.coreTypes.join(" and ")}-cores` : "another kind of cores";
    const where = core.logicalCpus === undefined ? "" : ` (CPU ${core.logicalCpus})`;
    return { host: { ...host, cores: [core] }, options, says: `these are the flags of the ${types}${where}` };
  });
}

export function flagsCleared({ settled }: Comparison, differing: readonly VerifyItem[]): (readonly [string, string])[] {
  // Registers that changed would show on the other line as well, and without VMX there is no other line.
  const others = settled.items.filter(({ kind }) => kind === "vmx-flag");
  if (others.length === 0 || others.some(({ verdict }) => verdict === "differ")) return [];
  return differing
    .filter(({ kind, id, reported: said }) => kind === "cpu-flag" && said === "no" && id !== "flags vmx")
    .map(({ id }) => [
      id,
      "the flags line lacks it and the vmx flags line agrees with the registers: something cleared the flag after boot looked at them, as clearcpuid= on the kernel command line does",
    ]);
}

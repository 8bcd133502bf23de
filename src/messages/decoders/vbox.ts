import type { Decoded } from "../../answers/answer.js";
import type { ExplainContext } from "../context.js";
import type { Match } from "../match.js";
import { VBOX_FAMILIES, VBOX_STATUS, type VboxFamily } from "./vbox-status.js";

/** A status code of VirtualBox, by name (`VERR_VMX_…`) or by number (`rc=-4009`). */
export function decodeVboxStatus([match]: readonly [Match, ...Match[]], _context: ExplainContext): Decoded {
  const { name: named, number: numbered, em } = match.groups;
  if (em?.toUpperCase() === "TRIPLE_FAULT") return TRIPLE_FAULT;
  if (named === undefined && numbered === undefined) return {};
  const name = named?.toUpperCase();
  const number = match.groups.number === undefined ? undefined : Number.parseInt(match.groups.number, 10);
  const status = VBOX_STATUS.find((row) => row.name === name || row.number === number);
  if (status === undefined) {
    const family = name === undefined ? VBOX_FAMILIES.internal : familyOf(name);
    return answer(family, [{ name: "status", value: name === undefined ? `${number}` : `VERR_${name}` }]);
  }
  const values = [
    { name: "status", value: `VERR_${status.name}` },
    { name: "number", value: `${status.number}` },
  ];
  return {
    what: `${status.what} (VERR_${status.name}, ${status.number}.)`,
    ...answer(VBOX_FAMILIES[status.family], values),
  };
}

const TRIPLE_FAULT: Decoded = {
  what: "The guest ended in a triple fault (VINF_EM_TRIPLE_FAULT), and VirtualBox stopped it (a Guru Meditation). Nothing in that says that VT-x is missing: the fault is in what the guest runs, or in a device or setting of its machine.",
  layer: "VM entry",
  values: [{ name: "status", value: "VINF_EM_TRIPLE_FAULT" }],
  causes: [
    {
      text: "The guest's kernel or boot loader does not suit this machine (its CPU, its memory, EFI or BIOS).",
      certainty: "possible",
    },
    {
      text: "VirtualBox runs over Windows' own hypervisor (NEM), which some guests do not survive.",
      certainty: "possible",
    },
  ],
  onlyCauses: true,
  steps: [
    {
      text: "Look at the guest's registers below that line in VBox.log, and try the guest with another setting (EFI, I/O APIC, memory, number of CPUs) or version.",
    },
  ],
  onlySteps: true,
};

function familyOf(name: string): VboxFamily {
  if (name.startsWith("SVM_")) return VBOX_FAMILIES.amd;
  if (name.startsWith("NEM_")) return VBOX_FAMILIES.nem;
  return name.includes("_MSR_") ? VBOX_FAMILIES.firmware : VBOX_FAMILIES.internal;
}

function answer({ layer, gravity, causes, steps }: VboxFamily, values: Decoded["values"] = []): Decoded {
  return {
    layer,
    gravity,
    values,
    causes: causes.map((text) => ({ text, certainty: "possible" })),
    steps,
    onlySteps: true,
  };
}

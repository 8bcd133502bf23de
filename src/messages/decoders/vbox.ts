import type { Decoded } from "../answer.js";
import type { ExplainContext } from "../context.js";
import type { Match } from "../match.js";
import { VBOX_FAMILIES, VBOX_STATUS, type VboxFamily } from "./vbox-status.js";

/** A status code of VirtualBox, by name (`VERR_VMX_…`) or by number (`rc=-4009`). */
export function decodeVboxStatus([match]: readonly [Match, ...Match[]], _context: ExplainContext): Decoded {
  const name = match.groups.name?.toUpperCase();
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

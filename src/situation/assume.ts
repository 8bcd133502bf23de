import { kindOf, wrong } from "../bits/misuse.js";
import { word } from "../bits/word.js";
import { checkHost } from "../host/check-host.js";
import { effectiveMsr } from "../host/existence.js";
import { type CoreGroup, type Host, msrOf } from "../host/host.js";
import { isAbsent, type Msr } from "../host/msr.js";

/** Something assumed because it was not read. */
export interface Assumption {
  readonly id: "firmware=enabled" | "firmware=disabled" | "firmware=unlocked" | "registers=sdm" | "vendor=intel";
  readonly text: string;
}

/**
 * What a user may assume about a host. An assumption fills only what is unknown; it never contradicts a value that was
 * read.
 */
export const ASSUMPTIONS = [
  {
    id: "firmware=enabled",
    text: "IA32_FEAT_CTL was not read; assumed: locked by the firmware with VMX on outside SMX, its other bits unknown",
  },
  {
    id: "firmware=disabled",
    text: "IA32_FEAT_CTL was not read; assumed: locked by the firmware with VMX off",
  },
  {
    id: "firmware=unlocked",
    text: "IA32_FEAT_CTL was not read; assumed: left unlocked by the firmware, so that Linux sets it",
  },
  {
    id: "registers=sdm",
    text: "registers that were not read and that the CPU's own control bits rule out count as absent (SDM appendix A)",
  },
  { id: "vendor=intel", text: "the CPU does not say whose it is; assumed: GenuineIntel" },
] as const satisfies readonly Assumption[];

/** What `assume` takes, and the command line behind `--assume`. */
export type AssumptionId = (typeof ASSUMPTIONS)[number]["id"];

/** What users are given the benefit of the doubt about, by where the host comes from. */
export const DEFAULT_ASSUMPTIONS = {
  // The dumps of the atlas were made under Windows, without IA32_FEAT_CTL.
  atlas: ["firmware=enabled", "registers=sdm"],
  file: ["registers=sdm"],
  machine: [],
} as const satisfies { readonly [origin: string]: readonly AssumptionId[] };

const LOCKED = 1 << 0;
const INSIDE_SMX = 1 << 1;
const OUTSIDE_SMX = 1 << 2;

const FEAT_CTL: { readonly [A in Extract<AssumptionId, `firmware=${string}`>]: Msr } = {
  "firmware=enabled": { state: "value", hi: word(0, -1), lo: word(LOCKED | OUTSIDE_SMX, ~(LOCKED | OUTSIDE_SMX)) },
  "firmware=disabled": {
    state: "value",
    hi: word(0, -1),
    lo: word(LOCKED, ~(LOCKED | INSIDE_SMX | OUTSIDE_SMX)),
  },
  "firmware=unlocked": { state: "value", hi: word(0, -1), lo: word(0, ~LOCKED) },
};

/** Registers whose existence follows from other registers. */
const DEPENDENT = [0x48b, 0x48c, 0x48d, 0x48e, 0x48f, 0x490, 0x491, 0x492, 0x493];

/** The host with the assumption made where the register was not read, and whether that changed anything. */
export function assume(host: Host, id: AssumptionId): { readonly host: Host; readonly used: boolean } {
  checkHost(host);
  if (!ASSUMPTIONS.some((row) => row.id === id)) {
    throw wrong("id", `${kindOf(id)} is not one of ${ASSUMPTIONS.map((row) => row.id).join(", ")}`);
  }
  if (id === "vendor=intel") {
    return host.vendor === undefined
      ? { host: { ...host, vendor: "GenuineIntel" }, used: true }
      : { host, used: false };
  }
  let used = false;
  const fill = (core: CoreGroup, index: number, msr: Msr): CoreGroup => {
    // Zeros that a fault would look like are as good as nothing where the CPU has no such register.
    const open =
      msrOf(core, index).state === "unknown" || (msr.state === "absent" && isAbsent(msrOf(core, index)) === "unknown");
    if (!open || msr.state === "unknown") return core;
    used = true;
    return { ...core, msrs: new Map(core.msrs).set(index, msr) };
  };
  const change = (core: CoreGroup): CoreGroup => {
    if (id !== "registers=sdm") return fill(core, 0x3a, FEAT_CTL[id]);
    return DEPENDENT.reduce((filled, index) => fill(filled, index, effectiveMsr(core, index)), core);
  };
  const [first, ...others] = host.cores;
  const changed: Host = { ...host, cores: [change(first), ...others.map(change)] };
  return { host: used ? changed : host, used };
}

/** Assumptions in the order in which they are made, each once. */
export function inOrder(ids: readonly AssumptionId[]): readonly AssumptionId[] {
  return [...new Set(ids)].sort((a, b) => Number(b === "registers=sdm") - Number(a === "registers=sdm"));
}

/**
 * The host with assumptions made where the fact was not read, and those that filled something in. `registers=sdm`
 * comes first: what the CPU rules out needs no other assumption.
 */
export function assumptions(
  host: Host,
  wanted: readonly AssumptionId[],
): { readonly host: Host; readonly made: readonly Assumption[] } {
  const ids = inOrder(wanted);
  const made: Assumption[] = [];
  let current = host;
  for (const id of ids) {
    const { host: filled, used } = assume(current, id);
    current = filled;
    const row = ASSUMPTIONS.find((one) => one.id === id);
    if (used && row !== undefined) made.push(row);
  }
  return { host: current, made };
}

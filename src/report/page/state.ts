import type { MachineFacts } from "../../kvm/fill-machine.js";
import type { KernelConfig } from "../../rules/condition.js";
import type { Layer } from "../../why/features.js";

/** The parts of the page. */
export const VIEWS = ["layers", "run", "registers", "compare", "explain", "audit"] as const;
export type View = (typeof VIEWS)[number];

/** What the firmware left in IA32_FEATURE_CONTROL. */
export const FIRMWARE = ["on", "off", "unlocked"] as const;
export type Firmware = (typeof FIRMWARE)[number];

/** Facts about the machine that the page has a knob for. */
export const MACHINE = [
  "tboot",
  "enlightenedVmcs",
  "pmu",
  "mediatedPmu",
  "irqPosting",
] as const satisfies readonly (keyof MachineFacts)[];
export type MachineFact = (typeof MACHINE)[number];

/** One bit of an MSR that is turned over: `48b.33`. */
export interface Flip {
  readonly msr: number;
  readonly bit: number;
}

/** A host: the id of a CPU of the atlas, or the number of a host in the pasted text. */
export type HostId = string | number;

/** Everything that decides what the page shows, but for the pasted text itself. */
export interface PageState {
  readonly host: HostId;
  /** As typed; without it the host's own, else the newest long-term release. */
  readonly kernel?: string;
  /** By `module.name`. */
  readonly params: { readonly [name: string]: string };
  readonly config: Partial<KernelConfig>;
  readonly machine: { readonly [F in MachineFact]?: boolean };
  readonly firmware?: Firmware;
  /** A core type. */
  readonly cpu?: string;
  readonly flips: readonly Flip[];
  readonly view: View;
  readonly feature: string;
  readonly layer?: Layer;
  /** A model of QEMU for the last column of the matrix; `host` without it. */
  readonly model?: string;
  readonly path: string;
  /** Position of the step that is looked at; without it the last one. */
  readonly step?: number;
  readonly register: number;
  /** What is compared with. */
  readonly other?: HostId;
  readonly otherKernel?: string;
  readonly otherCpu?: string;
}

export const FIRST_STATE: PageState = {
  host: "intel-50654-skylakex",
  params: {},
  config: {},
  machine: {},
  flips: [],
  view: "layers",
  feature: "mbec",
  path: "secondary",
  register: 0x48b,
};

/** Members that are `undefined` are taken out. */
export type Change = { readonly [K in keyof PageState]?: PageState[K] | undefined };

export function changed(state: PageState, change: Change): PageState {
  const next = { ...state, ...change };
  for (const [name, value] of Object.entries(change))
    if (value === undefined) delete (next as { [name: string]: unknown })[name];
  return next as PageState;
}

/** The same host, or the same question about another: what does not carry over is reset. */
export function withHost(state: PageState, host: HostId): PageState {
  return changed(state, { host, kernel: undefined, cpu: undefined, firmware: undefined, flips: [], step: undefined });
}

/** A flip turned on, or off if it is there. */
export function flipped(flips: readonly Flip[], { msr, bit }: Flip): readonly Flip[] {
  const without = flips.filter((one) => one.msr !== msr || one.bit !== bit);
  return without.length < flips.length ? without : [...flips, { msr, bit }];
}

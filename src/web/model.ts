import { type Word, word } from "../bits/word.js";
import { type CoreGroup, type Host, msrOf, withMsr } from "../host/host.js";
import { msrWords } from "../host/msr.js";
import { atlas, atlasText, entryHost } from "../input/atlas/atlas.js";
import type { ParamsGiven } from "../kvm/load/params.js";
import type { Firmware, Flip, HostId, PageState } from "../report/page/state.js";
import type { Asked } from "../situation/asked.js";
import { type AssumptionId, DEFAULT_ASSUMPTIONS } from "../situation/assume.js";
import { withHost } from "../situation/changed.js";
import { type Situation, type SituationProblem, situationOrProblem } from "../situation/situation.js";
import { type FeatureLayers, layers } from "../why/layers.js";
import { type TracedReplay, tracedReplays } from "../why/traced-replay.js";

/** A host as the page has it. */
export interface PageHost {
  readonly id: HostId;
  readonly host: Host;
  readonly origin: "atlas" | "file";
  readonly source: string;
  readonly notes: readonly string[];
}

/** The answer to everything that the page shows at once. */
export interface Model {
  readonly page: PageHost;
  readonly situation: Situation;
  readonly traces: readonly [TracedReplay, ...TracedReplay[]];
  readonly matrix: readonly FeatureLayers[];
}

/** A CPU of the atlas; undefined for an id that it does not have. */
export function atlasPageHost(id: string): PageHost | undefined {
  const text = atlasText();
  const position = text.find(id);
  if (position < 0) return undefined;
  const entry = text.entry(position);
  const source = `atlas entry ${entry.id}: ${entry.source.path} of ${entry.source.repo}`;
  return { id, host: entryHost(entry), origin: "atlas", source, notes: [] };
}

/** The CPUs of the atlas by name, for the list of choices. */
export function atlasChoices(): readonly { readonly id: string; readonly name: string }[] {
  return atlas().map(({ id, name, codename, launchYear }) => ({
    id,
    name: `${name} (${[codename, launchYear].filter((part) => part !== undefined).join(", ")})`,
  }));
}

const FEAT_CTL = 0x3a;
const ZEROS = { hi: word(0), lo: word(0) };

/** What a firmware leaves, over what was read. */
const FIRMWARE_BITS: { readonly [F in Firmware]: { readonly set: number; readonly clear: number } } = {
  on: { set: 0b101, clear: 0 },
  off: { set: 0b001, clear: 0b110 },
  unlocked: { set: 0, clear: 0b001 },
};

const ASSUMED: { readonly [F in Firmware]: AssumptionId } = {
  on: "firmware=enabled",
  off: "firmware=disabled",
  unlocked: "firmware=unlocked",
};

function withCores(host: Host, change: (core: CoreGroup) => CoreGroup): Host {
  const [first, ...others] = host.cores;
  return { ...host, cores: [change(first), ...others.map(change)] };
}

/** The register with a bit turned over; a register that is not known gets the one bit, an absent one comes to be. */
function withFlip(core: CoreGroup, { msr: index, bit }: Flip): CoreGroup {
  const msr = msrOf(core, index);
  const { hi, lo } = msrWords(msr) ?? ZEROS;
  const mask = (1 << (bit & 31)) >>> 0;
  const turn = (half: Word) => word(half.value ^ mask, half.unknown & ~mask);
  return withMsr(core, index, { state: "value", ...(bit < 32 ? { hi, lo: turn(lo) } : { hi: turn(hi), lo }) });
}

/** Whether the firmware's register was read: then the knob changes it, otherwise the knob is an assumption. */
function firmwareRead({ host }: PageHost): boolean {
  return host.cores.some((core) => msrOf(core, FEAT_CTL).state !== "unknown");
}

/** The host as the knobs make it; the same object where they leave it alone. */
function turned(host: Host, firmware: Firmware | undefined, flips: readonly Flip[]): Host {
  let made = host;
  if (firmware !== undefined) {
    const { set, clear } = FIRMWARE_BITS[firmware];
    made = withCores(made, (core) => {
      const { hi, lo } = msrWords(msrOf(core, FEAT_CTL)) ?? ZEROS;
      const value = word((lo.value | set) & ~clear, lo.unknown & ~(set | clear));
      return withMsr(core, FEAT_CTL, { state: "value", hi, lo: value });
    });
  }
  for (const flip of flips) made = withCores(made, (core) => withFlip(core, flip));
  return made;
}

function paramsOfState(params: PageState["params"]): ParamsGiven {
  const given: { kvm?: { [name: string]: string }; kvm_intel?: { [name: string]: string } } = {};
  for (const [full, value] of Object.entries(params)) {
    const [module, name] = full.split(".") as ["kvm" | "kvm_intel", string];
    given[module] = { ...given[module], [name]: value };
  }
  return given;
}

/** What the state of the page asks of a host: what the options of the command line ask. */
function askedOf(page: PageHost, state: PageState): Asked {
  const { kernel, params, config, machine, cpu, firmware } = state;
  const defaults: readonly AssumptionId[] = DEFAULT_ASSUMPTIONS[page.origin];
  const assume = firmware === undefined ? [] : [ASSUMED[firmware]];
  return {
    ...(kernel === undefined ? {} : { kernel }),
    params: paramsOfState(params),
    config,
    machine,
    ...(cpu === undefined ? {} : { cpu }),
    assume: firmwareRead(page) ? [] : assume,
    assumeByDefault: defaults.filter((id) => firmware === undefined || !id.startsWith("firmware=")),
    source: page.source,
    notes: page.notes,
  };
}

/** The situation that the page shows, or what is wrong with the kernel or the core type. */
export function situationOfPage(page: PageHost, state: PageState): Situation | SituationProblem {
  const made = situationOrProblem(page.host, askedOf(page, state));
  if ("argument" in made) return made;
  const host = turned(made.host, firmwareRead(page) ? state.firmware : undefined, state.flips);
  return host === made.host ? made : withHost(made, host);
}

export function modelOf(page: PageHost, state: PageState): Model | SituationProblem {
  const situation = situationOfPage(page, state);
  if ("argument" in situation) return situation;
  return { page, situation, traces: tracedReplays(situation), matrix: layers(situation) };
}

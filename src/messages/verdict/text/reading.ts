import type { Recognised, TextVerdict } from "../../../answers/answer.js";
import { isOfLoading } from "../../../answers/answer.js";
import { once } from "../../../bits/once.js";
import { showsVmx } from "../../../host/host.js";
import { namedWithoutVmx } from "../../../host/without-vmx.js";
import { type GuestCpu, readGuests } from "../../../input/guests/guest-cpu.js";
import {
  type Circumstances,
  hostsOfPrompts,
  namesOnlyKernel,
  type OwnMachine,
  saysOnlyVirtual,
} from "../../../situation/evidence/own-machine.js";
import { systemIn } from "../../../why/below/named-outer.js";
import { productBelow } from "../../../why/below/product-below.js";
import { cpusNamed } from "../../../why/cpus/named-cpu.js";
import type { DesktopMessages } from "../../desktop-messages.js";
import { guestInWords } from "../guests/model-in-words.js";
import type { SaidInProse } from "../machine-verdict.js";
import { rentedCloud } from "../rented-cloud.js";
import { isOfIntel, OF_INTEL, OF_NESTED, OF_TWO, showsIntel } from "../text-signs.js";

/** A longer text is a log: no configuration is looked for in it. */
const LONGEST_CONFIGURATION = 1_000_000;

export const shortOf = (text: string | undefined): string | undefined =>
  text !== undefined && text.length <= LONGEST_CONFIGURATION ? text : undefined;

/** What the answers to a whole text are found in. What few of them ask for is read when the first one does. */
export interface Reading {
  /** The messages that are known, the weightiest first. */
  readonly recognised: readonly Recognised[];
  readonly machine: OwnMachine | undefined;
  /** The text; undefined where it is too long to look at, or where there is none. */
  readonly text: string | undefined;
  /** The text, however long it is. */
  readonly log: string | undefined;
  readonly circumstances: Circumstances;
  readonly desktop: DesktopMessages | undefined;
  readonly blocking: readonly Recognised[];
  /** Of these, the ones that say why a module does not load. */
  readonly ofLoading: readonly Recognised[];
  /** Whether Linux shows `vmx`; undefined where the text does not have it. */
  readonly flag: boolean | undefined;
  /** Of the machine, only the kernel is known. */
  readonly isBare: boolean;
  readonly guests: () => readonly GuestCpu[];
  /** Those, or the one whose model is named in a sentence. */
  readonly guestsNamed: () => readonly GuestCpu[];
  readonly said: SaidInProse;
  /** What the text is about, where no message of it is known. */
  readonly subject: () => Omit<TextVerdict, "covers"> | undefined;
}

export function readingOf(
  recognised: readonly Recognised[],
  machine: OwnMachine | undefined,
  log: string | undefined,
  desktop: DesktopMessages | undefined,
  circumstances: Circumstances,
): Reading {
  const text = shortOf(log);
  const guests = once(() => (text === undefined ? [] : readGuests(text)));
  const blocking = recognised.filter(({ gravity }) => gravity === "blocks");
  // Where only its kernel is known, the words say as much as without it.
  const isBare = namesOnlyKernel(machine);
  return {
    recognised,
    machine,
    text,
    log,
    circumstances,
    desktop,
    blocking,
    ofLoading: blocking.filter(isOfLoading),
    flag: showsVmx(machine?.situation.host),
    isBare,
    guests,
    guestsNamed: once(() => (text === undefined || guests().length > 0 ? guests() : guestInWords(text))),
    said: saidIn(text, circumstances),
    subject: once(() => {
      if (recognised.length > 0 || text === undefined) return undefined;
      const isOfHost = circumstances.has("said to have nested on") && saysOnlyVirtual(machine?.situation);
      const found = desktop?.subject(text, isOfHost ? undefined : machine);
      return found ?? (isBare ? desktop?.subject(text, undefined) : undefined);
    }),
  };
}

/** The cloud in which the machine of the text is rented. */
export const cloudIn = (text: string | undefined, { has }: Circumstances): string | undefined =>
  text !== undefined && has("in a cloud") ? rentedCloud(text) : undefined;

function saidIn(text: string | undefined, circumstances: Circumstances): SaidInProse {
  const cpu = once(() => {
    const [named, ...others] = text === undefined ? [] : cpusNamed(text);
    return others.length === 0 ? named : undefined;
  });
  return {
    cpu,
    intelCpu: () => (OF_INTEL.test(cpu()?.name ?? "") ? cpu()?.name : undefined),
    isOfIntel: once(() => text !== undefined && isOfIntel(text)),
    showsIntel: once(() => text !== undefined && showsIntel(text)),
    cpuName: once(() => (text === undefined ? undefined : namedWithoutVmx(text))),
    isInside: () => circumstances.has("said to be virtual"),
    cloud: () => cloudIn(text, circumstances),
    inside: () => (text === undefined ? undefined : systemIn(text)),
    product: (shown: string) => (text === undefined ? undefined : productBelow(shown, text)),
    isOneMachine: () => text !== undefined && hostsOfPrompts(text) === 1 && !OF_TWO.test(text),
    isOfNested: () => text === undefined || OF_NESTED.test(text),
  };
}

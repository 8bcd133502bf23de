import { once } from "../bits/once.js";
import type { U64 } from "../bits/u64.js";
import { type Host, msrOf } from "../host/host.js";
import { knownValue } from "../host/msr.js";
import { registersShown } from "../input/text/register-values.js";
import { withoutEnding } from "../input/text/text.js";
import type { VcpuState } from "../kvm/guest/restore.js";
import type { ParamsGiven } from "../kvm/load/params.js";
import { parseBool } from "../kvm/load/parse-param.js";
import type { ReplayOptions } from "../kvm/replay.js";
import type { NamedKernel } from "../rules/held-in-named.js";
import type { Release } from "../rules/release.js";
import { withKernel } from "../situation/changed.js";
import {
  type Circumstance,
  type Circumstances,
  isCircumstance,
  type OwnMachine,
} from "../situation/evidence/own-machine.js";
import type { KernelSet } from "../situation/kernel-answer.js";
import { kernelSet } from "../situation/kernels.js";
import { kernelsText } from "../situation/kernels-text.js";
import { type Situation, situation } from "../situation/situation.js";
import type { Dumps, KeptText, WholeSign } from "../vmcs/dumps/kept-text.js";
import { productBelow } from "../why/below/product-below.js";
import type { DesktopMessages } from "./desktop-messages.js";
import { type Signs, signsIn } from "./signs.js";

/** What the caller knows of the machine that printed the text. */
export interface ExplainOptions {
  /** The machine: then the answers are exact as far as its registers are known. */
  readonly situation?: Situation;
  /**
   * The kernel of the machine where `situation` is not given (for a virtual machine's message from QEMU: of its host), as
   * `uname -r` prints it.
   */
  readonly kernel?: string;
  /** What the vCPU had done when a message about its registers came. Default: not known. */
  readonly vcpu?: VcpuState;
  /** What `desktopMessages` loads. Default: messages of desktop products are not recognised. */
  readonly desktop?: DesktopMessages;
}

/** Everything besides the message itself that an explanation may use. */
export interface ExplainContext {
  readonly host?: Host;
  readonly params?: ParamsGiven;
  /** Given, or taken from the host or from the text. */
  readonly release?: Release;
  /** What is replayed for the host under `release`. */
  readonly options: ReplayOptions;
  /** Where the release comes from. */
  readonly releaseFrom?: "given" | "host" | "text";
  readonly releaseNote?: string;
  readonly vcpu?: VcpuState;
  /** Kernels older than the tables as well. */
  readonly kernel?: NamedKernel;
  readonly signs: Signs;
  readonly anywhere: ReadonlySet<WholeSign>;
  /** What is known to be so of the machine in the text, or of the one that was given. */
  readonly circumstances: Circumstances;
  /** The hypervisor in which the machine runs, as it shows it. */
  readonly outer?: string;
  /** VMCS dumps in the text; read on first use. */
  readonly dumps: () => Dumps;
  /** The lines from the first number to the second, counted from 1; of a long text, those of its beginning. */
  readonly lines: (first: number, last: number) => readonly string[];
}

/**
 * What an explanation may use, under each kernel that the machine can run; without a release if none was named.
 *
 * @param text whose signs are looked for in its beginning only: the rest of a long log is the same machine.
 */
export function explainContexts(
  text: KeptText,
  given: ExplainOptions,
  own: OwnMachine | undefined,
): readonly [ExplainContext, ...ExplainContext[]] {
  const head = text.head();
  const named = kernelIn(head);
  const about = given.situation ?? own?.situation;
  const shown = given.desktop?.shown ?? [];
  const outer = about?.host.observed?.outer;
  // What was read counts for more than what is said.
  const read = parseBool(about?.host.params?.kvm_intel?.nested ?? own?.situation.host.params?.kvm_intel?.nested ?? "");
  const said = once(() => registersShown(head.length > LONGEST_TYPED ? "" : head));
  const common = {
    signs: signsIn(head),
    anywhere: text.signs(),
    circumstances: whenAsked(
      (name) =>
        (about !== undefined && isCircumstance(name, about)) ||
        (name === "module refused by lockdown" && /unsigned module loading is restricted/.test(head)) ||
        saidOfFeatCtl(name, said) ||
        (name === "/dev/kvm exists" && DEVICE_THERE.test(head) && !NAME_ALONE.test(head)) ||
        ((name !== "said to have nested on" || read !== false) &&
          shown.some(([shows, is, not]) => shows === name && is.test(head) && !not?.test(head))),
      {
        reads: (index) =>
          said().has(index) || about?.host.cores.every((core) => knownValue(msrOf(core, index)) !== undefined) === true,
        typed: typedIn(head),
      },
    ),
    dumps: text.dumps,
    lines: linesOf(head),
    ...(named === undefined ? {} : { kernel: named }),
    ...(outer === undefined ? {} : { outer: productBelow(outer, head) ?? outer }),
    ...(given.vcpu === undefined ? {} : { vcpu: given.vcpu }),
  };
  const { from, note, situation } = kernelOf(given, named?.text);
  if (situation === undefined)
    return [{ ...common, options: NO_OPTIONS, ...(note === undefined ? {} : { releaseNote: note }) }];
  const { host, candidates } = situation;
  const known = given.situation === undefined ? {} : { host };
  return mapped(candidates, ({ release, options }): ExplainContext => {
    const named = from === undefined ? {} : { release, releaseFrom: from };
    const params = options.params === undefined ? {} : { params: options.params };
    return { ...common, ...known, ...named, ...params, options, ...(note === undefined ? {} : { releaseNote: note }) };
  });
}

/** IA32_FEAT_CTL by its value in a sentence. */
function saidOfFeatCtl(name: Circumstance, said: () => ReadonlyMap<number, U64>): boolean {
  if (!FEAT_CTL_SAID.has(name)) return false;
  const lo = said().get(0x3a)?.lo;
  return lo !== undefined && (name === "VMX locked on" ? (lo & 5) === 5 : name !== "VMX locked off" || (lo & 7) === 1);
}
const FEAT_CTL_SAID: ReadonlySet<Circumstance> = new Set(["IA32_FEAT_CTL read", "VMX locked on", "VMX locked off"]);

/** Answers are kept: many words make a circumstance, and few circumstances matter to the messages of a text. */
function whenAsked(isSo: (name: Circumstance) => boolean, others: Omit<Circumstances, "has">): Circumstances {
  const known = new Map<Circumstance, boolean>();
  return {
    ...others,
    has(name) {
      const before = known.get(name);
      if (before !== undefined) return before;
      const found = isSo(name);
      known.set(name, found);
      return found;
    },
  };
}

/** Behind the prompt of a shell. */
const PROMPT = /^[\t >]{0,8}(?:PS [^\n>]{1,60}>|[\w.@:~/[\]()-]{0,60} ?[$#%>]) ?(?:sudo )?(?=\w)/;
/** Without one, a command is all that a line has, and what came of it follows. */
const ALONE = /^[\t >]{0,8}(?:sudo )?(?=[a-z])/;

/** The commands that a text shows, without their prompt; looked for when one is first asked for. */
function typedIn(head: string): Circumstances["typed"] {
  const commands = once(() => {
    const lines = head.length > LONGEST_TYPED ? [] : head.split("\n");
    return lines.flatMap((line, at) => {
      if (line.length > 200) return [];
      if (PROMPT.test(line)) return [line.replace(PROMPT, "").trim()];
      return /\S/.test(lines[at + 1] ?? "") ? [line.replace(ALONE, "").trim()] : [];
    });
  });
  return (command) => commands().some((one) => command.test(one));
}
const LONGEST_TYPED = 200_000;

/** Split when it is first asked for. */
function linesOf(head: string): ExplainContext["lines"] {
  const lines = once(() => head.split("\n"));
  return (first, last) => lines().slice(Math.max(0, first - 1), last);
}

/** The kernels to explain under: as given, else the machine's own, else the one that the text names. */
function kernelOf(
  { situation: machine, kernel }: ExplainOptions,
  named: string | undefined,
): {
  readonly from?: ExplainContext["releaseFrom"];
  readonly note?: string | undefined;
  readonly situation?: Situation;
} {
  if (machine !== undefined && machine.kernel.from !== "default") {
    const from = machine.kernel.from === "asked" ? "given" : "host";
    return {
      from,
      note: noteOn(
        machine.kernel,
        machine.candidates.map(({ release }) => release),
      ),
      situation: machine,
    };
  }
  const asked = kernel ?? named;
  const set = asked === undefined ? undefined : kernelSet(asked);
  if (set === undefined || "error" in set) {
    if (kernel !== undefined && set !== undefined) throw new RangeError(`options.kernel: ${set.error}`);
    return { note: set?.error, ...(machine === undefined ? {} : { situation: machine }) };
  }
  const from = kernel === undefined ? "text" : "given";
  return { from, note: noteOn(set, set.candidates), situation: withKernel(machine ?? situationOfNobody(), set) };
}

/** Which kernels a name means, and why, where it is not one that is modelled. */
function noteOn(
  { text, note }: Partial<Pick<KernelSet, "text" | "note">>,
  kernels: readonly Release[],
): string | undefined {
  return note === undefined ? undefined : `the kernel: ${text} → ${kernelsText(kernels)}; ${note}`;
}

/** One object, as what is replayed under it is kept beside it. */
const NO_OPTIONS: ReplayOptions = {};

/** A machine about which nothing is known. */
function situationOfNobody(): Situation {
  return situation({ cores: [{ coreTypes: [], msrs: new Map(), cpuid: { features: {} } }] });
}

function mapped<T, U>(list: readonly [T, ...T[]], change: (one: T) => U): readonly [U, ...U[]] {
  return list.map(change) as unknown as readonly [U, ...U[]];
}

/** Options of a replay for this machine. Its reports hold under its own kernel only. */
export function replayOptions({ options }: ExplainContext, release?: Release): ReplayOptions {
  if (release === undefined || release === options.release) return options;
  const { startFromOffered: _, ...rest } = options;
  return { ...rest, release };
}

/** kvm-ok, virt-host-validate and ls, where they find the device. */
const DEVICE_THERE =
  /INFO: \/dev\/kvm exists|\bKVM \(version \d{1,3}\) is installed and usable|Checking if device '?\/dev\/kvm'? (?:exists|is accessible)\s{0,60}: {0,4}PASS|^c[rwx-]{9}[^\n]{1,60} \/dev\/kvm\W?$|(?<!\b(?:if|whether|when|no|check\w{0,3}|unless|until) (?:device )?["'`]?)\/dev\/kvm[`'"]? (?:does exist|is there|is present|exists)\b(?!\s{0,60}:| (?:or|if|when|and is not)\b|\?)/m;

/** The file was made by hand, or opening it says that no module is behind it. */
const NAME_ALONE = /\bNo such device\b|\b(?:os )?error\W{0,2}19\b|\bmknod [^\n]{0,24}\/dev\/kvm\b/i;

const KERNEL_PATTERNS = [
  /Linux version (\d{1,2}\.\d{1,3}[\w.+~-]{0,60})/,
  /\b(?:Not tainted|Tainted: [A-Z ]{1,30}?)\s{1,8}(\d{1,2}\.\d{1,3}\.[\w.+~-]{1,60})/,
  /^\s{0,8}Linux \S{1,80} (\d{1,2}\.\d{1,3}\.[\w.+~-]{1,60}) #/m,
  // What is refused there, that kernel refuses.
  /\b(?:destination|target|receiving|new)(?: host| node| server| machine| hypervisor)?\b[^\n]{0,100}?\bkernel[ :(v]{1,4}(\d{1,2}\.\d{1,3}(?:\.\d{1,3})?[\w.+~-]{0,40})/i,
  /\bkernel[ :(v]{1,4}(\d{1,2}\.\d{1,3}(?:\.\d{1,3})?[\w.+~-]{0,40})/i,
  /^(?:Uname: Linux|ProcVersionSignature: Ubuntu) (\d{1,2}\.\d{1,3}\.[\w.+~-]{1,60})/m,
  /\buname -r\s{1,4}(\d{1,2}\.\d{1,3}\.[\w.+~-]{1,60})/,
] as const;

function kernelIn(text: string): NamedKernel | undefined {
  for (const pattern of KERNEL_PATTERNS) {
    const found = pattern.exec(text)?.[1];
    const numbers = found === undefined ? null : /^(\d+)\.(\d+)(?:\.(\d+))?/.exec(found);
    if (found !== undefined && numbers !== null) {
      return {
        text: withoutEnding(found, ".,;)"),
        major: Number(numbers[1]),
        minor: Number(numbers[2]),
        ...(numbers[3] === undefined ? {} : { patch: Number(numbers[3]) }),
      };
    }
  }
  return undefined;
}

import { once } from "../../bits/once.js";
import { isSvmVendor, showsVmx } from "../../host/host.js";
import { namedWithoutVmx } from "../../host/without-vmx.js";
import { readGuests } from "../../input/guests/guest-cpu.js";
import { isHostAndGuest } from "../../situation/disputes/host-and-guest.js";
import { cpusNamed } from "../../why/cpus/named-cpu.js";
import { outerStep } from "../../why/questions/next-steps.js";
import {
  type AnsweringVerdict,
  type Explanation,
  type FoundVerdict,
  isOfLoading,
  plainStep,
  type Recognised,
  type TextVerdict,
  uniqueSteps,
} from "../answer.js";
import type { DesktopMessages } from "../desktop-messages.js";
import type { Advice } from "../message.js";
import { changesOf, openSteps } from "../open-steps.js";
import {
  type Circumstances,
  hostsOfPrompts,
  namesOnlyKernel,
  type OwnMachine,
  saysOnlyVirtual,
} from "../own-machine.js";
import { withAskedFeatures } from "./asked/asked-feature.js";
import { autoloaded, builtIn } from "./asked/autoload.js";
import { bitAsked } from "./asked/bit-asked.js";
import { withoutCpuFlags } from "./asked/flags-line.js";
import { harmlessHere } from "./asked/harmless.js";
import { featureChecked } from "./asked/how-to-check.js";
import { askedName } from "./asked/name-asked.js";
import { isOfOtherRegister, otherRegister } from "./asked/other-register.js";
import { registersAsked } from "./asked/registers-read.js";
import { twoValues } from "./asked/two-values.js";
import { valueAsked, wantedRefused } from "./asked/values-asked.js";
import { withMicrocode } from "./differing-cpus.js";
import { guestVerdict } from "./guests/guest-verdict.js";
import { hostBesideGuest } from "./guests/host-beside-guest.js";
import { withNestedOff } from "./guests/nested-off.js";
import { withParamOff } from "./guests/param-off.js";
import { withoutAccelerator } from "./guests/without-accelerator.js";
import { hardwareThere } from "./hardware-there.js";
import { loneErrno } from "./lone-errno.js";
import { EITHER_COUNTED, hypervisorBelow, machineVerdict, sentenceOf } from "./machine-verdict.js";
import { systemIn } from "./named-outer.js";
import { foreignGuestVerdict, otherCpuVerdict } from "./other-cpus.js";
import { KVM_IS_THERE, passesChecks, WORKS } from "./passed-checks.js";
import { productBelow } from "./product-below.js";
import { placed, rentedCloud } from "./rented-cloud.js";
import { assertionLine, crashLine, fatalLine } from "./stopped.js";
import {
  ASKS_VTX,
  asksVtx,
  isOfIntel,
  LISTS_DEVICE,
  mayBeOfTwo,
  OF_INTEL,
  OF_NESTED,
  OF_TWO,
  usesOther,
} from "./text-signs.js";
import {
  CONFIG_DIFFERS,
  GENERAL,
  INSTEAD,
  NO_KVM_HERE,
  SAYS_NONE,
  showsKvmRuns,
  WHY_NO_DEVICE,
  wantsVmx,
} from "./weight.js";
import { withBelow, withNamedOuter } from "./with-named-outer.js";

/** A longer text is a log: no configuration is looked for in it. */
const LONGEST_CONFIGURATION = 1_000_000;

const shortOf = (text: string | undefined): string | undefined =>
  text !== undefined && text.length <= LONGEST_CONFIGURATION ? text : undefined;

/** The answer to the whole text, where it holds a message or describes a machine. */
export function verdictOf(
  explanations: readonly Recognised[],
  machine: OwnMachine | undefined,
  text: string | undefined,
  circumstances: Circumstances,
  desktop?: DesktopMessages,
): AnsweringVerdict | undefined {
  const recognised = explanations.filter(({ message }) => message !== undefined);
  const short = shortOf(text);
  const beside = short !== undefined && mayBeOfTwo(short) ? hostBesideGuest(short, recognised) : undefined;
  const alone = beside ?? answerOf(recognised, machine, text, desktop, circumstances);
  const asks = beside === undefined && short !== undefined;
  const worded = alone && asks ? (desktop?.withWords(alone, short, recognised, machine) ?? alone) : alone;
  const cloud = cloudIn(short, circumstances);
  const found = worded && {
    ...withoutSettles(worded),
    covers: [...worded.covers, ...besides(recognised, worded)],
    steps: uniqueSteps(openSteps(placed(inCloud(worded.steps, cloud), short, circumstances), circumstances)).map(
      plainStep,
    ),
  };
  // A host and its guest do not contradict each other.
  const isOfTwo = machine !== undefined && isHostAndGuest(machine.situation.read);
  const [contradiction, ...more] = isOfTwo ? [] : (machine?.situation.contradictions ?? []);
  if (found === undefined || contradiction === undefined || worded?.settles === true) return found;
  // The message that would answer is one of the two.
  const changed = new Set(worded?.steps.filter((step) => changesOf(step) !== undefined).map(({ text: said }) => said));
  if (found.line !== undefined && contradiction.includes(`line ${found.line}: `)) {
    // Which of the two is so decides whether there is something to change.
    const steps = found.steps.filter(({ text: said }) => !changed.has(said));
    return { ...found, says: `${sentenceOf(contradiction)}.`, steps, evidence: [...more, ...found.evidence] };
  }
  // The first one may be the answer.
  const left = found.says.toLowerCase().includes(contradiction.toLowerCase()) ? more : [contradiction, ...more];
  return { ...found, evidence: [...left, ...found.evidence] };
}

const cloudIn = (text: string | undefined, { has }: Circumstances): string | undefined =>
  text !== undefined && has("in a cloud") ? rentedCloud(text) : undefined;

/** Messages in generic words, where something else answers: what may be behind them is answered with it. */
function besides(recognised: readonly Recognised[], { line, steps, covers }: TextVerdict): readonly string[] {
  if (steps.length === 0) return [];
  return recognised.flatMap(({ message = "", lines: [first], generic }) =>
    generic === true && first !== line && !covers.includes(message) ? [message] : [],
  );
}

/** A cloud has no firmware setup that its customers could change: the kind of machine decides. */
function inCloud(steps: readonly Advice[], cloud: string | undefined): readonly Advice[] {
  return cloud === undefined ? steps : steps.map((step) => (changesOf(step) === "firmware" ? outerStep(cloud) : step));
}

function withoutSettles({ settles: _, ...found }: FoundVerdict): Omit<FoundVerdict, "settles"> {
  return found;
}

function answerOf(
  recognised: readonly Recognised[],
  machine: OwnMachine | undefined,
  text: string | undefined,
  desktop: DesktopMessages | undefined,
  circumstances: Circumstances,
): FoundVerdict | undefined {
  const short = shortOf(text);
  const guests = once(() => (short === undefined ? [] : readGuests(short)));
  const stopped = short === undefined ? undefined : (assertionLine(recognised, short) ?? twoValues(short, recognised));
  if (stopped !== undefined) return stopped;
  const wanted = short === undefined ? undefined : wantedRefused(recognised, short);
  if (wanted !== undefined) return wanted;
  const value = recognised.every(({ message }) => message === "any-feature-missing")
    ? valueAsked(short, machine?.hasRegisters === true)
    : undefined;
  if (value !== undefined && (recognised.length > 0 || registersAsked(short, machine) === undefined))
    return { ...value, covers: recognised.map(({ message }) => message as string) };
  const joined = short === undefined ? undefined : desktop?.joined(short, recognised, machine);
  if (joined !== undefined) return { ...joined, covers: recognised.map(({ message }) => message as string) };
  const fatal = fatalLine(recognised, text) ?? (short === undefined ? undefined : crashLine(recognised, short));
  if (fatal !== undefined) return fatal;
  const blocking = recognised.filter(({ gravity }) => gravity === "blocks");
  const ofLoading = blocking.filter(isOfLoading);
  const nestedInUse = circumstances.has("said to have nested on");
  // Where only its kernel is known, the words say as much as without it.
  const isBare = namesOnlyKernel(machine);
  const subject = once(() => {
    if (recognised.length > 0 || short === undefined) return undefined;
    const found = desktop?.subject(short, nestedInUse && saysOnlyVirtual(machine?.situation) ? undefined : machine);
    return found ?? (isBare ? desktop?.subject(short, undefined) : undefined);
  });
  const cpu = once(() => {
    const [named, ...others] = short === undefined ? [] : cpusNamed(short);
    return others.length === 0 ? named : undefined;
  });
  const prose = {
    cpu,
    intelCpu: () => (OF_INTEL.test(cpu()?.name ?? "") ? cpu()?.name : undefined),
    isOfIntel: once(() => short !== undefined && isOfIntel(short)),
    cpuName: once(() => (short === undefined ? undefined : namedWithoutVmx(short))),
    isInside: () => circumstances.has("said to be virtual"),
    cloud: () => cloudIn(short, circumstances),
    inside: () => (short === undefined ? undefined : systemIn(short)),
    product: (shown: string) => (short === undefined ? undefined : productBelow(shown, short)),
    isOneMachine: () => short !== undefined && hostsOfPrompts(short) === 1 && !OF_TWO.test(short),
    isOfNested: () => short === undefined || OF_NESTED.test(short),
  };
  const below = ({ situation }: OwnMachine) => hypervisorBelow(situation.host, prose);
  // Where Linux shows no vmx, every program that finds no VT-x complains about that.
  const flag = showsVmx(machine?.situation.host);
  const ranSvm = isSvmVendor(machine?.situation.host.vendor) && circumstances.has("KVM runs a guest");
  const noVmx = flag === false && !ranSvm && recognised.some(wantsVmx) && !recognised.some(showsKvmRuns);
  if (recognised.length === 0) {
    const alone = loneErrno(short) ?? withoutAccelerator(short, machine);
    if (alone !== undefined) return alone;
    const isKvm = short !== undefined && !usesOther(short) && !LISTS_DEVICE.test(short);
    const guest = foreignGuestVerdict(short) ?? (isKvm ? guestVerdict(machine, guests(), short) : undefined);
    if (guest !== undefined) return guest;
    const named =
      registersAsked(short, machine) ??
      bitAsked(short, machine) ??
      askedName(short, machine) ??
      otherRegister(short, machine) ??
      autoloaded(short) ??
      builtIn(short) ??
      (machine === undefined ? featureChecked(short) : undefined);
    if (named !== undefined) return { ...named, covers: [] };
  }
  // WSL itself says that nothing below Linux can help.
  const wsl = recognised.find(({ message }) => message === "wsl-nested-machine");
  if (wsl !== undefined && (wsl.gravity === "blocks" || ofLoading.length > 0))
    return rowVerdict(wsl, recognised.filter(isOfLoading));
  // One CPU lacks what another one shows: neither of the two is the machine.
  const lacking = recognised.find(({ message }) => message === "kvm-vmx-not-supported");
  if (lacking !== undefined && flag === true) return rowVerdict(lacking, ofLoading);
  // Every CPU has VMX, and one of them another one: nothing is to be switched on or passed.
  const differing = recognised.find(({ message }) => CONFIG_DIFFERS.has(message ?? ""));
  if (differing !== undefined && machine?.hasRegisters !== true) {
    const same = recognised.filter((one) => isOfLoading(one) || one.message === "kvm-enable-failed");
    return withMicrocode(rowVerdict(differing, same), short);
  }
  const other = otherCpuVerdict(recognised, machine, short, circumstances);
  if (other !== undefined) return other;
  const onlyGeneral = blocking.length > 0 && blocking.every(({ message }) => SAYS_NONE.has(message ?? ""));
  const isThere = circumstances.has("/dev/kvm exists") || circumstances.has("kvm_intel loaded");
  if (onlyGeneral && flag === true && isThere)
    return { ...KVM_IS_THERE, covers: blocking.map(({ message }) => message as string) };
  const moduleMissing = hardwareThere(recognised, machine, prose, circumstances);
  if (moduleMissing !== undefined) return moduleMissing;
  if (machine !== undefined && (ofLoading.length > 0 || noVmx || recognised.length === 0)) {
    const failed = ofLoading.length > 0 || (noVmx && recognised.length > 0);
    const usable =
      recognised.length === 0 &&
      (passesChecks(short) || circumstances.has("KVM runs a guest") || circumstances.has("/dev/kvm exists"));
    const answer = machineVerdict(machine, failed, prose);
    const isKnown = answer?.isKnown === true;
    if (answer === EITHER_COUNTED && passesChecks(short)) return WORKS;
    // That the flag is there says less than that a guest runs.
    const showsMore = isKnown && machine.situation.host.params === undefined && usable && !asksVtx(short);
    const about = isKnown && !showsMore ? undefined : subject();
    if (about !== undefined) return { ...about, covers: [] };
    // What was not read is a question only where VT-x is one.
    const asked = !isBare || short === undefined || ASKS_VTX.test(withoutCpuFlags(short));
    const full = isKnown || (!usable && asked) ? answer?.verdict : undefined;
    const wants = isKnown || failed || short === undefined || ASKS_VTX.test(withoutCpuFlags(short));
    // What a virtual machine gets is a question only where it is asked.
    const found = full === undefined || wants || below(machine) === undefined ? full : { ...full, steps: [] };
    const covers = ofLoading.map(({ message }) => message as string);
    if (found !== undefined) {
      const whole = { ...withNamedOuter(found, machine, short, guests, failed, prose.isInside), covers };
      return failed ? whole : withAskedFeatures(whole, machine, short, below(machine), isKnown);
    }
  }
  // On an AMD CPU what is said about VMX is said about another module.
  const ofLinux = recognised.every(({ product }) => product === "KVM" || product === "Linux" || product === "kmod");
  if (machine !== undefined && isSvmVendor(machine.situation.host.vendor) && ofLinux) {
    const found = machineVerdict(machine, false);
    if (found !== undefined) return { ...found.verdict, covers: recognised.map(({ message }) => message as string) };
  }
  // Messages that only inform say less than what the machine is like.
  const shown = machine?.situation.host.params !== undefined;
  const saysLess = ({ gravity, message }: Explanation) =>
    gravity === "informs" ||
    (shown && GENERAL.has(message as string)) ||
    ((shown || machine?.hasRegisters === true) && message === "any-feature-missing");
  if (machine !== undefined && recognised.every(saysLess) && !isOfOtherRegister(recognised, short)) {
    const found = machineVerdict(machine, false, prose);
    const covers = recognised.flatMap(({ message }) => (message === "any-feature-missing" ? [message] : []));
    if (found?.isKnown === true) return withAskedFeatures({ ...found.verdict, covers }, machine, short, below(machine));
  }
  // HAXM is not what accelerates anything on Linux: what is said about KVM counts for more.
  const ofKvm = blocking.find(({ product }) => product === "KVM user space" || product === "KVM");
  // Where one line only says that an instruction failed and another one why, the other one answers.
  const said = recognised[0]?.message ?? "";
  const isWithout = recognised[0]?.outcome === "no device" || NO_KVM_HERE.has(said);
  const reasons = [...(isWithout ? WHY_NO_DEVICE : []), ...(INSTEAD[said] ?? [])];
  const reason = GENERAL.has(said)
    ? blocking.find(({ message }) => !GENERAL.has(message ?? ""))
    : recognised.find(({ message }) => reasons.includes(message as string));
  const first = reason ?? (recognised[0]?.product === "HAXM" ? (ofKvm ?? recognised[0]) : recognised[0]);
  if (first === undefined) {
    const about = passesChecks(short) ? WORKS : subject();
    return about === undefined ? undefined : { ...about, covers: [] };
  }
  const found = rowVerdict(
    first,
    recognised.filter((other) => saysNoMore(other, first) || (isModuleFile(first) && other.outcome === "no device")),
  );
  const harmless = short === undefined ? undefined : harmlessHere(found, first, short);
  if (harmless !== undefined) return harmless;
  const nestedOff = withNestedOff(found, first, machine) ?? withParamOff(found, first, machine);
  if (nestedOff !== undefined) return nestedOff;
  return withBelow(found, first, { recognised, machine, text: short, guests, circumstances });
}

/** Whether a message adds nothing to another one, which gives its reason. */
function saysNoMore({ message = "" }: Explanation, { message: answer = "" }: Explanation): boolean {
  return message !== answer && INSTEAD[message]?.includes(answer) === true;
}

/** Without the module's file there is no device, whatever else is off. */
const isModuleFile = ({ message }: Explanation): boolean => message === "modprobe-not-found";

function rowVerdict(row: Explanation, covered: readonly Explanation[]): TextVerdict {
  return {
    says: `${row.what}${refusedText(row)}`,
    steps: row.steps.slice(0, 2),
    evidence: [],
    line: row.lines[0],
    covers: covered.map(({ message }) => message as string),
  };
}

/** The bits that were certainly refused, by name. */
function refusedText({ bits }: Explanation): string {
  const refused = bits.filter(
    ({ role, reason }) => (role === "refused" || role === "must be 1") && reason === undefined,
  );
  if (refused.length === 0 || refused.length > 3) return "";
  const names = refused.map(
    ({ register, bit, sdm }) => `bit ${bit} of ${register}${sdm === undefined ? "" : ` (${sdm})`}`,
  );
  return ` Refused: ${names.join(", ")}.`;
}

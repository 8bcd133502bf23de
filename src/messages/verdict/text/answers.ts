import { type Explanation, type FoundVerdict, isOfLoading, type Recognised } from "../../../answers/answer.js";
import { asksWhatIsOff, withAskedFeatures } from "../../../answers/asked/asked-feature.js";
import { autoloaded, builtIn } from "../../../answers/asked/autoload.js";
import { bitAsked, default1Asked } from "../../../answers/asked/bit-asked.js";
import { flagsLineAsked, withoutCpuFlags } from "../../../answers/asked/flags-line.js";
import { harmlessHere } from "../../../answers/asked/harmless.js";
import { featureChecked } from "../../../answers/asked/how-to-check.js";
import { askedName } from "../../../answers/asked/name-asked.js";
import { numbersAsked } from "../../../answers/asked/numbers-asked.js";
import { isOfOtherRegister, otherRegister } from "../../../answers/asked/other-register.js";
import { registersAsked } from "../../../answers/asked/registers-read.js";
import { twoValues } from "../../../answers/asked/two-values.js";
import { featCtlAsked, valueAsked, wantedRefused } from "../../../answers/asked/values-asked.js";
import { vtdShown } from "../../../answers/asked/vtd-shown.js";
import { isSvmVendor, msrOf, showsVmx } from "../../../host/host.js";
import { knownValue } from "../../../host/msr.js";
import type { OwnMachine } from "../../../situation/evidence/own-machine.js";
import { foreignGuestVerdict } from "../cpus/foreign.js";
import { withMicrocode } from "../differing-cpus.js";
import { guestVerdict } from "../guests/guest-verdict.js";
import { nestedRefused, withNestedOff } from "../guests/nested-off.js";
import { withParamOff } from "../guests/param-off.js";
import { withoutAccelerator } from "../guests/without-accelerator.js";
import { hardwareThere, notPassed } from "../hardware-there.js";
import { loneErrno } from "../lone-errno.js";
import { EITHER_COUNTED, hypervisorBelow, machineVerdict, type SaidInProse } from "../machine-verdict.js";
import { otherCpuVerdict } from "../other-cpus.js";
import { KVM_IS_THERE, LOADED_AND_THERE, passesChecks, SAID_TO_LOAD, WITHOUT_FLAGS, WORKS } from "../passed-checks.js";
import { assertionLine, crashLine, fatalLine } from "../stopped.js";
import { ASKS_VTX, asksVtx, LISTS_DEVICE, usesOther } from "../text-signs.js";
import {
  CONFIG_DIFFERS,
  GENERAL,
  INSTEAD,
  lacksKvm,
  NO_KVM_HERE,
  SAYS_NONE,
  showsKvmRuns,
  WHY_NO_DEVICE,
  wantsVmx,
} from "../weight.js";
import { withBelow, withNamedOuter } from "../with-named-outer.js";
import type { Reading } from "./reading.js";
import { idsOf, rowVerdict } from "./row-verdict.js";

/** An answer to the whole text, or undefined where it has nothing to say about it. */
type Answer = (reading: Reading) => FoundVerdict | undefined;

/** In the order of their weight: the first one that has something to say answers. */
const ANSWERS: readonly Answer[] = [
  stoppedEarly,
  valueGiven,
  joinedWithDesktop,
  stoppedHere,
  withoutMessages,
  refusedByWsl,
  flagContradictsMessage,
  flagTakenOut,
  cpusDiffer,
  lockedOffOnSome,
  deviceNotPassed,
  ofAnotherCpu,
  keptFromLoading,
  deviceWithoutFlags,
  kvmIsThere,
  hardwareIsThere,
  ({ recognised, machine, text }) => (text === undefined ? undefined : nestedRefused(recognised, machine, text)),
  describedMachine,
  describedAmd,
  machineBesideNotes,
  weightiestMessage,
  subjectOnly,
];

export function answerOf(reading: Reading): FoundVerdict | undefined {
  for (const answer of ANSWERS) {
    const found = answer(reading);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** An assertion that failed, two values of a register beside each other, or control words that were refused. */
function stoppedEarly({ recognised, text }: Reading): FoundVerdict | undefined {
  if (text === undefined) return undefined;
  return assertionLine(recognised, text) ?? twoValues(text, recognised) ?? wantedRefused(recognised, text);
}

function valueGiven({ recognised, machine, text }: Reading): FoundVerdict | undefined {
  if (text === undefined || !recognised.every(({ message }) => message === "any-feature-missing")) return undefined;
  const featCtl = machine && knownValue(msrOf(machine.situation.read.cores[0], 0x3a));
  const value =
    (recognised.length > 0 ? flagsLineAsked(text) : undefined) ??
    (featCtl === undefined || bitAsked(text, machine) !== undefined ? undefined : featCtlAsked(text, featCtl)) ??
    valueAsked(text, machine?.hasRegisters === true);
  if (value === undefined || (recognised.length === 0 && registersAsked(text, machine) !== undefined)) return undefined;
  return { ...value, covers: idsOf(recognised) };
}

function joinedWithDesktop({ recognised, machine, text, desktop }: Reading): FoundVerdict | undefined {
  if (machine !== undefined && recognised.length === 0 && asksWhatIsOff(machine, text ?? "")) return undefined;
  const joined = text === undefined ? undefined : desktop?.joined(text, recognised, machine);
  return joined && { ...joined, covers: idsOf(recognised) };
}

function stoppedHere({ recognised, text, log }: Reading): FoundVerdict | undefined {
  return fatalLine(recognised, log) ?? (text === undefined ? undefined : crashLine(recognised, text));
}

/** A number, a guest's configuration, a register or a name that is asked about. */
function withoutMessages({ recognised, machine, text, guests }: Reading): FoundVerdict | undefined {
  if (recognised.length > 0) return undefined;
  const alone = loneErrno(text) ?? withoutAccelerator(text, machine) ?? foreignGuestVerdict(text);
  if (alone !== undefined) return alone;
  const isKvm = text !== undefined && !usesOther(text) && !LISTS_DEVICE.test(text);
  const guest = isKvm ? guestVerdict(machine, guests(), text) : undefined;
  if (guest !== undefined) return guest;
  // What the machine of the text has off is asked about: it answers, and no rule for all machines.
  if (machine !== undefined && text !== undefined && asksWhatIsOff(machine, text)) return undefined;
  const named =
    registersAsked(text, machine) ??
    bitAsked(text, machine) ??
    default1Asked(text) ??
    askedName(text, machine) ??
    vtdShown(text) ??
    otherRegister(text, machine) ??
    numbersAsked(text) ??
    autoloaded(text) ??
    builtIn(text) ??
    (machine === undefined ? featureChecked(text) : undefined);
  return named && { ...named, covers: [] };
}

/** WSL itself says that nothing below Linux can help. */
function refusedByWsl({ recognised, ofLoading }: Reading): FoundVerdict | undefined {
  const wsl = recognised.find(({ message }) => message === "wsl-nested-machine");
  if (wsl === undefined || (wsl.gravity !== "blocks" && ofLoading.length === 0)) return undefined;
  return rowVerdict(wsl, recognised.filter(isOfLoading));
}

/** One CPU lacks what another one shows: neither of the two is the machine. */
function flagContradictsMessage({ recognised, ofLoading, flag, circumstances }: Reading): FoundVerdict | undefined {
  const lacking = recognised.find(({ message }) => message === "kvm-vmx-not-supported");
  return lacking !== undefined && (flag === true || circumstances.has("vmx among the flags"))
    ? rowVerdict(lacking, ofLoading)
    : undefined;
}

/** The kernel was asked to leave the flag out. */
function flagTakenOut({ recognised, ofLoading, flag }: Reading): FoundVerdict | undefined {
  const asked = recognised.find(({ message }) => message === "linux-clears-vmx");
  return asked !== undefined && flag !== true ? rowVerdict(asked, ofLoading) : undefined;
}

/** Every CPU has VMX, and one of them another one: nothing is to be switched on or passed. */
function cpusDiffer({ recognised, machine, text }: Reading): FoundVerdict | undefined {
  const differing = recognised.find(({ message }) => CONFIG_DIFFERS.has(message ?? ""));
  // The lock is not what differs: the features of VMX are in other registers.
  const others = machine?.situation.read.cores.some(({ msrs }) => [...msrs.keys()].some((index) => index >= 0x480));
  if (differing === undefined || (machine?.hasRegisters === true && others !== false)) return undefined;
  const same = recognised.filter((one) => isOfLoading(one) || one.message === "kvm-enable-failed");
  return withMicrocode(rowVerdict(differing, same), text);
}

/** KVM is loaded and cannot begin, and the registers of the text say why. */
function lockedOffOnSome({ recognised, machine, said }: Reading): FoundVerdict | undefined {
  const failed = recognised.filter(({ message = "" }) => CANNOT_BEGIN.has(message));
  const found =
    machine === undefined || failed.length === 0 ? undefined : machineVerdict(machine, false, said)?.verdict;
  return found?.claim === "locked off" || found?.claim === "off on some"
    ? { ...found, covers: idsOf(failed) }
    : undefined;
}
const CANNOT_BEGIN: ReadonlySet<string> = new Set(["qemu-create-vm", "kvm-enable-failed", "kvm-vmxon-faulted"]);

function ofAnotherCpu({ recognised, machine, text, circumstances }: Reading): FoundVerdict | undefined {
  return otherCpuVerdict(recognised, machine, text, circumstances);
}

/** KVM's module is loaded, and a program that looks for the device finds none. */
function deviceNotPassed({ recognised, machine, circumstances }: Reading): FoundVerdict | undefined {
  return notPassed(recognised, machine, circumstances);
}

/** The configuration has the module left out, and nothing else says why there is no KVM. */
function keptFromLoading({ recognised, circumstances }: Reading): FoundVerdict | undefined {
  const denied = recognised.find(({ message }) => message === "module-denied");
  const others = recognised.filter((one) => one !== denied && one.gravity !== "informs");
  return denied === undefined || circumstances.has("VMX locked off") || !others.every(lacksKvm)
    ? undefined
    : rowVerdict(denied, recognised.filter(lacksKvm));
}

/** The device is there, on a machine that shows neither flag. */
function deviceWithoutFlags({ recognised, machine, circumstances }: Reading): FoundVerdict | undefined {
  const { vendor, observed } = machine?.situation.read ?? {};
  const isNeither = vendor === undefined && observed?.svm === false && showsVmx(machine?.situation.host) === false;
  return isNeither && recognised.every(({ gravity }) => gravity === "informs") && circumstances.has("/dev/kvm exists")
    ? { ...WITHOUT_FLAGS, covers: idsOf(recognised) }
    : undefined;
}

function kvmIsThere({ blocking, flag, circumstances }: Reading): FoundVerdict | undefined {
  const onlyGeneral =
    blocking.length > 0 && blocking.every(({ message, generic }) => generic === true || SAYS_NONE.has(message ?? ""));
  const [device, module] = [circumstances.has("/dev/kvm exists"), circumstances.has("kvm_intel loaded")];
  if (onlyGeneral && flag === undefined && device && (module || circumstances.has("KVM runs a guest")))
    return { ...KVM_IS_THERE, says: LOADED_AND_THERE, covers: idsOf(blocking) };
  return onlyGeneral && flag === true && (device || module) ? { ...KVM_IS_THERE, covers: idsOf(blocking) } : undefined;
}

function hardwareIsThere({ recognised, machine, said, circumstances }: Reading): FoundVerdict | undefined {
  return hardwareThere(recognised, machine, said, circumstances);
}

/** What the machine of the text is like, where that is the reason of what failed, or where nothing failed. */
function describedMachine(reading: Reading): FoundVerdict | undefined {
  const { recognised, machine, text, circumstances, ofLoading, flag, isBare, guests, said, subject } = reading;
  if (machine === undefined) return undefined;
  // Where Linux shows no vmx, every program that finds no VT-x complains about that.
  const ranSvm = isSvmVendor(machine.situation.host.vendor) && circumstances.has("KVM runs a guest");
  const noVmx = flag === false && !ranSvm && recognised.some(wantsVmx) && !recognised.some(showsKvmRuns);
  const failed = ofLoading.length > 0 || noVmx;
  if (!failed && recognised.length > 0) return undefined;
  const usable =
    recognised.length === 0 &&
    (passesChecks(text) || circumstances.has("KVM runs a guest") || circumstances.has("/dev/kvm exists"));
  const answer = machineVerdict(machine, failed, said);
  const isKnown = answer?.isKnown === true;
  if (answer === EITHER_COUNTED && passesChecks(text)) return WORKS;
  // That the flag is there says less than that a guest runs.
  const showsMore = isKnown && machine.situation.host.params === undefined && usable && !asksVtx(text);
  const about = isKnown && !showsMore ? undefined : subject();
  if (about !== undefined) return { ...about, covers: [] };
  // What was not read is a question only where VT-x is one.
  const asked = !isBare || text === undefined || ASKS_VTX.test(withoutCpuFlags(text));
  const full = isKnown || (!usable && asked) ? answer?.verdict : undefined;
  if (full === undefined) return undefined;
  const wants = isKnown || failed || text === undefined || ASKS_VTX.test(withoutCpuFlags(text));
  const below = belowOf(machine, reading);
  // What a virtual machine gets is a question only where it is asked.
  const loads = text !== undefined && SAID_TO_LOAD.test(text);
  const found = !loads && (wants || below === undefined) ? full : { ...full, steps: [] };
  const whole = {
    ...withNamedOuter(found, machine, text, guests, failed, () => circumstances.has("said to be virtual")),
    // Why there is no device is what the answer says.
    covers: idsOf(failed && isKnown ? [...ofLoading, ...recognised.filter(isNoDevice)] : ofLoading),
  };
  return failed ? whole : withAskedFeatures(whole, machine, text, below, isKnown);
}

const isNoDevice = ({ outcome }: Recognised): boolean => outcome === "no device";

/** On an AMD CPU what is said about VMX is said about another module. */
function describedAmd({ recognised, machine }: Reading): FoundVerdict | undefined {
  const ofLinux = recognised.every(({ product }) => product === "KVM" || product === "Linux" || product === "kmod");
  if (machine === undefined || !isSvmVendor(machine.situation.host.vendor) || !ofLinux) return undefined;
  const found = machineVerdict(machine, false);
  return found && { ...found.verdict, covers: idsOf(recognised) };
}

/** Messages that only inform say less than what the machine is like. */
function machineBesideNotes(reading: Reading): FoundVerdict | undefined {
  const { recognised, machine, text, said } = reading;
  const shown = machine?.situation.host.params !== undefined;
  const saysLess = ({ gravity, message }: Explanation) =>
    gravity === "informs" ||
    (shown && GENERAL.has(message as string)) ||
    ((shown || machine?.hasRegisters === true) && message === "any-feature-missing");
  if (machine === undefined || !recognised.every(saysLess) || isOfOtherRegister(recognised, text)) return undefined;
  const found = machineVerdict(machine, false, said);
  if (found?.isKnown !== true) return undefined;
  const covers = idsOf(recognised.filter(({ message }) => message === "any-feature-missing"));
  return withAskedFeatures({ ...found.verdict, covers }, machine, text, belowOf(machine, reading));
}

function weightiestMessage({ recognised, machine, text, circumstances, blocking, guestsNamed, said }: Reading) {
  const [heaviest] = recognised;
  if (heaviest === undefined) return undefined;
  // HAXM is not what accelerates anything on Linux: what is said about KVM counts for more.
  const ofKvm = blocking.find(({ product }) => product === "KVM user space" || product === "KVM");
  // Where one line only says that an instruction failed and another one why, the other one answers.
  const { message = "" } = heaviest;
  const isWithout = heaviest.outcome === "no device" || NO_KVM_HERE.has(message);
  const reasons = [...(isWithout ? WHY_NO_DEVICE : []), ...(INSTEAD[message] ?? [])];
  const reason = GENERAL.has(message)
    ? blocking.find((one) => !GENERAL.has(one.message ?? ""))
    : recognised.find((one) => reasons.includes(one.message as string));
  const chosen = reason ?? (heaviest.product === "HAXM" ? (ofKvm ?? heaviest) : heaviest);
  const first = recognised.find((one) => INSTEAD[chosen.message ?? ""]?.includes(one.message as string)) ?? chosen;
  // What only finds no KVM adds nothing to why there is none.
  const isReason = WHY_NO_DEVICE.includes(first.message ?? "");
  const saysNoMore = (other: Recognised) =>
    (other !== first && INSTEAD[other.message ?? ""]?.includes(first.message ?? "") === true) ||
    (isReason && (other.outcome === "no device" || NO_KVM_HERE.has(other.message ?? "")));
  const found = rowVerdict(first, recognised.filter(saysNoMore));
  return (
    (text === undefined ? undefined : harmlessHere(found, first, text)) ??
    (first.message === "modprobe-not-found" ? refusedBesides(found, machine, said) : undefined) ??
    withNestedOff(found, first, machine) ??
    withParamOff(found, first, machine) ??
    withBelow(found, first, { recognised, machine, text, guests: guestsNamed, circumstances })
  );
}

function subjectOnly({ text, subject }: Reading): FoundVerdict | undefined {
  const about = passesChecks(text) ? WORKS : subject();
  return about && { ...about, covers: [] };
}

/** The hypervisor below the machine, as far as the values or the words show one. */
const belowOf = ({ situation }: OwnMachine, { said }: Reading): string | undefined =>
  hypervisorBelow(situation.host, said);

/** With its file, the module would be refused. */
function refusedBesides(
  found: FoundVerdict,
  machine: OwnMachine | undefined,
  said: SaidInProse,
): FoundVerdict | undefined {
  const refused = machine === undefined ? undefined : machineVerdict(machine, true, said);
  if (refused?.isKnown !== true) return undefined;
  const { says, steps, evidence } = refused.verdict;
  return {
    ...found,
    says: `${says} The running kernel also lacks the file of the module.`,
    steps: [...steps.slice(0, 1), ...found.steps],
    evidence,
  };
}

import type { ChosenStep, FoundVerdict, Recognised, TextVerdict } from "../../answers/answer.js";
import { lowerFirst } from "../../bits/first-letter.js";
import { isWsl2, msrOf, showsVmx } from "../../host/host.js";
import type { GuestCpu } from "../../input/guests/guest-cpu.js";
import { instanceOf } from "../../input/places/cloud-words.js";
import type { Circumstances, OwnMachine } from "../../situation/evidence/own-machine.js";
import { CLOUDS, CLOUDS_AND_CI } from "../../why/below/clouds.js";
import {
  ALWAYS_BELOW,
  bareMetal,
  type Named,
  namedOuter,
  systemIn,
  WHOLE_MACHINE,
  WSL_1,
} from "../../why/below/named-outer.js";
import { productBelow } from "../../why/below/product-below.js";
import { shownModel } from "../../why/below/shown-model.js";
import { outerStep } from "../../why/questions/next-steps.js";
import { changesOf } from "../open-steps.js";
import { IN_CLOUD, LOAD_KVM, PASS_DEVICE } from "../rows/shared-advice.js";
import { guestOfHost, guestWithoutVmx } from "./guests/guest-verdict.js";
import { machineVerdict } from "./machine-verdict.js";
import { idsOf } from "./text/row-verdict.js";
import { OWN_DOMAIN } from "./text-signs.js";
import { findsNone, NO_KVM_HERE, NO_VMX_HERE, VBOX_NO_VMX } from "./weight.js";

/*
 * The answer about a machine that shows no vmx, with the hypervisor below it that the text names.
 */

const CLOUD_NAMES: ReadonlySet<string> = new Set([...CLOUDS_AND_CI, "WSL"]);

/**
 * The one cloud or hypervisor that a machine without vmx runs in, by the words of the text. A product that is only named
 * may be the program that failed.
 */
function saidOuter(text: string, named: Named | undefined): string | undefined {
  if (WHOLE_MACHINE.test(text)) return undefined;
  const rented = instanceOf(text);
  if (rented !== undefined) return rented;
  // Hetzner rents out whole machines as well.
  if (named !== undefined && CLOUD_NAMES.has(named.name) && named.name !== "Hetzner Cloud") return named.name;
  return systemIn(text);
}

/** Where no vmx is shown, the hypervisor that the text names comes first. */
export function withNamedOuter(
  found: Omit<TextVerdict, "covers">,
  machine: OwnMachine,
  text: string | undefined,
  guests: () => readonly GuestCpu[],
  failed: boolean,
  isInside: () => boolean,
): Omit<TextVerdict, "covers"> {
  const { observed, cores } = machine.situation.host;
  const flag = showsVmx(machine.situation.host);
  const refused = observed?.loadError === "EOPNOTSUPP" && flag !== true;
  const isAbsent = msrOf(machine.situation.host.cores[0], 0x3a).state === "absent";
  // Neither VMX nor SVM in CPUID.
  const none = flag === undefined && observed?.messages?.some((one) => one.includes("no hardware support")) === true;
  if (
    !(flag === false || cores[0].cpuid.features.vmx === false || refused || isAbsent || none) ||
    observed?.outer !== undefined ||
    isWsl2(machine.situation.host)
  )
    return found;
  // On an AMD CPU it is SVM that has to be passed, and what shows it has it.
  if (text === undefined || observed?.svm === true || observed?.modules?.kvm_amd === true) return found;
  const guest = guestWithoutVmx(guests(), machine);
  if (guest !== undefined) return { ...found, says: `${found.says}${guest.says}`, steps: [guest.step, ...found.steps] };
  const named = namedOuter(text, machine);
  const inside = isInside();
  const outer = saidOuter(text, named) ?? (inside && named?.name !== "a virtual machine" ? named?.name : undefined);
  if (outer !== undefined || inside) {
    const said = machineVerdict(machine, failed, outer === undefined ? { isVirtual: true } : { outer });
    if (said !== undefined) return said.verdict;
  }
  if (named === undefined || (CLOUDS.has(named.name) && WHOLE_MACHINE.test(text))) return found;
  if (named.name === "Xen" && DOM0.test(text))
    return {
      ...found,
      says: "By the text this is dom0 of Xen, which uses VT-x itself and shows dom0 none: kvm_intel does not load there.",
      steps: [
        { text: "See what Xen found.", commands: ["xl info | grep -E 'virt_caps|xen_caps'"] },
        { text: "For KVM, choose the entry without Xen in the boot loader." },
      ],
    };
  // A product that is only named may be the one that runs beside Linux.
  const asked = found.steps.filter(({ text }) => text !== WHICH_OUTER.text);
  // A cloud has no firmware setup that its customers could change.
  const left = CLOUDS.has(named.name) ? asked.filter((step) => changesOf(step) !== "firmware") : asked;
  const steps = ALWAYS_BELOW.includes(named.name) ? [named.step, ...left] : [...left, named.step];
  return { ...found, says: `${found.says}${named.says}`, steps };
}

/** A cloud or product that the text names runs another's hypervisor, and is made to pass VT-x in its own way. */
function ofProduct(named: Named, text: string): Named {
  const product = productBelow(named.name, text);
  return product === undefined || product === named.name
    ? named
    : {
        ...named,
        name: product,
        says: ` This is a virtual machine of ${product}: without nested virtualization it has no VT-x.`,
        step: outerStep(product),
      };
}

/** The program that finds none runs in the guest. */
const SAYS_INSIDE =
  /\b(?:inside|within|from inside|in|on) (?:of )?(?:the|my|a|this|that|its) (?:\w{2,12} )?(?:guest|VM|virtual machine)\b|\b(?:guest|VM|virtual machine) (?:has|shows?|sees|says|reports|gets)\b|虚拟机(?:里|中|内)|\bin der VM\b|\bdans la VM\b|\b(?:en|na) la (?:VM|máquina virtual)\b|в виртуальной машине/i;

/** What an answer is put together from. */
interface Whole {
  readonly recognised: readonly Recognised[];
  readonly machine: OwnMachine | undefined;
  /** Undefined where it is too long to look at. */
  readonly text: string | undefined;
  readonly guests: () => readonly GuestCpu[];
  readonly circumstances: Circumstances;
}

/** The answer of the message `first`, with the hypervisor below that the text names, where that may be why there is no VT-x. */
export function withBelow(
  found: FoundVerdict,
  first: Recognised,
  { recognised, machine, text, guests, circumstances }: Whole,
): FoundVerdict {
  if (circumstances.has("in dom0")) return found;
  const noDevice = first.outcome === "no device";
  const noKvm =
    noDevice ||
    (NO_KVM_HERE.has(first.message ?? "") && first.outcome !== "KVM is there" && first.outcome !== "no access");
  const inBare =
    VBOX_NO_VMX.has(first.message ?? "") &&
    text !== undefined &&
    (bareMetal(text) !== undefined || shownModel(text) !== undefined);
  const refused = first.message === "modprobe-error" && /intel\b[^\n]{0,160}not supported/i.test(first.matched);
  const asks = noKvm || inBare || refused || NO_VMX_HERE.has(first.message ?? "");
  const inGuest =
    findsNone(first) && text !== undefined ? guestOfHost(machine, guests, text, circumstances) : undefined;
  if (inGuest !== undefined) {
    return { ...found, ...inGuest, covers: idsOf(recognised.filter(findsNone)) };
  }
  const shown =
    asks && text !== undefined && (first.outcome !== "AMD" || first.product !== "KVM")
      ? namedOuter(text, machine)
      : undefined;
  const named = shown === undefined || text === undefined ? shown : ofProduct(shown, text);
  const guest =
    named === undefined && asks && !OWN_DOMAIN.test(text ?? "") ? guestWithoutVmx(guests(), machine, noKvm) : undefined;
  if (guest?.surely !== undefined && text !== undefined && SAYS_INSIDE.test(text))
    return {
      ...found,
      says: guest.surely,
      steps: [guest.step],
      covers: idsOf(recognised.filter((one) => findsNone(one) || one.outcome === "no device")),
    };
  if (guest !== undefined) return { ...found, says: `${found.says}${guest.says}`, steps: [...found.steps, guest.step] };
  // Where a device is missing, any hypervisor may be named that runs beside; some are always below.
  const isBelow = named?.isBelow === true || circumstances.has("said to be virtual");
  if (named === undefined || (noKvm && circumstances.has("/dev/kvm exists"))) return found;
  if (noKvm && !isBelow) return withCase(found, named, circumstances);
  // Xen runs in no WSL: it is named because Windows' hypervisor is in the way.
  if (first.product === "Xen" && named.name === "WSL") return found;
  // Of the hypervisors below, it is the one that is named.
  const ofContainer = circumstances.has("in a container") || circumstances.has("Docker alone named");
  const isBeside = ({ text: said }: ChosenStep) => said === PASS_DEVICE.text && !ofContainer;
  // With VT-x passed, it would be loaded at boot.
  const isLoadStep = ({ text: said }: ChosenStep) =>
    said === LOAD_KVM.text &&
    // Its machine comes with the kernel that it has.
    (named.name === "Docker Desktop" || (named.isBelow && circumstances.has("KVM's module not loaded")));
  const isWithoutKernel = text !== undefined && named.name === "WSL" && WSL_1.test(text);
  const isRented = isWithoutKernel || named.name === "GitHub Codespaces" || named.name === "a rented workspace";
  const steps = isRented
    ? []
    : found.steps.filter(
        (step) =>
          changesOf(step) !== "outer hypervisor" && step.text !== IN_CLOUD && !isBeside(step) && !isLoadStep(step),
      );
  return { ...found, says: `${found.says}${named.says}`, steps: [named.step, ...steps] };
}

/** Products that run beside KVM as well: only where the machine is one of theirs they are why it has none. */
function withCase(found: FoundVerdict, { name, says, step }: Named, { has }: Circumstances): FoundVerdict {
  if (!RUNS_LINUX.has(name) || has("said to be physical") || has("bare metal")) return found;
  const ofCase = { ...step, text: `If this Linux runs in a machine of ${name}: ${lowerFirst(step.text)}` };
  return {
    ...found,
    says: `${found.says}${says}`,
    steps: [ofCase, ...found.steps.filter((one) => changesOf(one) !== "outer hypervisor")],
  };
}
const RUNS_LINUX: ReadonlySet<string> = new Set(["VMware", "VirtualBox", "Hyper-V", "Parallels", "Proxmox"]);

const DOM0 = /\bdom0\b|^\(XEN\) |\bcontrol_d\b/im;

/** Asks which hypervisor it is. */
const WHICH_OUTER = outerStep(undefined);

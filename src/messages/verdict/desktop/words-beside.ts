import type { FoundVerdict, Recognised } from "../../../answers/answer.js";
import type { Step } from "../../../answers/message.js";
import { showsVmx } from "../../../host/host.js";
import { listedModules } from "../../../input/formats/linux/installed-kernels.js";
import { beganWithUpdate, deniesNested, saysNestedOn } from "../../../input/prose/nested-in-words.js";
import { ofWsl } from "../../../input/prose/windows-words.js";
import { svmNamed } from "../../../input/text/svm-named.js";
import { parseBool } from "../../../kvm/load/parse-param.js";
import type { OwnMachine } from "../../../situation/evidence/own-machine.js";
import { namedOuter } from "../../../why/below/named-outer.js";
import {
  EITHER_FIRMWARE,
  isOuterStep,
  outerStep,
  RELOAD_WITH_NESTED,
  TXT_OFF,
} from "../../../why/questions/next-steps.js";
import { changesOf } from "../../open-steps.js";
import { DROP_VMX, GIVE_CPU, GIVE_TEXT, REAL_STEP } from "../../rows/shared-advice.js";
import { withoutEpt, withoutUnrestricted } from "../cpu-model.js";
import { kvmRuns, theyStart } from "../guests/kvm-runs.js";
import { nestedOfAmd } from "../guests/nested-amd.js";
import { SVM_ON } from "../other-cpus.js";
import { kvmOkFinds } from "../passed-checks.js";
import { idsOf } from "../text/row-verdict.js";
import { lacksKvm } from "../weight.js";
import { IN_SNAP, listedRights, outsideGroup, withRights } from "./device-rights.js";
import { withoutDone } from "./shown/already-set.js";
import { insertedAlone, loadedByHand } from "./shown/by-hand.js";
import { failedInside } from "./shown/failed-inside.js";
import { inGuest, withoutModule } from "./shown/in-guest.js";
import { inPlace, ofApple, ofProvider } from "./shown/in-place.js";
import { inChroot, namesContainer, notInContainer } from "./shown/not-in-container.js";
import { offInSetup } from "./shown/off-in-setup.js";
import { notNeeded, onlyLogged } from "./shown/only-logged.js";
import { iommuBeside, withVtd } from "./shown/vt-d.js";
import { DESKTOP, LONGEST, misbehaving, OTHER_KERNEL, slow, windowsOnKvm } from "./trouble-linux.js";

/*
 * What the words of a text on Linux add to an answer that its messages or its machine give.
 */

const EMULATE: Step = {
  text: "Without it only plain emulation works there, slowly.",
  commands: ["<domain type='qemu'>   # libvirt", "virt_type = qemu   # nova.conf, [libvirt]"],
};

const WANTS_OFF =
  /\b(?:disabl\w{1,3}|turn(?:ing)? off|switch(?:ing)? off|hid(?:e|ing)|mask(?:ing)?)\b[^.\n]{0,30}\b(?:nested|vmx|VT-x)\b/i;
const TYPE_HOST = /\bTYPE:? host\b|\bcpu(?: type)?[=: ]{1,3}host\b/i;
const SEE_ARRIVED: Step = {
  text: "The text names the CPU type host already: shut the guest down, start it, and see in it whether the flag arrived.",
  commands: ["grep -m1 -owE 'vmx|svm' /proc/cpuinfo; sudo dmesg | grep -i kvm"],
};
const GUEST_IS_GIVEN: Step = { text: GIVE_TEXT, commands: GIVE_CPU };

const LXD = /\bInstance type "?virtual-machine"? is not supported on this server\b/i;
const DEVICE_SHOWN = /\bINFO: \/dev\/kvm exists\b|\bKVM \(version \d{1,3}\) is installed and usable\b/;
/** `ls` lists it, as one that everyone may open. */
const LISTED_OPEN = /^[ \t>]{0,8}c[rwx-]{6}rw[x-][^\n]{1,60}\/dev\/kvm\b/m;
const isThere = (text: string): boolean => DEVICE_SHOWN.test(text) || kvmOkFinds(text);
/** People who looked for the file. */
const SAID_THERE =
  /\b[Hh]ost\b[^\n]{0,40}\bkvm works\b|\bkvm works (?:\w{2,8} )?on the host\b|\/dev\/kvm\b[^\n]{0,60}\bI (?:do )?have (?:this|the|that) (?:file|device)\b|\bkvm-ok\b[^.\n]{0,40}\b(?:passes|is (?:ok|fine)|says? (?:ok|yes))|\/dev\/kvm\b[^.\n]{0,12}\b(?:does exist|exists) on (?:the|my) host\b/i;
const NOT_GIVEN: ReadonlySet<string> = new Set([
  "any-no-kvm",
  "container-no-kvm",
  "docker-no-device",
  "emulator-acceleration",
  "emulator-no-kvm",
  "kvm-device",
  "qemu-host-needs-kvm",
  "qemu-no-kvm",
  "qemu-tcg-no-vmx",
]);

/** An answer with what the words around it add, and without what they show as done. */
export function withWords(
  found: FoundVerdict,
  text: string,
  recognised: readonly Recognised[],
  machine: OwnMachine | undefined,
): FoundVerdict {
  const other = inGuest(found, text, recognised, machine);
  if (other !== undefined) return other;
  const worded = withVtd(besideWords(withoutModule(found, text, recognised, machine), text, recognised, machine), text);
  return text.length > LONGEST ? worded : ofProvider(withoutDone(worded, text), text);
}

function besideWords(
  found: FoundVerdict,
  text: string,
  recognised: readonly Recognised[],
  machine: OwnMachine | undefined,
): FoundVerdict {
  // None of this is there on ARM.
  if (found.claim === "ARM") return ofApple(found, text);
  const first = recognised[0];
  const amd = recognised.some(({ gravity }) => gravity === "blocks") ? undefined : nestedOfAmd(text);
  if (amd !== undefined) return amd;
  if (text.length > LONGEST || first?.product === "VirtualBox" || first?.product === "VMware") return found;
  const ofEntry = first?.layer === "VM entry" || first?.layer === "KVM at run time";
  const isFailure = ofEntry && first.gravity === "blocks" && first.message !== "qemu-set-msr";
  if (first?.message === "qemu-internal-error" && found.steps.some(({ text: step }) => step === REAL_STEP.text)) {
    const cpu = withoutUnrestricted(text, machine?.situation);
    if (cpu !== undefined)
      return {
        ...found,
        says: `${found.says} ${cpu} has no unrestricted guest (it came with Westmere), so KVM emulates what firmware and boot loaders run in real mode.`,
        steps: [
          { text: "Use a newer kernel on the host, whose emulator knows more, or a CPU with unrestricted guest." },
          ...found.steps.filter(({ text: step }) => step !== REAL_STEP.text),
        ],
      };
  }
  if (recognised.length > 0 && recognised.every(({ message }) => message === "qemu-requested-feature")) {
    const trouble = misbehaving(text);
    if (trouble !== undefined)
      return { ...trouble, says: `${trouble.says} The warnings about features are harmless.`, covers: found.covers };
  }
  if (
    first !== undefined &&
    recognised.every(({ gravity, message }) => gravity === "harmless" || message === "kvm-perf-erratum")
  ) {
    const runs = kvmRuns(text, machine);
    if (runs !== undefined) return { ...found, ...runs, says: `${runs.says} What the kernel says there is harmless.` };
  }
  const inside = isFailure ? failedInside(found, text, first) : undefined;
  if (inside !== undefined) return inside;
  const inserted = recognised.map((one) => insertedAlone(found, text, one)).find((one) => one !== undefined);
  if (inserted !== undefined) return inserted;
  const unseen = NOT_GIVEN.has(first?.message ?? "") && recognised.every(({ outcome }) => outcome !== "no access");
  const rights = unseen ? listedRights(text) : undefined;
  if (rights !== undefined) return { ...found, ...rights, covers: [...found.covers, first?.message ?? ""] };
  const joining = first?.message === "emulator-acceleration" ? outsideGroup(text) : [];
  if (joining.length > 0)
    return {
      ...found,
      says: "The Android emulator found no KVM that it can use. By the text its user is not in the group kvm, which may open /dev/kvm.",
      steps: joining,
      covers: [...found.covers, "emulator-acceleration"],
    };
  const chroot = unseen ? inChroot(text) : undefined;
  if (chroot !== undefined) return { ...found, ...chroot, covers: [...found.covers, first?.message ?? ""] };
  const said = WORKS_BESIDE.test(text) || SAID_THERE.test(text);
  const listed = LISTED_OPEN.test(text) && namesContainer(text);
  const there = unseen && (said || listed || isThere(text)) ? notInContainer(text, first?.message, said) : undefined;
  if (there !== undefined)
    return {
      ...found,
      ...there,
      covers: [...found.covers, first?.message ?? "", ...idsOf(recognised.filter(lacksKvm))],
    };
  if (unseen && isThere(text))
    return {
      ...found,
      says: "The machine has KVM (the check in the text finds it), and the program does not see it: it runs in a sandbox of its own (Flatpak, Snap), it looked before the device was there, or it asks a libvirt that has no QEMU for KVM.",
      steps: [
        {
          text: "Ask the libvirt that it uses, and start it again.",
          commands: ["virsh capabilities | grep \"domain type='kvm'\"", "flatpak run --command=ls APP -l /dev/kvm"],
        },
      ],
    };
  if (first?.outcome === "no device" && LXD.test(text))
    return {
      ...found,
      says: `${found.says} LXD and Incus look for it once, when they are started.`,
      steps: [
        ...found.steps.slice(0, 1),
        { text: "Then start it again.", commands: ["sudo systemctl restart incus || sudo snap restart lxd"] },
      ],
    };
  if (first !== undefined && (first.outcome === "no device" || unseen) && IN_LXC.test(text) && !LXD.test(text))
    return {
      ...found,
      says: `${first.what} The text is about a container (LXC), which shares the host's kernel: the host has to have /dev/kvm, and to pass it in.`,
      steps: [{ text: "On the host, see whether it has the device; then pass it in.", commands: IN_LXC_COMMANDS }],
      covers: recognised.flatMap(({ message, outcome }) => (outcome === "no device" ? [message as string] : [])),
    };
  if (recognised.some(({ message }) => message === "linux-vmx-outside-txt") && TXT_ON.test(text))
    return {
      ...found,
      says: `${found.says} The text has Intel TXT on in the firmware setup: some firmwares then lock VMX on inside SMX alone, and IA32_FEAT_CTL reads 3.`,
      steps: [TXT_OFF, ...found.steps.filter((step) => changesOf(step) !== "firmware")],
    };
  const logged = onlyLogged(found, text, recognised) ?? notNeeded(found, text, recognised);
  if (logged !== undefined) return logged;
  const forbidden = recognised.some(({ message }) => message === "qemu-no-kvm") && IN_SNAP.test(text);
  const denied = recognised.find(
    (one) => one.outcome === "no access" && (one === first || found.says.startsWith(one.what)),
  );
  const refusing = denied ?? (forbidden ? first : undefined);
  if (refusing !== undefined) {
    const said = withRights(found, text);
    // Where what is to be done is another thing, the row says no more.
    const isOther = !said.steps.some((step) => refusing.steps.some((own) => own.text === step.text));
    return isOther ? { ...said, covers: [...said.covers, refusing.message as string] } : said;
  }
  const windows = first?.product === "WSL" ? windowsOnKvm(text) : undefined;
  if (windows !== undefined)
    return { ...found, says: `${ofWsl(text) ?? first?.what ?? ""} ${windows.says}`, steps: windows.steps };
  const placed = inPlace(found, text, recognised);
  if (placed !== undefined) return placed;
  if (DESKTOP.test(text)) return found;
  const { observed, cores } = machine?.situation.host ?? {};
  const flag = showsVmx(machine?.situation.host);
  const shown = flag === true || cores?.[0].cpuid.features.vmx === true;
  const virtual = cores?.[0].cpuid.features.hypervisor === true || observed?.outer !== undefined;
  const failed = recognised.some(({ gravity }) => gravity === "blocks");
  if (!failed && shown) {
    if (virtual && WANTS_OFF.test(text))
      return {
        ...found,
        says: `${found.says} The guest has it because its CPU is configured with it.`,
        steps: [{ ...DROP_VMX, text: "To take it from the guest, shut it down and change its CPU." }],
      };
    const more =
      (recognised.length === 0 ? (theyStart(text) ?? iommuBeside(text)) : undefined) ??
      misbehaving(text) ??
      (virtual ? undefined : withoutEpt(text, machine)) ??
      (recognised.length === 0 ? slow(text) : undefined);
    return more === undefined
      ? found
      : { ...found, says: `${found.says} ${more.says}`, steps: [...more.steps, ...found.steps].slice(0, 3) };
  }
  const asks = first !== undefined && (first.outcome === "no device" || LACKS.has(first.message as string));
  if (!asks) return found;
  if (first.message === "libvirt-no-kvm-capabilities" && (DEVICE_FOUND.test(text) || kvmOkFinds(text)))
    return {
      ...found,
      says: `${found.says} The text shows that /dev/kvm is there and may be opened: libvirt looked before it was, or has no QEMU that can use it.`,
      steps: [
        {
          text: "Let libvirt probe again, and see that QEMU for this architecture is installed.",
          commands: [
            "sudo systemctl restart libvirtd || sudo systemctl restart virtqemud",
            "virsh domcapabilities --virttype kvm | head; command -v qemu-system-x86_64 qemu-kvm",
          ],
        },
      ],
    };
  const outer = namedOuter(text, machine);
  const byHand = loadedByHand(found, text, first, outer?.isBelow !== true && flag === undefined);
  if (byHand !== undefined) return byHand;
  const off = outer?.isBelow === true || flag !== undefined ? undefined : offInSetup(found, first, text);
  if (off !== undefined) return off;
  if (outer?.isBelow !== true && FIRMWARE_UPDATE.test(text) && !REPAIRED.test(text))
    return {
      ...found,
      says: `${found.says} The firmware was updated: that sets its settings back, often with virtualization off.`,
      steps: found.steps.some(({ text: step }) => /firmware setup/.test(step))
        ? found.steps
        : [...(svmNamed(text) === undefined ? [EITHER_FIRMWARE] : [SVM_ON]), ...found.steps],
    };
  // What refuses itself is the module of the kernel that runs.
  const hasRun =
    /^E(?:IO|OPNOTSUPP)$/.test(machine?.situation.host.observed?.loadError ?? "") ||
    listedModules(text.split("\n")) !== undefined;
  if (outer?.isBelow !== true && !hasRun && (beganWithUpdate(text) || OTHER_RELEASES(text)))
    return {
      ...found,
      says: `${found.says} The text speaks of an update: until the next start the modules on disk may belong to another kernel than the one that runs.`,
      steps: [OTHER_KERNEL, ...found.steps],
    };
  if (deniesNested(text))
    return {
      ...found,
      says: `${found.says} The text says that nested virtualization is not there.`,
      steps: [EMULATE, outerStep(outer?.name ?? "KVM")],
    };
  if (parseBool(machine?.situation.host.params?.kvm_intel?.nested ?? "") === false)
    return {
      ...found,
      says: `${found.says} On the host of the text nested of kvm_intel is off: its guests get no VMX, and no KVM.`,
      steps: [
        { ...RELOAD_WITH_NESTED, text: "On the host, switch nested on; no virtual machine may run." },
        GUEST_IS_GIVEN,
      ],
    };
  const named = outer?.name;
  if (!saysNestedOn(text) || (named !== undefined && named !== "Proxmox" && named !== "a virtual machine"))
    return found;
  return {
    ...found,
    says: `${found.says} The text says that nested virtualization is on: on the host that is not enough, the guest's CPU has to be given vmx as well.`,
    steps: [
      TYPE_HOST.test(text) ? SEE_ARRIVED : GUEST_IS_GIVEN,
      ...found.steps.filter((step) => step.changes !== "firmware" && !isOuterStep(step)),
    ],
  };
}

const TXT_ON =
  /\b(?:TXT|Trusted Execution(?: Technology)?)\b(?: is|:|=)? {0,3}(?:switched |turned )?(?:enabled|on|ticked|checked)\b|\b(?:enabled?|ticked|checked) (?:Intel )?(?:TXT|Trusted Execution)\b/i;
/** People whose virtual machines start. */
const WORKS_BESIDE =
  /\bKVM\b[^.\n]{0,30}\b(?:works|(?:I|we) use it|in use|is used|working)\b[^.\n]{0,12}\b(?:with|in|under|by|via|using|from) (?:virt-manager|libvirt|GNOME Boxes|QEMU)\b/i;
const IN_LXC =
  /\bLX[CE]\b(?! (?:and|or) |[^\n]{0,80} --vm\b)(?<!\blxc(?= (?:info|config|console|start|list)\b))|\bproxmox (?:LX[CE] )?(?:container|CT)\b|\b(?:un)?privileged container\b/i;
const IN_LXC_COMMANDS = [
  "ls -l /dev/kvm   # on the host",
  "# Proxmox",
  "pct set CTID --dev0 /dev/kvm",
  "# LXD, Incus",
  "lxc config device add NAME kvm unix-char path=/dev/kvm",
];

const REPAIRED =
  /\b(?:work\w{0,3}|fixed|solved|resolved)\b[^.\n]{0,24}\b(?:by|after|with) (?:upgrad|updat|flash)\w{2,3} (?:(?:my|the) )?(?:BIOS|UEFI|firmware)\b/i;
const FIRMWARE_UPDATE =
  /\b(?:BIOS|UEFI|firmware) (?:updat|upgrad|flash)(?:e|es|ed|ing)?\b(?! (?:did|does|has|had|made)\b)|\b(?:updat|upgrad|flash)(?:ed|ing)(?: (?:the|my))? (?:\w{2,14} )?(?:BIOS|UEFI|firmware)\b/i;

/** virt-host-validate, kvm-ok. */
const DEVICE_FOUND = /'?\/dev\/kvm'? is accessible\s{0,60}: {0,4}PASS/;

/** Messages that say that KVM or its module is not there. */
const LACKS: ReadonlySet<string> = new Set([
  "any-no-kvm",
  "kubevirt-no-kvm-device",
  "qemu-host-needs-kvm",
  "virt-install-no-kvm",
  "kvm-module-not-loaded",
  "libvirt-no-kvm-capabilities",
  "modprobe-not-found",
  "multipass-no-kvm",
  "proxmox-no-kvm",
]);

/** The modules are looked for under another release than the one that was built or installed. */
const OTHER_RELEASES = (text: string): boolean => {
  const looked = /\bnot found in directory \/lib\/modules\/(?<release>\d[\w.+~-]{2,40})/.exec(text)?.groups?.release;
  const built =
    /\b(?:Starting build|Building|Setting up linux-image-|installed kernel)[: ]{0,2}'?(?<release>\d[\w.+~-]{2,40})/.exec(
      text,
    )?.groups?.release;
  return looked !== undefined && (built ?? looked) !== looked;
};

import type { FoundVerdict, Recognised } from "../../../../answers/answer.js";
import type { Step } from "../../../../answers/message.js";
import { BESIDE, isInWsl2, isWindows10 } from "../../../../input/prose/windows-words.js";
import { svmNamed } from "../../../../input/text/svm-named.js";
import { WHOLE_MACHINE } from "../../../../why/below/named-outer.js";
import { outerStep, PASS_SVM } from "../../../../why/questions/next-steps.js";
import { TO_WINDOWS_11, TO_WINDOWS_11_ON_AMD } from "../../../rows/shared-advice.js";
import { lacksKvm } from "../../weight.js";

/*
 * Places in which nothing that is done inside brings KVM: WSL on Windows 10, and containers of OpenVZ; and nodes that minikube makes.
 */

/** The releases that OpenVZ and Virtuozzo give their kernels, and files that only these have. */
const OPENVZ =
  /\b2\.6\.\d{1,2}-\d[\w.]{0,8}stab\d|\b3\.10\.0-\d[\w.]{1,24}\.vz7\b|\/proc\/vz\b|\/proc\/user_beancounters\b/i;
/** By its name alone, where nothing shows another hypervisor. */
const OPENVZ_NAMED = /\bOpenVZ\b|\bVirtuozzo\b/i;
const IN_ANOTHER = /\bHypervisor (?:vendor|detected)\b|\bKVM (?:VPS|VDS|server)\b|\bmoved (?:away )?(?:to|from)\b/i;
/** Commands of their host. */
const ON_ITS_HOST = /\b(?:vzlist|vzctl|prlctl|prlsrvctl)\b|\/proc\/bc\b/;
/** Where it is named and not meant. */
const NO_OPENVZ = /\b(?:not|no|isn['’]t|without|instead of|rather than) (?:an? )?(?:OpenVZ|Virtuozzo)\b/i;

const OF_MODULE: ReadonlySet<string> = new Set([
  "modprobe-not-found",
  "modules-missing",
  "module-missing",
  "modprobe-error",
]);

/** As lsmod and /proc/modules list it. */
const LOADED = /^[ \t]{0,8}kvm_(?:amd|intel) {1,24}\d{4,8} /m;
const NO_KVM_IN_HOST = /"?kvmEnabled"?: {1,2}"?false\b/;
const IN_KVM = /\bHypervisor vendor: {1,24}KVM\b|\bHypervisor detected: KVM\b/;
const CROSTINI = /\bCrostini\b|\btermina\b/i;

/** What minikube makes its node with. */
const DRIVER = /\bminikube\b[^\0]{0,4000}\bdriver[ =:]{1,2}["']?(?<driver>virtualbox|kvm2|hyperv|vmware)\b/i;
const DRIVERS: { readonly [driver: string]: string | undefined } = {
  virtualbox: "VirtualBox",
  kvm2: "KVM",
  hyperv: "Hyper-V",
  vmware: "VMware",
};
const EMULATE_THERE: Step = {
  text: "Or let KubeVirt emulate, slowly.",
  commands: [
    `kubectl -n kubevirt patch kubevirt kubevirt --type=merge -p '{"spec":{"configuration":{"developerConfiguration":{"useEmulation":true}}}}'`,
  ],
};

/** Undefined where the text shows none of them. */
export function inPlace(
  found: FoundVerdict,
  text: string,
  recognised: readonly Recognised[],
): FoundVerdict | undefined {
  const [first] = recognised;
  const lacks = first?.message === "kvm-device" || lacksKvm(first) || OF_MODULE.has(first?.message ?? "");
  if (
    lacks &&
    (OPENVZ.test(text) || (OPENVZ_NAMED.test(text) && !IN_ANOTHER.test(text))) &&
    !ON_ITS_HOST.test(text) &&
    !NO_OPENVZ.test(text)
  )
    return {
      ...found,
      says: "The text shows OpenVZ (Virtuozzo), in which a VPS is a container: it has no kernel of its own and can load no module, and the flags that it sees are those of the host's CPU. No setting inside brings KVM.",
      steps: [
        {
          text: "Ask who runs the host to pass /dev/kvm into it, or take a virtual server on KVM whose CPU shows vmx or svm.",
          commands: ["systemd-detect-virt || cat /proc/user_beancounters | head -3"],
        },
      ],
      covers: [...found.covers, ...(first?.message === undefined ? [] : [first.message])],
    };
  if (first?.message === "kubevirt-no-kvm-device" && LOADED.test(text))
    return {
      ...found,
      says: "The node has KVM: its module is loaded there. KubeVirt's virt-handler does not offer the device: it does not run on that node, began before the device was there, or may not see it.",
      steps: [
        {
          text: "See whether it runs there and what it says, and let it begin anew.",
          commands: [
            "kubectl get pods -n kubevirt -o wide; kubectl logs -n kubevirt -l kubevirt.io=virt-handler --tail 40",
            "kubectl delete pod -n kubevirt -l kubevirt.io=virt-handler",
          ],
        },
      ],
      covers: [...found.covers, "kubevirt-no-kvm-device"],
    };
  if (first?.message === "ovirt-cpu-type" && NO_KVM_IN_HOST.test(text))
    return {
      ...found,
      says: `oVirt takes no host without KVM, and this one has none (kvmEnabled is false)${IN_KVM.test(text) ? ": it is a machine of KVM, which does not pass VT-x to it" : ": VT-x is off in its firmware, or it is a virtual machine that is not given it"}.`,
      steps: [
        IN_KVM.test(text)
          ? outerStep("KVM")
          : {
              text: "In the host, see which.",
              commands: ["grep -m1 -owE 'vmx|svm' /proc/cpuinfo; systemd-detect-virt"],
            },
      ],
    };
  if (lacks && CROSTINI.test(text) && !/\baarch64\b/.test(text))
    return {
      ...found,
      says: "Linux of ChromeOS (Crostini) is a container in a virtual machine of ChromeOS: it has /dev/kvm only where ChromeOS puts it there, and can load no module. The vmx among its flags is the one of that machine.",
      steps: [
        {
          text: "Without the device only plain emulation is left; a newer ChromeOS may pass it.",
          commands: ["-accel tcg"],
        },
      ],
      covers: [...found.covers, ...(first?.message === undefined ? [] : [first.message])],
    };
  const ofModule = recognised.find(({ message }) => OF_MODULE.has(message ?? ""));
  if (ofModule !== undefined && /\bCodespaces?\b|\/workspaces\//.test(text))
    return {
      ...found,
      says: "A codespace is a container in a virtual machine: it can load no module, and its kernel's files are not in it. It has /dev/kvm only where the service puts it there.",
      steps: [outerStep("GitHub Codespaces")],
      covers: [...found.covers, ofModule.message as string],
    };
  const driver = first?.message === "kubevirt-no-kvm-device" ? DRIVER.exec(text)?.groups?.driver : undefined;
  const below = driver === undefined ? undefined : DRIVERS[driver.toLowerCase()];
  if (below !== undefined)
    return {
      ...found,
      says: `${found.says} The node is a machine that minikube made with ${below}, which has to pass VT-x to it.`,
      steps: [outerStep(below), EMULATE_THERE],
    };
  // What WSL itself says is answered by its own row, and beside another product it is that one's guest that lacks KVM.
  const isOther =
    recognised.some(({ product }) => product === "WSL") ||
    (BESIDE.test(text) && !/\b(?:inside|in|on|under|within) WSL/i.test(text));
  if (!lacksKvm(first) || !isInWsl2(text) || !isWindows10(text) || isOther) return undefined;
  const covers = [...found.covers, first?.message as string];
  // Hyper-V passes AMD-V from Windows 11 and Server 2022 on (Microsoft's documentation of nested virtualization).
  return svmNamed(text) === undefined
    ? {
        ...found,
        says: "This is Windows 10: WSL passes no VT-x there, whatever the CPU, its firmware and .wslconfig, so there is no /dev/kvm.",
        covers,
        steps: [TO_WINDOWS_11],
      }
    : {
        ...found,
        says: "This is Windows 10: neither WSL nor Hyper-V passes AMD-V to a machine there, whatever the CPU, its firmware and .wslconfig, so there is no /dev/kvm.",
        covers,
        steps: [TO_WINDOWS_11_ON_AMD],
      };
}

/** Linux in a machine on a Mac of Apple's own chip: Virtualization.framework passes EL2 from macOS 15 on, on an M3 or later. */
export function ofApple(found: FoundVerdict, text: string): FoundVerdict {
  const chip = /\b(?:Mac\w{0,6}|Parallels|UTM|Lima|Apple)\b[^\n]{0,60}?\b(?<chip>M[1-9](?: (?:Pro|Max|Ultra))?)\b/.exec(
    text,
  )?.groups?.chip;
  if (chip === undefined) return found;
  const isOld = /^M[12]\b/.test(chip);
  return {
    ...found,
    says: `${found.says} On a Mac that is passed from the M3 and macOS 15 on${isOld ? `, so not on this one (${chip})` : ""}.`,
    steps: isOld ? [] : found.steps,
  };
}

/** Machines of a provider, where no host is shown that the writer could change. */
const RENTED =
  /\bVPS\b|\bVDS\b|@v[dp]s\d{0,3}\b|\b(?:hosting|VM) provider\b|\brent(?:ed|ing)? an?\b|провайдер|хостинг|арендова|云服务器|云主机|さくらの/i;
const OWN_HOST = /\/parameters\/nested\b|\b(?:virsh|qm) \w|\b(?:my|on the) (?:host|hypervisor|Proxmox)\b/i;
const OF_PROVIDER: Step = {
  text: "Only the provider can: ask whether its hosts pass virtualization (nested) to this kind of machine, or rent a dedicated one. No setting inside the machine brings it.",
};
const OF_HOSTS: ReadonlySet<string> = new Set([outerStep("KVM").text, outerStep(undefined).text, PASS_SVM.text]);
/** VMware's documentation of virtual hardware: hardware virtualization is passed from version 9 (ESXi 5.1) on. */
const OLD_HARDWARE =
  /\b(?:hardware|HW|compatibility|virtualHW)\b[^.\n]{0,16}?\bv(?:ersion|mx-0?)?\W{0,3}(?:(?:is|was|of)\W{1,3})?(?<version>[4-8])\b/i;

/** Steps that only who runs the host can take, and what comes before them there. */
export function ofProvider(found: FoundVerdict, text: string): FoundVerdict {
  const vmware = outerStep("VMware");
  const sets = ({ commands = [] }: Step): boolean => commands.some((one) => vmware.commands?.includes(one) === true);
  const version = found.steps.some(sets) ? OLD_HARDWARE.exec(text)?.groups?.version : undefined;
  if (version !== undefined)
    return {
      ...found,
      steps: found.steps.map((step) =>
        sets(step)
          ? {
              ...step,
              text: `Its virtual hardware is of version ${version}, which cannot be given VT-x: with the machine off, bring it to version 9 or later, then let it have VT-x in the .vmx file.`,
            }
          : step,
      ),
    };
  if (
    !RENTED.test(text) ||
    OWN_HOST.test(text) ||
    WHOLE_MACHINE.test(text) ||
    !found.steps.some((step) => OF_HOSTS.has(step.text))
  )
    return found;
  return { ...found, steps: [OF_PROVIDER, ...found.steps.filter((step) => !OF_HOSTS.has(step.text))] };
}

/** clabernetes and KubeVirt do it so. */
export const TO_POD: Step = {
  text: "A pod gets it as a resource of a device plugin (KubeVirt's, for one), or as a privileged pod with the file as a volume.",
  commands: ["securityContext: {privileged: true}", "volumes: [{name: kvm, hostPath: {path: /dev/kvm}}]"],
};

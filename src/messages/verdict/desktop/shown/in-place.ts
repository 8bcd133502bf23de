import { isInWsl2, isWindows10 } from "../../../../input/prose/windows-words.js";
import { svmNamed } from "../../../../input/text/svm-named.js";
import { outerStep } from "../../../../why/questions/next-steps.js";
import type { FoundVerdict, Recognised } from "../../../answer.js";
import type { Step } from "../../../message.js";
import { lacksKvm } from "../../weight.js";

/*
 * Places in which nothing that is done inside brings KVM: WSL on Windows 10, and containers of OpenVZ; and nodes that minikube makes.
 */

/** The releases that OpenVZ and Virtuozzo give their kernels, and files that only these have. */
const OPENVZ =
  /\b2\.6\.\d{1,2}-\d[\w.]{0,8}stab\d|\b3\.10\.0-\d[\w.]{1,24}\.vz7\b|\/proc\/vz\b|\bOpenVZ\b|\bVirtuozzo\b/i;
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
export function inPlace(found: FoundVerdict, text: string, first: Recognised | undefined): FoundVerdict | undefined {
  const lacks = first?.message === "kvm-device" || lacksKvm(first) || OF_MODULE.has(first?.message ?? "");
  if (lacks && OPENVZ.test(text) && !ON_ITS_HOST.test(text) && !NO_OPENVZ.test(text))
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
  const driver = first?.message === "kubevirt-no-kvm-device" ? DRIVER.exec(text)?.groups?.driver : undefined;
  const below = driver === undefined ? undefined : DRIVERS[driver.toLowerCase()];
  if (below !== undefined)
    return {
      ...found,
      says: `${found.says} The node is a machine that minikube made with ${below}, which has to pass VT-x to it.`,
      steps: [outerStep(below), EMULATE_THERE],
    };
  if (!lacksKvm(first) || !isInWsl2(text) || !isWindows10(text) || found.says.includes("Windows 10")) return undefined;
  // Hyper-V passes AMD-V from Windows 11 and Server 2022 on (Microsoft's documentation of nested virtualization).
  return svmNamed(text) === undefined
    ? {
        ...found,
        says: `${found.says} This is Windows 10: WSL passes no VT-x there, whatever the CPU and its firmware.`,
        steps: [
          {
            text: "Update to Windows 11, run Linux in a Hyper-V machine, which can be given VT-x, or do without KVM.",
            commands: ["-accel tcg", "Set-VMProcessor -VMName NAME -ExposeVirtualizationExtensions $true"],
          },
        ],
      }
    : {
        ...found,
        says: `${found.says} This is Windows 10: neither WSL nor Hyper-V passes AMD-V to a machine there, whatever the CPU and its firmware.`,
        steps: [{ text: "Update to Windows 11, or do without KVM.", commands: ["-accel tcg"] }],
      };
}

import { isSvmVendor } from "../../../host/host.js";
import type { Explanation, TextVerdict } from "../../answer.js";
import type { OwnMachine } from "../../own-machine.js";
import { checkedOnDesktop } from "../../rows/desktop/windows-check.js";
import { HYPERV_ON } from "../../rows/shared-advice.js";
import { machineHas, modelHas } from "../cpu-model.js";
import { SVM_CPU } from "../other-cpus.js";

/*
 * Messages of desktop products beside what else the text shows: what Windows' own check found, and what the CPU is.
 */

/** Messages that only say that no hypervisor or no VT-x was found: what Windows shows of it decides. */
const ASK_WINDOWS: ReadonlySet<string> = new Set([
  "docker-preconditions",
  "docker-virtualization",
  "generic-vmx-off",
  "hcs-service",
  "hyperv-component",
  "hyperv-not-running",
  "minikube-virtualization",
  "no-vtx-generic",
  "player-virtualization",
  "whpx-missing",
  "windows-requirements",
  "wsl-hyperv-not-installed",
  "wsl-platform-required",
]);

/** Of those, the ones that a feature of Windows or its boot entry causes where VT-x is on. */
const NEEDS_HYPERVISOR: ReadonlySet<string> = new Set([
  "docker-preconditions",
  "docker-virtualization",
  "hyperv-component",
  "hyperv-not-running",
  "whpx-missing",
  "wsl-hyperv-not-installed",
  "wsl-platform-required",
]);

/** Messages of programs that need EPT, most of them unrestricted guest, too. */
const NEEDS_EPT: ReadonlySet<string> = new Set([
  "bhyve-controls",
  "bhyve-create",
  "docker-preconditions",
  "docker-virtualization",
  "hyperv-launch-slat",
  "hypervisor-framework",
  "macos-hv-support",
  "qemu-hvf",
  "vm-bhyve",
  "vmware-no-ept",
  "windows-requirements",
]);

/** VT-x without EPT: it came after them. */
const BEFORE_EPT =
  /\bCore(?:\(TM\)|™)? ?2(?: (?:Duo|Quad|Solo|Extreme))?(?: CPU)?\s{0,8}[A-Z]{0,2}\d{4}\w?\b|\bCore(?:\(TM\)|™)? ?2 (?:Duo|Quad|Solo|Extreme)\b/i;

/** What the messages come to beside what the text shows; undefined where it shows nothing that decides. */
export function joinedOnDesktop(
  text: string,
  recognised: readonly Explanation[],
  machine: OwnMachine | undefined,
): Omit<TextVerdict, "covers"> | undefined {
  const failed = recognised.filter(({ gravity }) => gravity !== "informs");
  const [first] = failed;
  if (failed.every(({ message }) => message === "windows-requirements")) {
    const checked = checkedOnDesktop(text);
    if (checked !== undefined) return checked;
  }
  if (first === undefined) return undefined;
  const old = NEEDS_EPT.has(first.message as string) ? withoutEpt(text, machine) : undefined;
  if (old !== undefined)
    return {
      says: `${first.what} The text shows ${old}, which has VT-x without EPT and unrestricted guest: no setting brings them.`,
      steps: [
        {
          text: "Use a machine with a newer CPU (EPT came with Nehalem, unrestricted guest with Westmere), or plain emulation.",
        },
      ],
      evidence: [],
      line: first.lines[0],
    };
  if (!failed.every(({ message }) => ASK_WINDOWS.has(message as string))) return undefined;
  const checked = checkedOnDesktop(text);
  if (checked === undefined) return undefined;
  const isOn = checked.steps.length === 0;
  if (!isOn) return { ...checked, line: first.lines[0] };
  const asking = failed.find(({ message }) => NEEDS_HYPERVISOR.has(message as string));
  if (asking === undefined) return undefined;
  return {
    says: `${checked.says} What is missing is a feature of Windows, or its boot entry keeps the hypervisor from starting.`,
    steps: [HYPERV_ON],
    evidence: [],
    line: asking.lines[0],
  };
}

/** The CPU, where it has no EPT: by its own registers, by its model, or by a name from before. */
function withoutEpt(text: string, machine: OwnMachine | undefined): string | undefined {
  if (machine === undefined ? SVM_CPU.test(text) : isSvmVendor(machine.situation.host.vendor)) return undefined;
  if (machine !== undefined) {
    const { situation } = machine;
    if (situation.host.cores[0].cpuid.features.vmx === false) return undefined;
    const own = machineHas(situation, "ept");
    const known = own === "unknown" ? modelHas(situation, ({ id }) => id === "ept") : own;
    const virtual = situation.host.cores[0].cpuid.features.hypervisor === true;
    if (known === "yes" || virtual) return undefined;
    if (known === "no") return situation.host.name ?? "a CPU";
  }
  return BEFORE_EPT.exec(text)?.[0].replace(/\s+/g, " ");
}

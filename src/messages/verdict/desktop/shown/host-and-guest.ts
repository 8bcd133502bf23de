import { answer, type TextVerdict } from "../../../../answers/answer.js";
import type { Step } from "../../../../answers/message.js";
import { proseOf } from "../../guests/guest-verdict.js";

/*
 * The flags of two machines in one text: of a host, and of a guest of its. Facts: Linux, Documentation/virt/kvm/x86/running-nested-guests.
 */

/** Flags as /proc/cpuinfo and lscpu print them, in one line or wrapped. */
const FLAGS =
  /^[>\s]{0,6}flags\s{0,20}:[ \t]{0,40}(?<names>[^\n]{20,4000}(?:\n(?![^\n:]{0,30}:)[a-z0-9_ ]{20,300}){0,12})/gim;
const NESTED_VALUE = /\bnested\b[^\n]{0,30}(?:\n[^\n\w]{0,4}|[=:][ "]{0,4}| prints? | is )(?<value>[YN10])\b/g;
const HOSTS_CPU = /\bhost-(?:passthrough|model)\b|-cpu host\b|\bcpu: host\b/;
/** The models of QEMU, by the names that guests show. */
const NAMED_MODEL =
  /\bmodel name\s{0,20}:[ \t]{0,20}(?<model>QEMU Virtual CPU[^\n]{0,24}|Common KVM processor|Intel (?:Core|Xeon|Atom)[^\n@]{0,40}\([^()\n]{4,40}\)|Westmere[^\n]{0,40}|AMD Opteron [^\n]{0,12}\(Gen[^\n]{0,40}|AMD EPYC[^\n]{0,6}Processor)/;

/** They have no parameter of that kind. */
const OTHERS = /\b(?:VMware|vSphere|ESXi?|VirtualBox|Hyper-V|Azure|AWS|EC2|GCP|Parallels|Xen|bhyve|WSL\d?)\b/i;

/** More than a heading or two beside the lists. */
const FEW_WORDS = 25;
const ABOUT =
  /\bnest(?:ed|ing)\b|\b(?:vmx|svm|kvm-ok|VT-?x|AMD-V)\b|\/dev\/kvm|\bvirtuali[sz]ation (?:extensions?|flags?|in)\b/i;

const OFFERED = { vmx: "kvm_intel", svm: "kvm_amd" } as const;

const seeNested = (module: string): Step => ({
  text: `On the host, see whether nested is on; if it is not, load ${module} anew with it (no virtual machine may run).`,
  commands: [
    `cat /sys/module/${module}/parameters/nested`,
    `sudo modprobe -r ${module} && sudo modprobe ${module} nested=1`,
  ],
});
const GIVE: Step = {
  text: "Give the guest the host's CPU, then shut it down and start it; a restart from inside keeps the old one.",
  commands: ["-cpu host", "<cpu mode='host-passthrough'/>", "qm set VMID --cpu host"],
};

/** Whether a guest shows what its host has. */
export function hostAndGuest(text: string, messages: readonly string[]): TextVerdict | undefined {
  if (!messages.every((message) => message === "any-no-flag")) return undefined;
  const prose = proseOf(text);
  if (OTHERS.test(text) || (prose.split(/\s+/).length > FEW_WORDS && !ABOUT.test(prose))) return undefined;
  const lists = [...text.matchAll(FLAGS)].map(({ groups }) => new Set(groups?.names?.split(/\s+/)));
  // Linux lists lahf_lm after hypervisor: a list without both may be cut.
  const hosts = lists.filter((names) => names.has("lahf_lm") && !names.has("hypervisor"));
  const guests = lists.filter((names) => names.has("hypervisor"));
  const [host] = hosts;
  if (host === undefined || guests.length === 0) return undefined;
  const flag = (["vmx", "svm"] as const).find((name) => hosts.every((names) => names.has(name)));
  if (flag === undefined) return undefined;
  const module = OFFERED[flag];
  const shown = guests.filter((names) => names.has(flag)).length;
  if (shown === guests.length)
    return {
      ...answer(
        `The text shows the flags of a host and of what is most likely its guest, and both have ${flag}: the host offers it, and ${module} can load in the guest. Nothing is left to be switched on; a failure inside has another reason.`,
        [
          {
            text: "See what both kernels say when it fails.",
            commands: ["sudo dmesg | grep -i kvm | tail -30; uname -r"],
          },
        ],
      ),
      covers: messages,
    };
  if (shown > 0) return undefined;
  const value = [...text.matchAll(NESTED_VALUE)].at(-1)?.groups?.value;
  const isOn = value === undefined ? undefined : value === "Y" || value === "1";
  const model = NAMED_MODEL.exec(text)?.groups?.model?.trim();
  const leftOut = HOSTS_CPU.test(text)
    ? "the guest was not shut down and started since it was given the host's CPU"
    : `its CPU model${model === undefined ? "" : ` (${model})`} leaves ${flag} out`;
  return {
    ...answer(
      `The text shows the flags of a host, with ${flag}, and of what is most likely its guest, without it: ${
        isOn === true
          ? `nested of ${module} is on, so ${leftOut}.`
          : isOn === false
            ? `nested of the host's ${module} is off.`
            : `nested of the host's ${module} is off, or ${leftOut}.`
      } The firmware has nothing to do with it.`,
      isOn === true ? [GIVE] : [seeNested(module), GIVE],
    ),
    covers: messages,
  };
}

import { answer, type TextVerdict } from "../../../answers/answer.js";
import type { Step } from "../../../answers/message.js";
import { svmNamed } from "../../../input/text/svm-named.js";
import type { OwnMachine } from "../../../situation/evidence/own-machine.js";
import { withoutUnrestricted } from "../cpu-model.js";

/*
 * Guests that KVM runs and that go wrong all the same: VT-x is on there, and nothing has to be switched on.
 */

type Says = Omit<TextVerdict, "covers">;

const RUNS =
  /\bqemu(?:-system-\w{3,8}|-kvm)?\b(?:[^.\n]|\.(?!\s)){0,60}\b(?:hang(?:s|ing)|freez(?:es|ing)|crash(?:es|ing|ed)|panics?|boot(?:ing)? fail\w{0,4})\b|\b(?:launch|start|run|boot)\w{0,3} (?:it with )?(?:kvm|qemu)\b[^.\n]{0,60}\b(?:crash\w{0,3}|hangs?|hung|freez\w{1,3}|froze|panics?)\b|\b(?:savevm|loadvm|live[- ]migrat\w{1,5}|(?:guest|VM|virtual machine)s?(?: \w{2,10}){0,3} (?:panics?|crash\w{0,3}|hangs?|hung|freez\w{1,3}|froze|reboots?|pauses?|paused|boots|booted|lock\w{0,2} up)|(?:fails?|failed) to boot|continuous(?:ly)? reboots?|(?:crash\w{0,3}|hangs?|freez\w{1,3}) (?:on|in|of) (?:an? |the |my )?Windows)\b/i;
/** What a guest kernel ends with. */
const FAULTS =
  /\b(?:general protection faults?|page faults?|double faults?|tripp?le[- ]?faults?|kernel panic|Task gate invoked|without anything appearing|no output|nothing (?:appears|is shown|happens|on the (?:console|screen|serial)))\b/i;
const WITH_KVM =
  /\bkvm[_-]intel\b|^kvm: 1$|^[ \t>]{0,8}(?:[\w@~:$#.-]{0,40}[$#] )?(?:sudo )?kvm (?:-\w|\S{1,80}\.(?:img|iso|qcow2?|raw|vmdk)\b)|-enable-kvm\b|\baccel[= ]kvm\b|\bKVM (?:guests?|VMs?|virtual machines?)\b|\bQEMU\/KVM\b/im;
const ASKED = /-enable-kvm\b|\baccel[= ]kvm\b/i;
const NO_KVM_THERE =
  /\b(?:no|without|lacks?) KVM\b|\bKVM (?:is |was )?(?:not|missing|disabled)\b|\/dev\/kvm\b|\btcg\b/i;
/** KVM is what is missing, and without it the guest is emulated. */
const UNUSABLE =
  /\b(?:KVM|virtuali[sz]ation)\b(?!: VM_)[^.\n]{0,40}\b(?:not (?:available|supported|enabled|found|present|work\w{0,3})|unavailable|unsupported|missing)\b|\b(?:could not|cannot|unable to|failed to) (?:access|open|find|load|initiali[sz]e|use)\b[^.\n]{0,30}\bkvm\b|\/dev\/kvm\b/i;
const SHADOW = /\bept ?[=:] ?[0N]\b/i;
/** Shadow page tables are asked for. */
export const hasShadow = (text: string): boolean => SHADOW.test(text);

/** It is tried with KVM and without, and only without it goes well. */
const CONTRAST =
  /\b(?:without|disabl\w{1,3}|remov\w{1,3}|comment\w{0,3} out|leav\w{1,3} out|no) (?:the )?(?:option |flag )?[`'"*]{0,2}(?:-?-?(?:enable|accel)[-= ])?kvm\b[^.\n]{0,60}\b(?:works?|boot(?:s|ed|ing)|runs?|ran|fine|as (?:it )?expected|fast|(?:no|not|n['’]t) (?:crash|hang|happen)\w{0,2})\b|\b(?:works?|boots?|runs?|fine) (?:\w{2,10} ){0,3}(?:(?:without|with no|if I (?:disable|remove|leave out)) [`'"*]{0,2}(?:-?-?(?:enable|accel)[-= ])?kvm|(?:under|with|in|on) [`'"*]{0,2}(?:-accel )?tcg)\b|\bonly (?:\w{2,10} ){0,3}(?:with|under|when using|(?:if|when) (?:I|we) (?:use|add|pass|enable)|if) [`'"*]{0,2}(?:-?-?(?:enable|accel)[-= ])?kvm\b/i;

/** What KVM itself, its trace or QEMU prints of a guest that ran. */
const RAN =
  /\bL1TF CPU bug present and SMT on|^\s{0,4}\d{1,5} {2,8}\S{1,60} {2,40}running\s{0,8}$|\bwarning: host doesn['’]t support requested feature|\bkvm_exit:|\bkvm_run_exit\b|\bKVM internal error\b|\bKVM: entry failed\b|\bVM-EXIT\s{1,10}Samples\b|\bkvm \[\d{1,7}\]: (?:ignored|vcpu\d)|\bvcpu\d{1,3},? guest rIP\b|\b(?:vcpu_\w{3,20}|vmx_(?:vcpu|handle)_\w{3,20}|handle_ept_\w{3,16}|kvm_(?:set_irq|arch_vcpu_\w{3,24}|vcpu_\w{3,20}|mmu_page_fault|ioapic_\w{3,24}))(?:\.[\w.]{1,16})?\+0x[0-9a-f]{1,6}\/0x[0-9a-f]{1,6} \[kvm|\s[RSD][sl+<]{0,3}\s{1,8}\d{1,5}:\d\d\s{1,8}\S{0,60}(?:qemu|kvm)\S{0,24} [^\n]{0,4000}?(?:-enable-kvm\b|\baccel=kvm\b)/m;

/** In people's words. */
const START =
  /\b(?:VMs?|virtual machines?) (?:do(?:es)? |did )start\b|\b(?:VMs?|virtual machines?) (?:start|run|boot|work)s? (?:up )?(?:fine|ok|okay|normally|well|perfectly|without (?:any )?(?:problems?|issues?|errors?))\b|(?:\b(?:startet|läuft|laufen)\b[^.\n]{0,40}\beinwandfrei\b|虚拟机(?:都)?(?:可以|能)(?:正常)?(?:启动|运行))/i;
const FAILS =
  /\b(?:not|n['’]t|no longer|any ?more|used to|until|before|previously|yesterday|only|on (?:another|other|my other)|if|when|once)\b/i;
/** Of people whose machines start, and do something else wrong. */
const saysTheyStart = (text: string): boolean =>
  text.split(/\n|(?<=[.!?。])\s|,? but /).some((part) => START.test(part) && !FAILS.test(part));
export const theyStart = (text: string): Pick<Says, "says" | "steps"> | undefined =>
  saysTheyStart(text)
    ? {
        says: "By the text virtual machines start there: so it is on and used, and what goes wrong in them is another thing.",
        steps: [],
      }
    : undefined;

/** What strace shows of a program with a vCPU: the calls of a vCPU (Linux, Documentation/virt/kvm/api.rst), which did not fail. */
const OF_VCPU =
  /\bioctl\(\d{1,5}(?:<[^>\n]{1,60}>)?, KVM_(?:RUN|[GS]ET_(?:S?REGS2?|MSRS|FPU|LAPIC|XSAVE|XCRS|MP_STATE|VCPU_EVENTS)|SET_CPUID2|NMI|INTERRUPT)\b(?![^\n]{0,200} = -1)/;
/** The monitor of QEMU, and a module that is in use (Linux, kernel/module/procfs.c). */
const IN_USE = /^kvm support: enabled\b|^[ \t>]{0,8}kvm_(?:intel|amd) {1,24}\d{4,8} {1,4}[1-9]\d{0,4}[ \t]{0,4}$/m;

const words = (found: RegExpExecArray | null): string | undefined => found?.[0].replace(/\s+/g, " ");
const contrastIn = (text: string): string | undefined => (UNUSABLE.test(text) ? undefined : words(CONTRAST.exec(text)));
/** A guest is tried both ways, and goes wrong with KVM alone. */
export const runsOnlyWithout = (text: string): boolean => contrastIn(text) !== undefined;
const troubleIn = (text: string): string | undefined =>
  WITH_KVM.test(text) && !NO_KVM_THERE.test(text)
    ? (words(RUNS.exec(text)) ?? (ASKED.test(text) ? words(FAULTS.exec(text)) : undefined))
    : undefined;

/** Whether a text shows that KVM runs, or ran, a guest. */
export const runsGuest = (text: string): boolean =>
  RAN.test(text) ||
  IN_USE.test(text) ||
  OF_VCPU.test(text) ||
  contrastIn(text) !== undefined ||
  troubleIn(text) !== undefined;

/** Without KVM it fails, and with KVM it goes well. */
const BY_KVM =
  /\b(?:add\w{0,3}|us\w{1,3}|with|enabl\w{1,3})\b[^.\n]{0,12}(?:-?-machine )?(?:-?-?enable-kvm|-?accel[= ]kvm)\b(?:(?!\b(?:but|not|only|without)\b|n['’]t)[^.\n]){0,60}\b(?:help\w{0,2}|works?|boots?|fixe[sd]|solve[sd]|fine)\b/i;
const EMULATED = /\bTCG\b|\bdefault accel\w{0,8}|\bwithout kvm\b/i;
/** A guest is tried both ways, and goes wrong without KVM alone. */
const runsOnlyWith = (text: string): boolean => BY_KVM.test(text) && EMULATED.test(text);
/** QEMU, docs/system/i386/cpu: without an option the CPU is qemu64. */
export function onlyByKvm(text: string): Says | undefined {
  const found = words(BY_KVM.exec(text));
  return found === undefined || !runsOnlyWith(text) || runsOnlyWithout(text)
    ? undefined
    : answer(
        `With KVM the guest starts ("${found}"), so VT-x is on and works. Without it QEMU emulates (TCG), and without -cpu it gives the guest qemu64, which lacks much that systems ask for.`,
        [{ text: "Start it with KVM and the host's CPU.", commands: ["-accel kvm -cpu host"] }],
      );
}

const EMULATES = /\baccel[= ]tcg\b/;
/** A guest that goes wrong, and whose command line asks QEMU for emulation. */
export function emulated(text: string): Says | undefined {
  if (!EMULATES.test(text) || ASKED.test(text)) return undefined;
  if (!RUNS.test(text) && !FAULTS.test(text) && !/\bblue ?screens?\b|\bBSOD\b|\bslow\b/i.test(text)) return undefined;
  const isSlow = /\bslow\b/i.test(text);
  const ofLibvirt = /<domain type=['"]qemu\b/.test(text);
  return answer(
    `QEMU emulates this guest: ${ofLibvirt ? "its definition has type='qemu', which is" : "its command line has"} accel=tcg, so neither KVM nor VT-x is used. ${isSlow ? "That alone makes it many times slower." : "What goes wrong is in the emulation or in the guest."}`,
    [
      {
        text: isSlow ? "Let it run with KVM." : "See whether it is the same with KVM.",
        commands: ofLibvirt
          ? ["virsh edit NAME", "<domain type='kvm'>, <cpu mode='host-passthrough'/>"]
          : ["-accel kvm -cpu host"],
      },
    ],
  );
}

/** The calls of a program that has a vCPU: whatever it fails with, KVM is there. */
export function vcpuTraced(text: string): Says | undefined {
  const call = /KVM_\w+/.exec(OF_VCPU.exec(text)?.[0] ?? "")?.[0];
  return call === undefined
    ? undefined
    : answer(
        `The program has a vCPU of KVM (${call} in the trace): KVM is loaded and passed to where it runs, and virtualization is on. What goes wrong comes after that, in the program, its guest or KVM.`,
        [
          {
            text: "See what the vCPU leaves for, and what the kernel says at that moment.",
            commands: ["sudo perf trace -e 'kvm:*' -a sleep 5 2>&1 | tail -40; sudo dmesg | tail"],
          },
        ],
      );
}

/** KVM runs a guest, and something else goes wrong. */
export function kvmRuns(text: string, machine?: OwnMachine): Says | undefined {
  const contrast = contrastIn(text);
  const found = contrast ?? troubleIn(text);
  if (found === undefined) return undefined;
  const restricted = withoutUnrestricted(text, machine?.situation);
  const real = restricted
    ? ` ${restricted} has no unrestricted guest: KVM emulates real mode there, in which firmware and boot loaders run.`
    : "";
  const shadow = SHADOW.test(text)
    ? " The text has ept=0: KVM then keeps shadow page tables, which few use and which have faults of their own."
    : "";
  const libvirt = LIBVIRT.test(text) ? "; sudo tail -60 /var/log/libvirt/qemu/NAME.log" : "";
  const own = FAULTS.test(text) && ASKED.test(text) && !SYSTEM.test(text);
  return answer(
    `A guest runs with KVM there ("${found}"), so ${svmNamed(text) === undefined ? "VT-x" : "AMD-V"} is on and works: what goes wrong is in KVM, QEMU or the guest.${contrast === undefined && !own ? "" : NOT_EMULATED}${real}${shadow}`,
    [
      ...(real === "" ? [] : [OLDER_MACHINE]),
      ...(shadow === "" || /\bwithout\W{0,3}EPT\b/i.test(text) ? [] : [SHADOW_OFF]),
      own
        ? STOP_THERE
        : {
            text: "See what the host's kernel and QEMU say at that moment, and try a newer one of each.",
            commands: [`sudo dmesg | tail -50${libvirt}`],
          },
    ],
  );
}
/** What runs there is a system that others made, and no kernel of the poster's. */
const SYSTEM =
  /\b(?:Windows (?:XP|Vista|\d{1,2}|Server)|Ubuntu|Debian|CentOS|Fedora|openSUSE|SLES|FreeBSD|OpenBSD|NetBSD)\b/i;
const LIBVIRT = /\blibvirt|\bvirsh\b|\bvirt-manager\b|<domain\b/i;
/** QEMU, docs (x86 emulation): limits and rights of segments are not tested at every access. */
const NOT_EMULATED =
  " KVM runs the guest's code on the CPU itself, in its own time, and the CPU checks what emulation does not (limits and rights of segments, for one).";
const STOP_THERE: Step = {
  text: "Let QEMU stop at the fault and show the registers; and give the guest a plain CPU model, to see whether it uses a feature that it did not ask CPUID for.",
  commands: ["-no-reboot -no-shutdown -monitor stdio   # then: info registers", "-enable-kvm -cpu qemu64"],
};
const OLDER_MACHINE: Step = {
  text: "Let the guest's firmware stay out of what KVM has to emulate: an older machine type, or a machine without SMM.",
  commands: ["-machine pc-i440fx-2.3", "-machine smm=off"],
};
const SHADOW_OFF: Step = {
  text: "See whether it goes away with EPT (no virtual machine may run meanwhile).",
  commands: ["sudo modprobe -r kvm_intel && sudo modprobe kvm_intel ept=1"],
};

import { answer, type Recognised, type TextVerdict } from "../../../../answers/answer.js";

/*
 * Questions whether something runs without KVM. Facts: qemus/qemu and dockur/windows, readme (KVM=N); QEMU, -accel tcg.
 */

/** A longer text shows what fails. */
const LONGEST = 2_000;

const ASKS =
  /\b(?:how|can(?!['’]t|not)|could(?!n['’]t)|possible|is there|others? methods?|any way|setting|setiting)\b[^\n.]{0,80}\b(?:without (?:it|kvm|virtuali[sz]ation|VT-x)|no (?:use )?kvm|kvm ?= ?n)\b|\b(?:no|without|not use) kvm\b[^\n.?]{0,40}\b(?:how|start|possible|methods?|any way)\b/i;
/** What the image itself says then. */
const OFFERED = /^[^\n]{0,40}\bSee the FAQ\b[^\n]{0,200}$/gim;
const OF_IMAGE =
  /\b(?:dockur|dockurr|KVM=N|windows in docker|no kvm start windows)\b|#{1,4} Is your question not already answered in the FAQ/i;
const MESSAGES: ReadonlySet<string> = new Set(["any-no-kvm", "container-no-kvm"]);

/** What there is without KVM, where the text asks for that. */
export function withoutKvm(text: string, recognised: readonly Recognised[]): Omit<TextVerdict, "covers"> | undefined {
  const isAsked =
    text.length <= LONGEST &&
    /\bKVM\b/i.test(text) &&
    recognised.every(({ message }) => MESSAGES.has(message ?? "")) &&
    ASKS.test(text.replace(OFFERED, ""));
  return isAsked
    ? answer(
        "Without KVM QEMU can emulate the CPU (TCG): that needs no VT-x and no /dev/kvm, and is about ten times slower, so that Windows and macOS can hardly be used.",
        [
          OF_IMAGE.test(text)
            ? { text: "Say so in the compose file, under environment.", commands: ['KVM: "N"'] }
            : { text: "Ask QEMU for it.", commands: ["-accel tcg"] },
        ],
      )
    : undefined;
}

const QEMU = /\bqemu-system-(?:x86_64|i386)\b|\bQEMU\b/;
const EMULATED = /\b(?:no|without) KVM\b|\bTCG\b|\b(?:I['’]?m|I am|running) on (?:Windows|mac ?OS)\b/i;
const WITH_KVM = /\baccel[= ]kvm\b|-enable-kvm\b/;

/** A guest that QEMU emulates, and a program in it that finds no VMX. */
export function emulatedGuest(text: string, first: Recognised): Omit<TextVerdict, "covers"> | undefined {
  return first.message === "any-no-flag" && QEMU.test(text) && EMULATED.test(text) && !WITH_KVM.test(text)
    ? answer(
        "QEMU without KVM emulates the guest's CPU (TCG), and that has no VMX, whatever CPU model is asked for; it has SVM. A guest of QEMU gets VMX from KVM alone, on Linux and an Intel CPU.",
        [{ text: "Test under Linux with KVM, or in Bochs, which emulates VMX.", commands: ["-accel kvm -cpu host"] }],
      )
    : undefined;
}

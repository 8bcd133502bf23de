import type { Explanation, TextVerdict } from "../../answers/answer.js";
import type { Step } from "../../answers/message.js";
import { refusedToSwitchOn } from "../../kvm/load/refused-to-switch-on.js";
import { faultingInstruction } from "./faulting.js";
import { frameOfKvm, warnedBelowKvm } from "./guests/host-kernel.js";

/*
 * The line that stopped a program or a kernel, among warnings that send people away from it.
 */

// ---- The line that stopped QEMU ----

const FROM_QEMU =
  /(?:^|[\s"'])(?:\S{0,80}\/)?qemu(?:-system-\w{1,16}|-kvm)?: (?![^\n]{0,40}\b(?:warning|info): )(?<said>\S.{3,400}?)\s*$/i;
const ENDED_BY =
  /\*\*\* (?:buffer overflow|stack smashing) detected \*\*\*: terminated|\bAssertion [`'][^\n]{3,200}' failed\b|^\s{0,8}(?:Segmentation fault|Aborted)(?: \(core dumped\))?/;
const NO_END =
  /^-\w[^:]{0,400}$|terminating on signal|char device redirected|audio: |Slirp|host doesn't support requested feature/i;

const OF_LOADING = /^load of migration failed\b|^error while loading state\b/;
/** What a front end prints of a QEMU that a signal ended. */
const KILLED = /\b(?:QEMU )?process has stopped, return code: -(?<signal>9|15)\b/i;

/**
 * Where all that is recognised are warnings, the line of the same program that is none stopped it: that is what the
 * warnings send people away from.
 */
export function fatalLine(recognised: readonly Explanation[], text: string | undefined): TextVerdict | undefined {
  const warnings = recognised.filter(
    ({ gravity, product }) => product === "QEMU" && (gravity === "harmless" || gravity === "degrades"),
  );
  if (text === undefined || warnings.length === 0 || warnings.length < recognised.length) return undefined;
  let found: { readonly said: string; readonly line: number } | undefined;
  let first: typeof found;
  // A program that the system ends prints without its name.
  for (const [at, line] of text.split("\n").entries()) {
    const said = FROM_QEMU.exec(line)?.groups?.said ?? ENDED_BY.exec(line)?.[0];
    if (said === undefined || NO_END.test(said)) continue;
    // What a loaded state ends with repeats that it was not loaded; the reason is what came first.
    first = found?.line === at ? first : { said, line: at + 1 };
    found = { said, line: at + 1 };
  }
  const isState = found !== undefined && OF_LOADING.test(found.said);
  if (isState) found = first;
  const killed = found === undefined ? KILLED.exec(text) : null;
  if (killed !== null)
    return {
      says: `QEMU was ended by signal ${killed.groups?.signal} from outside ("${killed[0].trim()}"): ${killed.groups?.signal === "9" ? "the kernel does that where memory runs out, and so does what started QEMU" : "what started QEMU does that"}. The warnings about the CPU model are not the reason.`,
      steps: [
        {
          text: "See whether memory ran out; else what started QEMU says why.",
          commands: ["sudo dmesg | grep -iE 'oom|killed process'; free -h"],
        },
      ],
      evidence: [],
      line: text.slice(0, killed.index).split("\n").length,
      covers: warnings.map(({ message }) => message as string),
    };
  if (found === undefined) return undefined;
  const count = warnings.reduce((sum, one) => sum + one.count, 0);
  return {
    says: `QEMU stopped at line ${found.line}: "${found.said}". The ${count === 1 ? "warning" : `${count} warnings`} about the CPU model ${count === 1 ? "is" : "are"} not the reason.`,
    steps: [
      ENDED_BY.test(found.said)
        ? FAULT_OF_QEMU
        : isState
          ? OF_STATE
          : { text: "Repair what that line says; nothing about VMX has to change." },
    ],
    evidence: [],
    line: found.line,
    covers: warnings.map(({ message }) => message as string),
  };
}

/** QEMU, migration/savevm.c: the state of one device was refused. */
const OF_STATE: Step = {
  text: "That is the state of a device, and QEMU does not accept it: write or move it again with the same version of QEMU on both sides, or start the guest anew; nothing about VMX has to change.",
};
const FAULT_OF_QEMU: Step = {
  text: "That is a fault of this build of QEMU: take another build or version; without one that helps, report the line with the command line and a backtrace.",
};

const ASSERTION =
  /\b(?:qemu[\w.-]{0,40}|kvm): [^\n]{0,200}?\b(?<fn>\w{3,60}): Assertion [`'‘](?<what>[^\n]{3,120}?)['’] failed/i;

/** An assertion of QEMU's own, where nothing else says what is the matter. */
export function assertionLine(recognised: readonly Explanation[], text: string): TextVerdict | undefined {
  const found = recognised.length === 0 ? ASSERTION.exec(text) : null;
  if (found === null) return undefined;
  const line = text.slice(0, found.index).split("\n").length;
  return {
    says: `QEMU stopped itself at line ${line}, in its function ${found.groups?.fn}: "${found.groups?.what}" did not hold. That is a fault of QEMU (or of what drives it), and no capability of VT-x is missing.`,
    steps: [
      { text: "Use the newest QEMU; without one that helps, report the line with a backtrace and the command line." },
    ],
    evidence: [],
    line,
    covers: [],
  };
}

// ---- A kernel that crashed ----

const CRASH =
  /\bBUG: (?:unable to handle|kernel NULL pointer|KASAN|scheduling while|stack guard page)|\bkernel stack overflow|\bdouble fault: [0-9a-f]{4} \[#|\bgeneral protection fault\b[^\n]{0,60}\[#\d|\binvalid opcode: [0-9a-f]{4} \[#|\bOops: [0-9a-f]{4} \[#|\bKernel panic - not syncing/;

/** The instruction pointer of a crash, in KVM's modules: `RIP: 0010:handle_vmread+0x15/0x40 [kvm_intel]`. */
const RIP_IN_KVM =
  /\bRIP: (?:[0-9a-f]{4}:)?(?:\[<[0-9a-f]{8,16}>\] {1,3}){0,2}(?:\[<[0-9a-f]{8,16}>\] {1,3})?(?<fn>[\w.]{1,80})\+0x[0-9a-f]{1,6}\/0x[0-9a-f]{1,6} \[(?<module>kvm|kvm_intel|kvm_amd)\]/;
/** Functions of nested KVM in a trace. */
const OF_NESTED = /\b(?:handle_vm(?:read|write|ptrld|launch|resume)|nested_\w{3,40})\+0x/;
/** An oops prints its registers within a few lines, and its code bytes last. */
const LINES_TO_RIP = 25;
const LINES_TO_CODE = 60;

/** A kernel that crashed in KVM, or between messages that say nothing bad: the crash is what the text is about. */
export function crashLine(recognised: readonly Explanation[], text: string): TextVerdict | undefined {
  if (!recognised.every(({ gravity }) => gravity === "harmless" || gravity === "informs")) return undefined;
  const lines = text.split("\n");
  const at = lines.findIndex((line) => CRASH.test(line));
  if (at < 0) return recognised.length === 0 ? warnedBelowKvm(lines) : undefined;
  const inside = lines
    .slice(at, at + LINES_TO_RIP)
    .map((line) => RIP_IN_KVM.exec(line)?.groups)
    .find((groups) => groups !== undefined);
  const frame = frameOfKvm(lines, at);
  const fault = inside === undefined ? faultingInstruction(lines.slice(at, at + LINES_TO_CODE)) : undefined;
  // A hypervisor of one's own may be what crashed it.
  const isOthers = recognised.some(({ product }) => product === "VMX");
  if ((recognised.length === 0 || isOthers) && inside === undefined && fault === undefined && frame === undefined)
    return undefined;
  const failed = recognised.some(({ message }) => message === "kvm-set-dump") ? "A VM entry failed, and the" : "The";
  const crash = `${failed} kernel crashed at line ${at + 1}: "${(lines[at] as string)
    .replace(/^[>\s|]+/, "")
    .trim()
    .slice(0, 200)}"`;
  const covers = recognised.map(({ message }) => message as string);
  const gp = inside?.module === "kvm_intel" && /general protection/.test(lines[at] as string);
  const refused = gp ? refusedToSwitchOn(inside.fn ?? "", text) : undefined;
  if (refused !== undefined)
    return { says: `${crash}, ${refused.says}`, steps: refused.steps, evidence: [], line: at + 1, covers };
  if (fault !== undefined)
    return { says: `${crash}. ${fault.says}`, steps: fault.steps, evidence: [], line: at + 1, covers };
  return {
    says:
      inside === undefined
        ? frame !== undefined
          ? `${crash}, while it worked for KVM (${frame} is in its trace). That is a fault of the kernel; VT-x or AMD-V works, or KVM would not have got that far.`
          : `${crash}. What is printed about virtualization besides is harmless and not the reason.`
        : `${crash}, in function ${inside.fn} of ${inside.module}. That is a fault of the kernel that runs KVM; VT-x works, or KVM would not have got that far.`,
    steps: [
      {
        text:
          inside === undefined
            ? !lines.slice(at, at + LINES_TO_CODE).some((line) => line.includes("RIP:"))
              ? /Kernel panic/.test(lines[at] as string)
                ? "Repair what that line says; KVM itself lacks nothing."
                : "Look at the function behind `RIP:` in the lines that follow that one in the kernel's log, and give them; KVM itself lacks nothing."
              : "Look at the function behind `RIP:` below that line. Use the newest stable update of this kernel; without one, report the whole block."
            : `Use the newest stable update of this kernel; without one, report the whole block.${OF_NESTED.test(text) ? " By the trace a hypervisor inside the guest was the trigger." : ""}`,
      },
    ],
    evidence: [],
    line: at + 1,
    covers,
  };
}

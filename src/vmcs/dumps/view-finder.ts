import type { GuestView } from "./guest-view.js";
import { readSregs, SREGS_LINE } from "./kvm-view.js";

const VIEWS_MOST = 256;
/** Lines before the first of KVM's block, which monitors print general registers on. */
const SREGS_BEFORE = 12;
const SREGS_LINES = 80;
const SREGS_MOST = 16;

/** A line of a register block, and of nothing else that prints fields. */
const BLOCK =
  /CPUM|^\s*(?:[\d:.]{1,32}\s{1,8})?(?:[er]?[a-d]x|[er][sd]i|r\d|[er]?(?:ip|sp|bp|flags)|[c-gs]s|ldtr?|tr|[gi]dtr?|[cd]r\d|efer)\s{0,4}=/i;

/**
 * Collects what KVM_GET_SREGS gave. What the lines mean is decided when the whole block is there, as nothing else in them
 * distinguishes it from other structures.
 */
function sregsFinder(): {
  readonly line: (text: string, number: number) => void;
  readonly end: () => readonly GuestView[];
} {
  const blocks: { text: string; number: number }[][] = [];
  let recent: { text: string; number: number }[] = [];
  let current: { text: string; number: number }[] | undefined;
  return {
    line(text, number) {
      if (current !== undefined) {
        current.push({ text, number });
        if (current.length >= SREGS_LINES) current = undefined;
        return;
      }
      recent.push({ text, number });
      if (recent.length > SREGS_BEFORE) recent = recent.slice(-SREGS_BEFORE);
      if (blocks.length >= SREGS_MOST || text.length > 16_384 || !SREGS_LINE.test(text)) return;
      current = recent;
      recent = [];
      blocks.push(current);
    },
    end: () =>
      blocks
        .filter((lines) => readSregs(lines.map(({ text }) => text)) !== undefined)
        .map((lines) => ({ format: "kvm" as const, lines })),
  };
}

/** Collects register blocks: QEMU's after "EAX=" or "RAX=", VirtualBox's after "Guest CPUM". */
export function viewFinder(): {
  /** True for a line of a register block. */
  readonly line: (text: string, number: number) => boolean;
  readonly end: () => readonly GuestView[];
} {
  const views: { format: "qemu" | "virtualbox"; lines: { text: string; number: number }[]; code?: number }[] = [];
  let current: (typeof views)[number] | undefined;
  let code: number | undefined;
  const sregs = sregsFinder();
  return {
    line(text, number) {
      sregs.line(text, number);
      if (current === undefined && !/[er]ax|hardware error|CPUM/i.test(text)) return false;
      const error = /hardware error (0x[0-9a-f]+)/i.exec(text)?.[1];
      if (error !== undefined) code = Number(error);
      const qemu = /^\s*[ER]AX ?= ?[0-9a-f]{8}/i.test(text) && / [ER]BX ?=/i.test(text);
      const box =
        /Guest CPUM(?: \(VCPU \d+\))? state/i.test(text) ||
        (/^\s*(?:[\d:.]{1,32}\s{0,8})?rax=[0-9a-f]{16} rbx=/.test(text) && !qemu);
      if ((qemu || box) && !(current !== undefined && current.format === "virtualbox" && current.lines.length < 3)) {
        current = undefined;
        if (views.length < VIEWS_MOST) {
          current = { format: box ? "virtualbox" : "qemu", lines: [], ...(code === undefined ? {} : { code }) };
          views.push(current);
        }
        code = undefined;
      }
      if (current === undefined) return false;
      current.lines.push({ text, number });
      if (current.lines.length >= 60) current = undefined;
      return BLOCK.test(text);
    },
    end: () => (views.length > 0 ? views : sregs.end()),
  };
}

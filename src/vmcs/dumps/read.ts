import { checkText } from "../../bits/misuse.js";
import { type Diagnostic, diagnosticLog } from "../../input/text/diagnostic.js";
import { lineSplitter } from "../../input/text/text.js";
import type { VmcsDump } from "./dump.js";
import { payloadOf } from "./envelope.js";
import { type GuestView, readGuestView } from "./guest-view.js";
import { readVmcsJson } from "./json.js";
import { readKernelDump } from "./kernel.js";
import { fieldOfLine, readList } from "./list.js";
import { type ListLine, listLine } from "./list-line.js";
import { sectionFinder } from "./sections.js";

/** What a reader found. `dumps` is empty when the text holds none; a diagnostic says so then. */
export interface VmcsReading {
  readonly dumps: readonly VmcsDump[];
  readonly diagnostics: readonly Diagnostic[];
}

/** Takes a log piece by piece and hands over every dump as soon as it is complete. */
export interface VmcsStream {
  /** Takes the next piece, which may end anywhere, in the middle of a line too. */
  readonly push: (text: string) => void;
  /** Dumps that need the whole text (lists, register blocks) come now. Returns what there is to say about the text. */
  readonly end: () => readonly Diagnostic[];
}

/** Fewer recognised fields than this are not a list of fields but a coincidence. */
const LIST_LEAST = 3;
/** A list has no more lines than this; a longer one is cut, and said to be. */
const LIST_MOST = 4096;
const VIEWS_MOST = 256;

/**
 * Reads the VMCS dumps of a text as it comes: Linux and Xen dumps with any envelope, field lists, HAXM's list, register
 * blocks of QEMU and VirtualBox. JSON needs `readVmcs`, which takes the whole text. Memory stays bounded by the largest
 * dump; nothing throws.
 */
export function vmcsStream(onDump: (dump: VmcsDump) => void, file?: string): VmcsStream {
  const log = diagnosticLog(file);
  let found = 0;
  let lastLine = 1;
  const finder = sectionFinder((raw) => {
    found++;
    onDump(readKernelDump(raw, file));
  });
  const views = viewFinder();
  let list: ListLine[] = [];
  let known = 0;
  const lists: ListLine[][] = [];
  const flushList = (): void => {
    if (known >= LIST_LEAST) lists.push(list);
    list = [];
    known = 0;
  };

  const splitter = lineSplitter((line, number) => {
    lastLine = number;
    const payload = payloadOf(line);
    if (payload === undefined) return;
    finder.line(payload, number);
    views.line(payload.text, number);
    if (found > 0 || finder.open() || payload.text === "" || payload.text.length > 400) return;
    const item = listLine(payload.text, number);
    if (item === undefined) return;
    const field = fieldOfLine(item);
    if (field === undefined) {
      // A name that looks like a field's is worth a complaint; any other line is noise.
      if (
        list.length > 0 &&
        list.length < LIST_MOST &&
        (item.encoding !== undefined || /^[A-Za-z]+_[A-Za-z0-9_]+$/.test(item.name ?? ""))
      )
        list.push(item);
      return;
    }
    // The first field again: another list begins.
    const firstField = list[0] === undefined ? undefined : fieldOfLine(list[0]);
    if (known >= LIST_LEAST && field === firstField && field.encoding === firstField?.encoding && known > 20)
      flushList();
    if (list.length < LIST_MOST) {
      list.push(item);
      known++;
    }
  }, log);

  return {
    push: (text) => splitter.push(text),
    end() {
      splitter.end();
      finder.end(lastLine);
      flushList();
      if (found === 0) {
        for (const lines of lists) {
          found++;
          onDump(readList(lines, file));
        }
      }
      if (found === 0) {
        for (const view of views.end()) {
          found++;
          onDump(readGuestView(view, file));
        }
      }
      if (found === 0) {
        log.error(
          { line: 1, column: 1 },
          "no VMCS dump found",
          'the text between "*** Guest State ***" and "Virtual processor ID", a list of fields, or JSON; on Linux load kvm_intel with dump_invalid_vmcs=1',
        );
      }
      return log.list();
    },
  };
}

/** Reads every VMCS of a text, JSON included. */
export function readVmcs(text: string, file?: string): VmcsReading {
  checkText(text, "text");
  if (file !== undefined) checkText(file, "file", "a name for messages");
  const start = /^\uFEFF?\s*([[{])/.exec(text.slice(0, 4096))?.[1];
  if (
    start === "{" ||
    (start === "[" &&
      !/^\uFEFF?\s*\[ *\d+\.\d/.test(text.slice(0, 4096)) &&
      /^\uFEFF?\s*\[\s*[{\]]/.test(text.slice(0, 4096)))
  ) {
    return readVmcsJson(text.replace(/^\uFEFF/, ""), file);
  }
  const dumps: VmcsDump[] = [];
  const stream = vmcsStream((dump) => dumps.push(dump), file);
  stream.push(text);
  return { diagnostics: stream.end(), dumps };
}

/** Collects register blocks: QEMU's after "EAX=" or "RAX=", VirtualBox's after "Guest CPUM". */
function viewFinder(): {
  readonly line: (text: string, number: number) => void;
  readonly end: () => readonly GuestView[];
} {
  const views: { format: "qemu" | "virtualbox"; lines: { text: string; number: number }[]; code?: number }[] = [];
  let current: (typeof views)[number] | undefined;
  let code: number | undefined;
  return {
    line(text, number) {
      if (current === undefined && !/[er]ax|hardware error|CPUM/i.test(text)) return;
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
      if (current === undefined) return;
      current.lines.push({ text, number });
      if (current.lines.length >= 60) current = undefined;
    },
    end: () => views,
  };
}

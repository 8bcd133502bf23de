import { checkText } from "../../bits/misuse.js";
import { type Diagnostic, diagnosticLog } from "../../input/text/diagnostic.js";
import { lineSplitter } from "../../input/text/text.js";
import { describeReported } from "../reported.js";
import type { VmcsDump } from "./dump.js";
import { endedFinder } from "./ended.js";
import { payloadOf } from "./envelope.js";
import { readGuestView } from "./guest-view.js";
import { readVmcsJson } from "./json.js";
import { readKernelDump } from "./kernel.js";
import { readLists } from "./lists/list.js";
import { listFinder } from "./lists/list-finder.js";
import { callerFinder } from "./sections.js";
import { viewFinder } from "./view-finder.js";

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

/**
 * Reads the VMCS dumps of a text as it comes: Linux and Xen dumps with any envelope, field lists, HAXM's list, register
 * blocks of QEMU and VirtualBox. JSON needs `readVmcs`, which takes the whole text. Memory stays bounded by the largest
 * dump; nothing throws.
 */
export function vmcsStream(onDump: (dump: VmcsDump) => void, file?: string): VmcsStream {
  const log = diagnosticLog(file);
  let found = 0;
  let lastLine = 1;
  const finder = callerFinder((raw) => {
    found++;
    onDump(readKernelDump(raw, file));
  });
  const views = viewFinder();
  const lists = listFinder();
  const ended = endedFinder();

  const splitter = lineSplitter((line, number) => {
    lastLine = number;
    const payload = payloadOf(line);
    if (payload === undefined) return;
    finder.line(payload, number);
    // Lists and registers count where no dump is.
    if (found > 0) return;
    const ofView = views.line(payload.text, number);
    if (finder.open()) return;
    const isMessage = ended.line(payload.text);
    if (!ofView && !isMessage && payload.text !== "") lists.line(payload.text, number);
  }, log);

  return {
    push: (text) => splitter.push(text),
    end() {
      splitter.end();
      finder.end(lastLine);
      if (found === 0) {
        for (const dump of readLists(lists.end(), ended.reported(), file)) {
          found++;
          onDump(dump);
        }
      }
      if (found === 0) {
        for (const view of views.end()) {
          found++;
          onDump(readGuestView(view, ended.reported(), file));
        }
      }
      if (found === 0) {
        const reported = ended.reported();
        const only =
          reported === undefined
            ? ""
            : `. The text says how an entry ended, which \`vmxlens explain\` answers: ${describeReported(reported)}`;
        log.error(
          { line: 1, column: 1 },
          `no VMCS dump found${only}`,
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
  if (!looksLikeJson(text)) return readLog(text, file);
  const json = readVmcsJson(text.replace(/^\uFEFF/, ""), file);
  const known = ({ dumps }: VmcsReading) => dumps.reduce((sum, { vmcs }) => sum + vmcs.fields.size, 0);
  if (known(json) > 0 && !json.diagnostics.some(({ severity }) => severity === "error")) return json;
  // A dictionary of another language looks like JSON at its beginning, and so do the registers that KVM gives.
  const log = readLog(text, file);
  // Of an empty list only the log says that nothing was found.
  const isEmpty = json.dumps.length + json.diagnostics.length === 0;
  return isEmpty || known(log) > known(json) ? log : json;
}

/** Whether a text begins as a JSON object, or a list of them; a log may begin with a time in brackets. */
export function looksLikeJson(text: string): boolean {
  const first = /[^\s\uFEFF]/.exec(text.slice(0, 4096))?.[0];
  if (first !== "{" && first !== "[") return false;
  const head = text.slice(0, 4096).replace(/[\s\uFEFF]+/g, "");
  // The time of a kernel log begins with a bracket and a number, too; a list of numbers goes on with a comma.
  return /^\[?(?:\{(?:"[^"]{0,200}":|\}|$)|\[?\]|\[(?:"|\d[\w.]{0,40},))/.test(head);
}

function readLog(text: string, file: string | undefined): VmcsReading {
  const dumps: VmcsDump[] = [];
  const stream = vmcsStream((dump) => dumps.push(dump), file);
  stream.push(text);
  return { diagnostics: stream.end(), dumps };
}

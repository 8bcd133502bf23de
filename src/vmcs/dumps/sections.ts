import { parseHexU64, type U64 } from "../../bits/u64.js";
import type { Vmcs } from "../state.js";
import type { Payload } from "./envelope.js";
import type { DumpLine, RawDump, RawSection } from "./kernel.js";
import type { Section } from "./rows.js";

/** After this many lines behind the head of the control section only the outcome of the VM entry is looked for. */
const CONTROL_LINES = 120;
/** Lines kept while no section head was seen, for a dump whose beginning is cut off. */
const LOOK_BACK = 120;

const HEADS: readonly (readonly [Section, RegExp])[] = [
  ["guest", /\*\*\* ?Guest State ?\*\*\*/i],
  ["host", /\*\*\* ?Host State ?\*\*\*/i],
  ["control", /\*\*\* ?Control State ?\*\*\*/i],
];
const CODE = /(?:entry failed, hardware error|hardware_entry_failure_reason)[ =:]*(0x[0-9a-f]+|\d+)/i;
const FAIL_ENTRY = /FailEntry\((\d+),/;
const XEN_FAILURE = /(?:vmentry failure \(reason (0x[0-9a-f]+)\)|Failed vm entry \(exit reason (0x[0-9a-f]+)\))/i;
const XEN_GUEST = /invalid guest state \((\d+)\)/i;
const XEN_MSR = /(?:MSR loading \(entry (\d+)\)|MSR entry (\d+) loading)/i;
const XEN_ERROR = /VM(?:LAUNCH|RESUME) error: ?(0x[0-9a-f]+)/i;
/** The entry at fault, which Xen prints behind its number. */
const XEN_ENTRY = /\bmsr ([0-9a-f]{8}) val ([0-9a-f]{1,16}) \(mbz ([0-9a-f]{1,8})\)/i;
const VCPU = /\b(d\d+v\d+)\b|>>> Domain (\d+) <<<|VCPU (\d+)/;
const LINUX_HEAD = /VMCS [0-9a-fx]+, last attempted VM-entry on CPU (\d+)/i;
/** Every line around a dump that matters has one of these words. */
const HINT = /fail|error|\(mbz|VMCS|Domain|VCPU|loading|invalid guest|(?:SMM|II)=\d/i;
const SMM = /\bSMM=(\d)/;
const II = /\bII=(\d)/;

interface XenFailure {
  readonly reason: number;
  readonly qualification?: U64;
  readonly entry?: Vmcs["msrEntry"];
}

interface Draft {
  xen: boolean;
  readonly sections: { [S in Section]?: { head: number; headless: boolean; lines: DumpLine[] } };
  current: Section;
  first: number;
  last: number;
  name?: string;
  code?: number;
  xenFailure?: XenFailure;
  controlLines: number;
  readonly asides: { [name: string]: string };
}

/** Lines before a dump that belong to it. */
interface Before {
  xenFailure?: XenFailure;
  code?: number;
  name?: string;
  at: number;
}

/** Finds the dumps of Linux and Xen in a text, line by line, and hands each over when it is complete. */
export interface SectionFinder {
  readonly line: (payload: Payload, number: number) => void;
  readonly end: (number: number) => void;
  /** True inside a dump. */
  readonly open: () => boolean;
}

/** So many tasks may print dumps at the same time. */
const CALLERS_MOST = 64;
const HEAD = /\*\*\*|VMCS [0-9a-fx]/;

/**
 * As `sectionFinder`, for a log in which several tasks print dumps at the same time: where printk names the caller of a line,
 * each has a finder of its own.
 */
export function callerFinder(sink: (dump: RawDump) => void): SectionFinder {
  const common = sectionFinder(sink);
  const own = new Map<string, SectionFinder>();
  return {
    line(payload, number) {
      const { caller } = payload;
      let finder = caller === undefined ? common : own.get(caller);
      if (finder === undefined && caller !== undefined) {
        // The first caller has what came before, where the head of its dump is cut off.
        if (own.size === 0) finder = common;
        else if (HEAD.test(payload.text) && own.size < CALLERS_MOST) finder = sectionFinder(sink);
        else return common.open() ? undefined : common.line(payload, number);
        own.set(caller, finder);
      }
      (finder ?? common).line(payload, number);
    },
    end(number) {
      common.end(number);
      for (const finder of new Set(own.values())) if (finder !== common) finder.end(number);
    },
    open: () => common.open() || [...own.values()].some((finder) => finder.open()),
  };
}

function sectionFinder(sink: (dump: RawDump) => void): SectionFinder {
  let draft: Draft | undefined;
  let before: Before | undefined;
  let earlier: DumpLine[] = [];
  let pendingXen: { reason: number } | undefined;
  let dumps = 0;

  const finish = (): void => {
    if (draft === undefined) return;
    const done = draft;
    draft = undefined;
    dumps++;
    sink({
      xen: done.xen,
      sections: done.sections as { readonly [S in Section]?: RawSection },
      first: done.first,
      last: done.last,
      asides: done.asides,
      ...(done.name === undefined ? {} : { name: done.name }),
      ...(done.code === undefined ? {} : { code: done.code }),
      ...(done.xenFailure === undefined ? {} : { xenFailure: done.xenFailure }),
    });
  };

  const begin = (section: Section, number: number, xen: boolean): void => {
    // A second head of the same kind starts a new dump; so does a guest head after anything.
    if (draft !== undefined && (section === "guest" || draft.sections[section] !== undefined)) finish();
    if (draft === undefined) {
      draft = {
        xen,
        sections: {},
        current: section,
        first: before?.at ?? number,
        last: number,
        controlLines: 0,
        asides: {},
      };
      if (before?.name !== undefined) draft.name = before.name;
      if (before?.xenFailure !== undefined) draft.xenFailure = before.xenFailure;
      // A failure that QEMU prints before the kernel's text belongs to it only when nothing else can.
      if (before?.code !== undefined) draft.code = before.code;
      before = undefined;
      if (section !== "guest" && earlier.length > 0) {
        const first = earlier[0] as DumpLine;
        draft.sections[section === "host" ? "guest" : "host"] = { head: first.number, headless: true, lines: earlier };
        draft.first = first.number;
      }
    }
    earlier = [];
    draft.current = section;
    draft.xen ||= xen;
    draft.sections[section] = { head: number, headless: false, lines: [] };
    draft.last = number;
  };

  const hints = (text: string, number: number): void => {
    const code = CODE.exec(text)?.[1] ?? FAIL_ENTRY.exec(text)?.[1];
    if (code !== undefined) {
      const value = Number(code);
      if (draft !== undefined && draft.current === "control") draft.code ??= value;
      else before = { ...before, code: value, at: before?.at ?? number };
    }
    const xen = XEN_FAILURE.exec(text);
    const error = XEN_ERROR.exec(text)?.[1];
    if (xen !== null || error !== undefined) {
      const name = VCPU.exec(text)?.[1];
      before = { at: number, ...(name === undefined ? {} : { name }) };
      if (xen !== null) {
        pendingXen = { reason: Number(xen[1] ?? xen[2]) };
        before.xenFailure = pendingXen;
      } else before.code = Number(error);
    }
    if (pendingXen !== undefined && before !== undefined) {
      const guest = XEN_GUEST.exec(text)?.[1];
      const entry = XEN_MSR.exec(text);
      const q = guest !== undefined ? Number(guest) : entry !== null ? Number(entry[1] ?? entry[2]) + 1 : undefined;
      if (q !== undefined) {
        before.xenFailure = { ...pendingXen, qualification: parseHexU64(q.toString(16)) as U64 };
        pendingXen = undefined;
      }
    }
    const listed = XEN_ENTRY.exec(text);
    const failure = before?.xenFailure;
    if (listed !== null && before !== undefined && failure?.qualification !== undefined) {
      const value = parseHexU64(listed[2] as string) as U64;
      const entry = {
        index: Number.parseInt(listed[1] as string, 16),
        value,
        reserved: Number.parseInt(listed[3] as string, 16),
      };
      before.xenFailure = { ...failure, entry: { ...entry, number: failure.qualification.lo } };
    }
    const head = LINUX_HEAD.exec(text);
    if (head !== null)
      before = {
        ...(before?.code === undefined || dumps > 0 ? {} : { code: before.code }),
        at: number,
        name: `CPU ${head[1]}`,
      };
    else if (/^(?:>>> Domain|\s*VCPU \d)/.test(text)) {
      const match = VCPU.exec(text);
      const said =
        match?.[2] !== undefined ? `domain ${match[2]}` : match?.[3] !== undefined ? `vCPU ${match[3]}` : undefined;
      if (said !== undefined)
        before = {
          at: before?.at ?? number,
          name:
            before?.name?.startsWith("domain") && !said.startsWith("domain")
              ? `${before.name.split(",")[0]}, ${said}`
              : said,
        };
    }
    if (draft !== undefined) {
      const smm = SMM.exec(text)?.[1];
      if (smm !== undefined) draft.asides.SMM = smm;
      const ii = II.exec(text)?.[1];
      if (ii !== undefined) draft.asides.II = ii;
    }
  };

  return {
    line({ text, xen, soft }, number) {
      if (text.includes("***")) {
        for (const [section, head] of HEADS) {
          if (head.test(text)) {
            begin(section, number, xen);
            return;
          }
        }
      }
      if (HINT.test(text)) hints(text, number);
      const line: DumpLine = { text, number, soft };
      if (draft === undefined) {
        if (text === "") return;
        earlier.push(line);
        if (earlier.length > LOOK_BACK) earlier = earlier.slice(-LOOK_BACK / 2);
        return;
      }
      const section = draft.sections[draft.current];
      if (section === undefined) return;
      if (draft.current === "control") {
        if (++draft.controlLines > CONTROL_LINES) return;
      } else if (section.lines.length > 10 * CONTROL_LINES) return;
      section.lines.push(line);
      if (text.includes("=")) draft.last = number;
    },
    end() {
      finish();
    },
    open: () => draft !== undefined,
  };
}

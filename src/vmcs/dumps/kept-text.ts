import { ownCopy } from "../../input/text/text.js";
import type { VmcsDump } from "./dump.js";
import { listInProse } from "./lists/in-prose.js";
import { readVmcs, vmcsStream } from "./read.js";

/*
 * What an explanation may want of the text besides its messages. A text of a usual size is kept whole; of a long log its
 * beginning is kept, and the parts around the words by which a VMCS dump is known.
 */

/** Up to this many characters a text is kept whole. */
const WHOLE = 8_000_000;
/** Of a longer one: that much at its beginning, and that much around dumps. */
const HEAD = 1_000_000;
const AROUND_DUMPS = 8_000_000;
/** More dumps than these have only their place remembered. */
const MOST_DUMPS = 64;
const DUMP_WORDS =
  /guest state|GUEST_|HOST_[CDEFGIRST]|VMCS_|\bk?(?:guest|host)[-. ]?(?:cr[034]|rip|rsp|rflags|[c-gs]s|tr|[gi]dtr?)\b|\b(?:pin|cpu|proc(?:essor)?)[-_ ]?based|\bpin\b[^\n]{0,20}[:=]|vmx?[-_ ]?(?:entry|exit|pin)[-_ ]c|\b[ER]AX=[0-9a-f]{8,16} [ER]BX=/i;

/** The VMCS dumps of a text. */
export interface Dumps {
  /** In the order of the text; the first of many. */
  readonly dumps: readonly VmcsDump[];
  /** First and last line of every dump. */
  readonly places: readonly (readonly [first: number, last: number])[];
}

export interface KeptText {
  /** Takes the next piece, which ends at the end of a line or is part of a very long one, and the number of its lines. */
  readonly push: (piece: string, lines: number) => void;
  /** The beginning of the text, at most a million characters. */
  readonly head: () => string;
  /** All of it; undefined when it is longer than eight million characters. */
  readonly whole: () => string | undefined;
  /** It has something other than blanks. */
  readonly hasWords: () => boolean;
  /** What is anywhere in the text. */
  readonly signs: () => ReadonlySet<WholeSign>;
  /** Read on first use. */
  readonly dumps: () => Dumps;
}

interface Sign {
  readonly pattern: RegExp;
  /** One of them is in every text that the pattern matches. */
  readonly needs?: readonly string[];
  /** It says what a text is about, and is looked for in the beginning of a long log alone. */
  readonly inHead?: true;
}

/**
 * Signs of a cause, anywhere in a long log or in its beginning. Every piece is searched for the first kind: where a pattern needs one of a
 * few words, they are looked for first, which costs little.
 */
const WHOLE_SIGNS = {
  /** A register block of QEMU shows the CPU in SMM. */
  smm: { needs: ["SMM=1"], pattern: /\bSMM=1\b/ },
  /** The guest may halt the CPU itself. */
  "own-halt": { needs: ["cpu-pm=on", "DISABLE_EXITS"], pattern: /cpu-pm=on|DISABLE_EXITS/ },
  /** It shows it out of SMM. */
  "no-smm": { needs: ["SMM=0"], pattern: /\bSMM=0\b/ },
  /** A dump of the VMCS shows blocking by STI or MOV SS. */
  blocking: { needs: ["nterruptibility"], pattern: /\bInterruptibility ?= ?0{0,8}[123]\b/i },
  /** A guest was reset. */
  "guest-reset": {
    inHead: true,
    pattern:
      /\bsystem_reset\b|\bvirsh reset\b|\b(?:machine|guest|VM|platform) (?:reset|reboot)|\b(?:reset|reboot)(?:s|ting|ing)? (?:the |a |an |my )?(?:VM|guest|virtual machine|nest\w{2,5})\b(?! is required)/i,
  },
  /** A guest came from another host or from a file. */
  migration: {
    inHead: true,
    pattern: /\b(?:live|living)[- ]migrat|\bmigrat(?:e|ed|ing|ion)\b|\bloadvm\b|\bvirsh (?:restore|managedsave)\b/i,
  },
  /** ENDBR32 or ENDBR64 among the code bytes, at the place of the fault. */
  endbr: { needs: ["<f3> 0f 1e f"], pattern: /<f3> 0f 1e f[ab]/ },
  /** The module was loaded by hand, and then the device is listed. */
  "loaded-since": {
    inHead: true,
    needs: ["/dev/kvm"],
    pattern:
      /\b(?:modprobe|insmod)\b[^\n]{0,40}\bkvm[^\n]{0,200}\n(?:[^\n]{0,200}\n){0,3}crw[-\w+.]{4,10} [^\n]{0,60}\/dev\/kvm/,
  },
  /** The guest is given the host's CPU. */
  "cpu-host": {
    inHead: true,
    needs: ["-cpu ", "host-passthrough", "host-cpu", "cpu=host"],
    pattern: /-cpu ["']?(?:host|max)\b|\bmode=['"]host-passthrough|\bis tainted: host-cpu\b|'cpu=host'/,
  },
  /** A machine is started. */
  "domain-start": {
    inHead: true,
    pattern:
      /\bvirDomainCreate|\bautostart|\bguest launch|\bstart(?:ing|ed)? (?:the )?domain\b|\bvagrant up\b|\bvirsh start\b|\bvirt-install\b/i,
  },
  /** A machine comes from another host, or there are several. */
  fleet: {
    inHead: true,
    pattern:
      /\bmigrat(?:e|ed|es|ing|ion)\b|\b(?:nodes?|clusters?|hosts)\b|\bMigrateToURI|\bsaved? (?:state|image)|\brestor(?:e|ed|ing)\b|\bmanagedsave\b/i,
  },
  /** A guest is moved to another host. */
  moves: { inHead: true, pattern: /\bmigrat(?:e|ed|es|ing|ions?)\b|\bMigrateToURI|\btarget (?:host|node)\b/i },
  /** A saved guest is taken up again, where it was. */
  restored: {
    inHead: true,
    pattern:
      /\bvirsh (?:# )?(?:restore|managedsave|snapshot-revert)\b|\bFailed to restore domain\b|\b(?:start|resum|restor)\w{1,3} (?:a |the |my )?saved (?:VM|guest|domain|machine)/i,
  },
  /** Hosts are said to have the same CPU. */
  "same-hosts": {
    inHead: true,
    pattern: /\b(?:identical|same) (?:[\w-]{1,14} ){0,3}(?:CPUs?|processors?|hardware)\b/i,
  },
  /** Two versions of QEMU are named side by side. */
  "two-qemus": {
    inHead: true,
    needs: ["QEMU", "qemu"],
    pattern:
      /\bQEMU v?\d{1,2}\.\d[\d.]{0,4} ?(?:->|→|to|and|<->) ?(?:the )?QEMU v?\d{1,2}\.\d|\b(?:older|newer|previous) QEMU(?: versions?)?\b|\b(?:switch\w{0,3}|go(?:ing)?|went|downgrad\w{1,3}) back to QEMU v?\d/i,
  },
  /** A device of the host is given to the guest. */
  passthrough: {
    inHead: true,
    pattern:
      /\bvfio-pci\b|\bhostpci\d|(?<!host-)(?<!host_)\bpass-?through\b|\bpass(?:ed|ing)? through (?:\w{1,6} ){0,2}(?:GPU|PCI|device|card|NIC|HBA)/i,
  },
  /** A guest's memory is CXL's. */
  cxl: { inHead: true, needs: ["CXL", "cxl"], pattern: /\bCXL\b|\bcxl-/ },
  /** Hyper-V's synthetic interrupt controller is given to the guest. */
  synic: { inHead: true, needs: ["synic", "SynIC"], pattern: /\bhv[-_]synic\b|<synic state=['"]on/ },
  /** Intel's protected guests. */
  tdx: { inHead: true, needs: ["TDX", "tdx"], pattern: /\bTDX\b|\btdx-guest\b/ },
  /** One kernel does it, and another does not. */
  "kernel-change": {
    inHead: true,
    needs: ["kernel", "Kernel", "regression"],
    pattern:
      /\bkernels? v?\d\.\d\S{0,16} ?(?:->|→|=>) ?v?\d\.\d|\bregression in v?\d\.\d|\b(?:older|old|previous) kernels?(?: versions?)? (?:restores?|works?|is fine|(?:does not|doesn't))\b|\bboot\w{0,3} (?:in)?to (?:the |an? )?(?:older|old|previous) kernel|\bruns? fine (?:with|on|under) (?:the )?kernel v?\d|\bswitch\w{0,3} (?:between|from|to) (?:the )?[^.\n]{0,30}\bkernels?\b/i,
  },
  /** The host was updated, and then it failed. */
  "host-updated": {
    inHead: true,
    pattern:
      /\bafter (?:an? |the |my )?(?:kernel |host )?(?:updat|upgrad)\w{1,3}\b[^.\n]{0,40}\b(?:kernel|host|v?[4-9]\.\d{1,2})\b/i,
  },
  /** Celeron and Pentium with the small cores. */
  "small-cores": {
    inHead: true,
    pattern: /\b(?:Celeron|Pentium)\b[^\n]{0,16}\b[JN]\d{4}\b|\bN(?:5095|5100|5105|6000|6005)\b|\bJ6412\b/i,
  },
  /** AMD's encrypted guests. */
  "sev-guest": {
    inHead: true,
    needs: ["SEV", "sev-"],
    pattern: /\bSEV(?:-ES|-SNP)? guests?\b|\bsev-(?:snp-)?guest\b/,
  },
  /** A guest that ends in its own error screen, and not one that only misbehaves. */
  "guest-crash": {
    inHead: true,
    pattern:
      /\bBSOD\b|\bblue ?screen|\bbug ?check\b|\bKMODE?_EXCEPTION|\b(?:guest|VM|Windows|game)s?\b[^.\n]{0,40}\b(?:crash(?:es|ed|ing)?|triple[- ]fault)/i,
  },
  /** The parameter was set by hand, or is read as on. */
  "passes-msrs": {
    inHead: true,
    needs: ["ignore_msrs"],
    pattern: /\becho (?:1|Y) ?(?:>|\|)[^\n]{0,60}\bignore_msrs\b|\bignore_msrs ?(?:=|:) ?(?:1|Y)\b/,
  },
  /** The host below lets reads of any MSR go well. */
  "ignores-below": {
    inHead: true,
    needs: ["ignore_msrs"],
    pattern: /\bignore_msrs ?= ?[Y1] (?:on|in|at|of) (?:the )?(?:L0|(?:outer |bare.metal |physical )host)\b/i,
  },
  /** SVM that is emulated, too. */
  "svm-emulated": { inHead: true, needs: ["SVM"], pattern: /\bSVM emulation\b|\b(?:TCG|QEMU) emulates SVM\b/i },
  /** The guest's own page tables have pages of 1 GByte. */
  "gb-pages": { inHead: true, needs: ["1G", "1 G"], pattern: /\b1 ?Gi?B? pages?\b/ },
  "no-unrestricted-guest": { needs: ["unrestricted_guest"], pattern: /unrestricted_guest\W{1,12}N\b/ },
} as const satisfies { readonly [sign: string]: Sign };

export type WholeSign = keyof typeof WHOLE_SIGNS;
const SIGNS = Object.entries(WHOLE_SIGNS) as readonly (readonly [WholeSign, Sign])[];

/** A piece of the text, or only the number of lines of some that were not kept. */
interface Part {
  readonly text?: string;
  readonly lines: number;
  readonly mentions: boolean;
}

export function keptText(): KeptText {
  const parts: Part[] = [];
  let length = 0;
  let head: string | undefined;
  let words = false;
  const signs = new Set<WholeSign>();
  let found: Dumps | undefined;
  let around = 0;
  // The last part: whether it is kept depends on its neighbours.
  let open: Part | undefined;
  let mentionedBefore = false;

  const close = (mentionedBehind: boolean): void => {
    if (open === undefined) return;
    const near = mentionedBefore || open.mentions || mentionedBehind;
    const keep = near && around < AROUND_DUMPS;
    const { text = "", lines, mentions } = open;
    if (keep) {
      // A piece as it came keeps all of what it was cut from.
      parts.push({ ...open, text: ownCopy(text) });
      around += text.length;
    } else if (parts.at(-1)?.text === undefined)
      parts.push({ lines: lines + (parts.pop()?.lines ?? 0), mentions: false });
    else parts.push({ lines, mentions: false });
    mentionedBefore = mentions;
    open = undefined;
  };
  const add = (text: string, lines: number): void => {
    const mentions = DUMP_WORDS.test(text);
    close(mentions);
    open = { text, lines, mentions };
  };

  return {
    push(text, lines) {
      length += text.length;
      words ||= /\S/.test(text);
      const isBeginning = length - text.length <= HEAD;
      for (const [sign, { pattern, needs, inHead }] of SIGNS) {
        if (inHead === true && !isBeginning) continue;
        if (signs.has(sign) || needs?.some((word) => text.includes(word)) === false) continue;
        if (pattern.test(text)) signs.add(sign);
      }
      if (head !== undefined) add(text, lines);
      else {
        parts.push({ text, lines, mentions: false });
        if (length <= WHOLE) return;
        head = ownCopy(joined(parts).slice(0, HEAD));
        for (const one of parts.splice(0)) add(one.text ?? "", one.lines);
      }
    },
    head: () => withoutUnticked(head ?? joined(parts).slice(0, HEAD)),
    whole: () => (head === undefined ? withoutUnticked(joined(parts)) : undefined),
    hasWords: () => words,
    signs: () => signs,
    dumps() {
      close(false);
      found ??= head === undefined ? dumpsOfWhole(joined(parts)) : dumpsOfLog(parts);
      return found;
    },
  };
}

/** A box of a form that was not ticked: systems and products that the text is not about. */
const UNTICKED = /^[ \t]{0,8}[-*] \[ \] [^\n]*/gm;

function withoutUnticked(text: string): string {
  return text.includes("] ") && text.length <= LONGEST_FORM
    ? text.replace(UNTICKED, (line) => " ".repeat(line.length))
    : text;
}
const LONGEST_FORM = 200_000;

function joined(parts: readonly Part[]): string {
  return parts.map(({ text }) => text ?? "").join("");
}

function dumpsOfWhole(text: string): Dumps {
  const read = DUMP_WORDS.test(text) ? readVmcs(text).dumps : [];
  const prose = read.length > 0 ? undefined : listInProse(text);
  const dumps =
    prose === undefined ? read : readVmcs(prose.list).dumps.map((dump) => ({ ...dump, lines: prose.lines }));
  // A line of prose can hold a message as well.
  return { dumps, places: read.map(({ lines }) => lines) };
}

const EMPTY = "\n".repeat(65_536);

/** JSON is a whole text or none. */
function dumpsOfLog(parts: readonly Part[]): Dumps {
  const dumps: VmcsDump[] = [];
  const places: VmcsDump["lines"][] = [];
  if (parts.some(({ mentions }) => mentions)) {
    const stream = vmcsStream((dump) => {
      if (dumps.length < MOST_DUMPS) dumps.push(dump);
      places.push(dump.lines);
    });
    for (const { text, lines } of parts) {
      // Empty lines, so that the others keep their numbers.
      if (text !== undefined) stream.push(text);
      else for (let left = lines; left > 0; left -= EMPTY.length) stream.push(EMPTY.slice(0, left));
    }
    stream.end();
  }
  return { dumps, places };
}

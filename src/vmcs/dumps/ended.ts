import { parseHexU64, type U64 } from "../../bits/u64.js";
import type { Reported } from "../state.js";

/**
 * Lines that say how a VM entry ended, as kernels, hypervisors and monitors print them. The messages that `explain` knows and
 * the readers of dumps take them from here, so that both read the same line alike.
 */
export const ENDED = {
  /** KVM by way of QEMU, and other monitors. */
  hardwareError:
    /(?:entry failed, hardware error|vm entry failed with error|^\s{0,8}hardware error) (?<code>0x[0-9a-f]{1,16})/i,
  /** The VM-instruction error, under any of its names. */
  instructionError:
    /(?<!(?:illegal|invalid|bad|undefined|unknown|privileged|unimplemented|unsupported)[ _-]{1,2})(?!inst_error\s{1,3}0\b)(?:(?:VM[-_ ]?)?Inst(?:r(?:uction)?)?[-_ ]?Err(?:or)?(?: \(?(?:number|code|field|value|content)\)?)?(?:\s{0,2}[([](?:0x0{0,4})?4400h?[)\]])?|\b(?:VM_?READ|VMCS|field)\b[^\n]{0,10}?\b(?:0x0{0,4}4400|0{0,4}4400h)\b)["'`)\]]{0,2}[\s,]{0,3}(?:==?|->|:|is|was|#|with|returns?|returned|gives?|gave|reads?|says?|shows?|(?:and )?(?:I )?(?:get|got)|返回值?(?:是|为)?|[值是为]|：)?\s{0,3}(?!0x4400)(?<error>0x[0-9a-f]{1,8}|[0-9a-f]{1,8}h|0{3,7}[0-9a-f]{1,2}|\d{1,3})\b(?!\.\d| times)/i,
  /** VMLAUNCH and the like with a number behind them. */
  entryInstruction:
    /(?:\b(?<insn>VM_?LAUNCH|VMRESUME|VMPTRLD|VMCLEAR|VMXON|INVEPT|INVVPID|VM[- ]?entry(?= (?:always |still |now )?fail))\b[^\n]{0,60}?(?:\b(?:error|err|code|status|VM-?fail(?:Valid)?)\b(?: (?:code|number|is|was))?(?: ?[([](?:0x)?4400h?[)\]])?|Fehler(?:code|nummer)?|ошибк[а-я]{1,2}|erreur|erro|エラー(?:コード)?|错误[码号]?|返回(?:错误|值|码)?)[ :=#(是为：]{0,5}(?<error>0x[0-9a-f]{1,8}|[0-9a-f]{1,8}h|\d{1,3})\b|Failed at VM-Entry, Code=(?<error2>\d{1,3})|\berror(?: code| number)?[ :=#]{1,3}(?<error3>0x[0-9a-f]{1,2}|\d{1,2})\b[^\n.]{0,20}\b(?:after|from|on|at|in|when|for|by)\b[^\n.]{0,24}\b(?<insn2>VM_?LAUNCH|VMRESUME|VMPTRLD|VMCLEAR|VMXON|INVEPT|INVVPID)\b(?!\.\w))/i,
  /** The exit reason, with a qualification where one follows. */
  exitReason:
    /(?:Failed to enter VM, reason|VM[- ]?(?:entry|exit)(?: failure)?,? exit[ _]reason:?|(?<!\b(?:un\w{5,9}|first) )\bVM[-_ ]?EXITS?(?:\b\W{0,3}|_)reason\b(?: code)?["'`)\]]{0,2}(?: is| was| of|\s?[:=]{1,2})?|vmentry failure \(reason|Failed vm ?entry \(exit reason|(?<!\b(?:container|pod|job|process|task|script|service)\b[^\n]{0,40})\bexit(?:[ _]reason|(?:s|ed)? with (?:the )?reason)(?:\s{0,3}(?:==?|:|,|is|was|of|reads?|says?|shows?|returned|returns?|code|field|value|always|(?:and )?I get)){0,3}(?=\s{0,3}(?:0x|f{8}[0-9a-f]{8}|8000|2147483\d{3}\b|33\b|34\b|41\b|\d{1,2}\b[^\n]{0,30}\bqual))|^\s{0,20}(?=0x800000(?:21|22|29)\s{0,9}$)|\bexit[ _]reason(?<=(?:^\s{0,20}|\b(?:vm|vcpu|guest|hv|hyper)\w{0,12}\b[^\n]{0,60})exit[ _]reason)\s{0,3}(?:=|:|is)?)\s{0,3}(?<code>0x[0-9a-f]{1,16}|f{8}[0-9a-f]{8}|0{3,7}[0-9a-f]{1,5}\b|\d{1,10}(?![0-9a-f]))(?:[^\n]{0,40}?(?:qual(?:ification)?|code)\s{0,3}(?:=|:|is)?\s{0,3}(?<qualification>0x[0-9a-f]{1,16}|0{3}[0-9a-f]{13}\b|\d{1,10}(?![0-9a-f])))?|EXIT_REASON_INVALID_GUEST_STATE|\bvm[-_ ]?exit (?:number |#)?(?<code2>\d{1,2})\b(?! (?:times|per|of|ms|us)\b|[%.]\d|%)|\b(?:VM_?)?EXIT(?: |: ?|=|#)(?<code4>\d{1,2})\b(?=[^\n]{0,16}\bqual)|handle_(?:vm_?)?exit\b[^\n]{0,24}\bexit (?<code3>\d{1,2})\b/i,
  haxm: /(?:Unhandled vmx vmexit reason:|(?<!\bfirst )vmexit reason is )(?<code>\d{1,10})\b|exit_reason\.raw (?<raw>[0-9a-f]{1,8})\b|\bhaxm_panic: ?vcpu->tr:[0-9a-f]{1,8}\b/i,
} as const satisfies { readonly [name: string]: RegExp };

/** Numbers that monitors print without KVM's words. */
const FAIL_ENTRY =
  /FailEntry\((?<code>\d{1,10}),|(?:hardware_entry_failure_reason|\bfail entry|\bhwcode)[ =:]{0,4}(?<code2>0x[0-9a-f]{1,16}|\d{1,10})\b/i;
/** Jailhouse, KVM on illumos, and what HyperPlatform shows in WinDbg. */
const UNHANDLED =
  /\bunhandled (?:vm-?)?exit,?(?: reason)?:? (?<code>0x[0-9a-f]{1,16}|8000[0-9a-f]{4}|(?:33|34|41)\b)(?:[^\n]{0,60}?qualification\s{0,3}[:=]?\s{0,3}(?<qualification>0x[0-9a-f]{1,16}|\d{1,10}))?|InvalidGuestState \(0n(?<code2>33)\)/i;
/** The two errors of the checks in words, as hypervisors print them from a table of the manual's. */
const IN_WORDS =
  /\bVM[- ]?entry with invalid (?<what>(?:VMX-)?control|host-state) field|\bentry_invalid_(?<name>control|host)/i;
/** A function that runs only after such a failure. */
const INVALID_GUEST = /exit_invalid_guest_state|EXIT_REASON_INVALID_GUEST_STATE/i;
/** The block of bhyve and its relatives: a name, blanks, a number in decimal. */
const BLOCK =
  /^\s{0,20}(?<name>exit_reason|qualification|inst_error)\s{1,8}(?<value>0x[0-9a-f]{1,16}|\d{1,10})\s{0,8}$/;
/** Every line that one of the patterns can match has one of these words. */
const WORD = /error|reason|fail|qualif|invalid_?guest|vm_?launch|vmresume|\berr\b|inst|unhandled/i;

/** Exit reasons that only a failed VM entry has; some programs print them without bit 31. */
const ENTRY_FAILURES: readonly number[] = [33, 34, 41];

/** What an exit reason says, with or without bit 31, and the qualification beside it. */
export function reportedFromReason(reason: number, qualification?: U64): Reported {
  const basic = reason & 0xffff;
  if (reason >>> 31 !== 1 && !ENTRY_FAILURES.includes(reason)) return { kind: "other", reason };
  return { kind: "entry-failure", reason: basic, ...(qualification === undefined ? {} : { qualification }) };
}

/**
 * What a number says that a log prints as "hardware error" or for a failed entry: a VM-instruction error, an exit reason, 0
 * where an outer hypervisor gave none, or -1 from an AMD CPU. `undefined` for any other number.
 */
export function reportedFromCode(code: number): Reported | undefined {
  if (code === 0xffff_ffff || code === -1) return { kind: "vmrun" };
  if (code >>> 31 === 1) return reportedFromReason(code);
  if (code === 0) return { kind: "no-number" };
  return code <= 28 ? { kind: "vmfail", error: code } : undefined;
}

/** A number as logs print it, to 32 bits. */
function numberOf(text: string): number {
  const hex = /^(?:0x)?([0-9a-f]{1,16})h?$/i.exec(text)?.[1];
  if (/^0x|[a-fh]/i.test(text) || /^f{8}/i.test(text) || (/^8000/.test(text) && text.length === 8)) {
    return Number.parseInt((hex ?? "0").slice(-8), 16);
  }
  return Number(text) >>> 0;
}

/** Collects what the lines of a text say about the end of a VM entry. */
export interface EndedFinder {
  /** True for a message, whose numbers have a base of their own; false for other lines, which can be those of a list as well. */
  readonly line: (text: string) => boolean;
  /** The report, where the lines gave one. */
  readonly reported: () => Reported | undefined;
}

export function endedFinder(): EndedFinder {
  let reported: Reported | undefined;
  let qualification: U64 | undefined;
  const put = (found: Reported | undefined) => {
    if (found !== undefined && found.kind !== "other") reported = found;
  };
  return {
    line(text) {
      if (text.length > 400 || !WORD.test(text)) return false;
      const block = BLOCK.exec(text)?.groups;
      if (block !== undefined) {
        const value = block.value as string;
        if (block.name === "exit_reason") put(reportedFromReason(numberOf(value)));
        else if (block.name === "inst_error" && numberOf(value) > 0) put(reportedFromCode(numberOf(value)));
        else if (block.name === "qualification" && value.startsWith("0x")) qualification = parseHexU64(value.slice(2));
        return false;
      }
      const entry = ENDED.entryInstruction.exec(text)?.groups;
      const fail = FAIL_ENTRY.exec(text)?.groups;
      const code =
        ENDED.hardwareError.exec(text)?.groups?.code ??
        fail?.code ??
        fail?.code2 ??
        entry?.error ??
        entry?.error2 ??
        entry?.error3;
      if (code !== undefined) {
        put(reportedFromCode(numberOf(code)));
        return true;
      }
      const haxm = ENDED.haxm.exec(text)?.groups;
      if (haxm !== undefined) {
        put(reportedFromReason(haxm.raw === undefined ? Number(haxm.code) : Number.parseInt(haxm.raw, 16)));
        return true;
      }
      const reason = ENDED.exitReason.exec(text)?.groups;
      if (reason?.code !== undefined) {
        const beside = reason.qualification;
        const value = beside === undefined ? undefined : parseHexU64(numberOf(beside).toString(16));
        put(reportedFromReason(numberOf(reason.code), value));
        return false;
      }
      const unhandled = UNHANDLED.exec(text)?.groups;
      const number = unhandled?.code ?? unhandled?.code2;
      if (number !== undefined) {
        const beside = unhandled?.qualification;
        const value = beside === undefined ? undefined : parseHexU64(numberOf(beside).toString(16));
        put(reportedFromReason(numberOf(number), value));
        return true;
      }
      if (INVALID_GUEST.test(text)) put(reported ?? { kind: "entry-failure", reason: 33 });
      else {
        const words = IN_WORDS.exec(text)?.groups;
        const named = words?.what ?? words?.name;
        if (named !== undefined) put({ kind: "vmfail", error: /host/i.test(named) ? 8 : 7 });
        const error = ENDED.instructionError.exec(text)?.groups?.error;
        if (error !== undefined && numberOf(error) > 0) put(reportedFromCode(numberOf(error)));
      }
      return false;
    },
    reported() {
      if (reported?.kind !== "entry-failure" || reported.qualification !== undefined || qualification === undefined) {
        return reported;
      }
      return { ...reported, qualification };
    },
  };
}

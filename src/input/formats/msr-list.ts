import { formatU64 } from "../../bits/u64.js";
import { type Word, word } from "../../bits/word.js";
import type { Host } from "../../host/host.js";
import { ABSENT, formatMsr, knownValue, type Msr, msrValue } from "../../host/msr.js";
import { type Disputed, type HostBuilder, hostBuilder } from "../hosts/host-builder.js";
import { describeBits } from "../hosts/msr-words.js";
import type { LineReader, LineRun } from "../hosts/reader.js";
import { withVmxShown } from "../hosts/vmx-shown.js";
import { formatCpuRanges, MAX_CPU } from "../text/cpu-ranges.js";
import { type DiagnosticLog, diagnosticLog, type Place, TEXT_START } from "../text/diagnostic.js";
import { describeMsr, isVmxMsr } from "../text/msr-names.js";
import { type Base, type BothBases, baseText, readingOf } from "../text/number-base.js";
import { LIKE_THIS, unreadMsr, unreadText } from "../text/unread-msr.js";
import { type MsrClaim, msrClaims } from "./msr-line.js";
import { printedValue, type RdmsrCall, rdmsrCalls } from "./rdmsr-command.js";
import { type RdmsrGroup, rdmsrGroup } from "./rdmsr-group.js";

/** Lists of MSR values as people write them, and transcripts of `rdmsr` in a shell or in WinDbg. */
export const msrList: LineReader = {
  kind: "lines",
  name: "msr-list",
  knows:
    "List of MSR values (0x480: 0x…, IA32_VMX_BASIC = 0x…, msr[480] = …) or a transcript of rdmsr: the MSRs it names " +
    "and their faults; CPU numbers where they are given; no CPUID.",
  open: openList,
};

/** msr-tools print this when the read itself fails (EIO). Any other trouble, such as permission, has other words. */
const CANNOT_READ = /rdmsr: ?CPU (\d{1,4}) cannot read MSR (?:0x)?([0-9a-fA-F]{1,8})(.{0,80})/;
/** An error that says nothing about the MSR. */
const NOT_READABLE =
  /rdmsr: ?(?:open|pread)?:? ?(?:permission denied|operation not permitted|no such file or directory|no cpu \d+|cpu \d+ doesn't support msrs)/i;
const OTHER_CAUSE = /permission|not permitted|no such (?:file|device)|lockdown/i;
/** Who gives fewer registers gives those that matter; a longer list without IA32_VMX_BASIC lost it. */
const LIKE_A_LIST = 8;
/** A list has some twenty registers for each of the CPUs. */
const MOST_DOUBTFUL = 100_000;
const BARE_VALUE = /^\s{0,20}(?:0x)?[0-9a-fA-F]{8,16}\s{0,20}$/;

/** Which CPU it is, as a loop over all writes it. */
const LABEL = /^\s{0,8}(?:cpu|core)[ #]?\d{1,4} ?[:=] ?/i;

/** What people write between a command and its answer: a fence, "gives me". */
const BEFORE_ANSWER =
  /^\s{0,8}(?:```\w{0,12}|~~~)?\s{0,4}(?:(?:it|which|this|that|and) )?(?:gives?|gave|returns?|returned|outputs?|prints?|printed|shows?|says|result(?: is)?|I (?:get|got))?(?: me)?\s{0,4}[:.]{0,3}\s{0,4}(?:```\w{0,12})?\s*$/i;

/** A line that a mailer broke before the value. */
const MSR_WITHOUT_VALUE = /^.{0,40}(?:VMX_|FEAT|0x(?:0{0,5}4[89]|0{0,6}3a)).{0,80}[:=]\s*$/;

interface Pending {
  readonly call: RdmsrCall;
  readonly seen: { readonly msr: Msr; readonly at: Place }[];
  /** Text of the line before. */
  before: string;
}

/** A value that is taken when the next line shows that the text did not end inside it. */
interface Held {
  readonly index: number;
  readonly at: Place;
  readonly take: () => void;
  /** Whether it looks cut off, given that the text ends here without a line end. */
  readonly looksCut: () => boolean;
}

function openList(file: string | undefined): LineRun {
  const log = diagnosticLog(file);
  const builder = hostBuilder(log);
  let calls: Pending[] = [];
  let group: RdmsrGroup | undefined;
  let orphan: Place | undefined;
  /** Printed as 0x3a and nothing more: many devices have a register of this number. */
  const bare: { readonly claim: MsrClaim; readonly line: number }[] = [];
  /** The text has something that no reader understands: then 0x3a may be anything's. */
  let strange = false;
  let part: { readonly text: string; readonly line: number } | undefined;
  let held: Held | undefined;
  let values = 0;
  let unpadded = 0;
  let lines = 0;

  const hold = (next: Held): void => {
    held?.take();
    held = next;
  };
  /** Values that are hexadecimal or decimal, until the others of the list are known. */
  const doubtful: { readonly claim: MsrClaim; readonly both: BothBases; readonly line: number }[] = [];
  let base: Base;
  const settleBases = (): void => {
    for (const { claim, both, line } of doubtful) {
      const { index } = claim;
      const at = { line, column: claim.column };
      const value = readingOf(index, both, base);
      if (value === undefined)
        log.error(
          at,
          `MSR ${describeMsr(index)}: the digits are ${baseText(both)}; the value is not used`,
          "0x before a hexadecimal value, or more of the list",
        );
      else {
        builder.msr(claim.cpu ?? "unnamed", index, msrValue(value), at);
        if (base !== "hex")
          log.note(at, `MSR ${describeMsr(index)}: the digits are ${baseText(both)}; used as ${formatU64(value)}`);
      }
    }
  };
  const take = (claim: MsrClaim, line: number): void => {
    const { said, index } = claim;
    const at = { line, column: claim.column };
    const scope = claim.cpu ?? "unnamed";
    if (said.kind === "value" && said.base !== undefined)
      base = base === undefined || base === said.base ? said.base : "both";
    if (said.kind === "value" && said.both !== undefined && doubtful.length < MOST_DOUBTFUL) {
      values++;
      unpadded++;
      const [both, digits] = [said.both, said.digits];
      hold({
        index,
        at,
        take: () => doubtful.push({ claim, both, line }),
        looksCut: () => digits < 16 && values > 1 && unpadded === 1,
      });
    } else if (said.kind === "value") {
      const [valuesBefore, unpaddedBefore] = [values, unpadded];
      values++;
      if (said.digits < 16) unpadded++;
      hold({
        index,
        at,
        take: () => builder.msr(scope, index, said.msr, at),
        looksCut: () => {
          if (said.digits === 16) return false;
          // Where every value is padded to 16 digits, a shorter last one is a part of one.
          if (valuesBefore > 0) return unpaddedBefore === 0;
          // IA32_FEAT_CTL, which uses only low bits, is printed with eight digits as well.
          const whole = index === 0x3a && said.digits === 8 && knownValue(said.msr)?.lo !== 0;
          return said.padded && !whole;
        },
      });
    } else if (said.kind === "absent") builder.msr(scope, index, ABSENT, at);
    else log.error(at, `MSR ${describeMsr(index)}: ${said.message}`, said.expected);
  };

  const settle = (pending: Pending): void => {
    const { index, prints, everyCpu, cpu } = pending.call;
    if (index === undefined || !isVmxMsr(index) || prints !== "set" || pending.seen.length === 0) return;
    const joined = joinSet(pending.seen.map((s) => s.msr));
    const at = (pending.seen[0] as { at: Place }).at;
    builder.msr(everyCpu ? "all" : cpu, index, joined.msr, at, joined.disputed);
    if (joined.disputed.hi === 0 && joined.disputed.lo === 0) return;
    const values = [...new Set(pending.seen.map((s) => formatMsr(s.msr)))].join(", ");
    log.warning(
      at,
      `the CPUs disagree on MSR ${describeMsr(index)} (${values}) and the pipe behind rdmsr hides which CPU has which; ` +
        `${describeBits(joined.disputed.hi, joined.disputed.lo)} unknown`,
      "the output of rdmsr -a without uniq or sort",
    );
  };
  const endCalls = (cut?: boolean): void => {
    for (const pending of calls) settle(pending);
    calls = [];
    group?.end(builder, log, cut);
    group = undefined;
  };

  /** A line that is nothing but a value belongs to the oldest call that still waits for one. */
  const bareValue = (text: string, number: number): number => {
    const at = { line: number, column: text.length - text.trimStart().length + 1 };
    if (group !== undefined) return group.add(text, at) ? 1 : 0;
    for (;;) {
      const pending = calls[0];
      if (pending === undefined) break;
      const { call, seen } = pending;
      if (call.prints === "one" && seen.length > 0) {
        calls.shift();
        continue;
      }
      const msr = printedValue(call, call.everyCpu ? text.replace(LABEL, "") : text);
      if (msr === undefined) return 0;
      if (call.index === undefined) break;
      if (msr === "broken") {
        log.error(at, `MSR ${describeMsr(call.index)}: not a value that this rdmsr prints`, "at most 16 hex digits");
        seen.push({ msr: { state: "unknown" }, at });
        return 1;
      }
      const { index } = call;
      const shown = text.trim();
      const cpu = call.cpu + (call.prints === "in-order" ? seen.length : 0);
      const before = pending.before;
      pending.before = shown;
      // More lines than CPUs can be are some other text.
      if (seen.length > MAX_CPU || cpu > MAX_CPU) return 0;
      const entry = { msr, at };
      seen.push(entry);
      if (!isVmxMsr(index)) return 0;
      hold({
        index,
        at,
        take: call.prints === "set" ? () => {} : () => builder.msr(cpu, index, msr, at),
        looksCut: () => {
          const cut = before.length > shown.length && before.startsWith(shown);
          if (cut) seen.splice(seen.indexOf(entry), 1);
          return cut;
        },
      });
      return 1;
    }
    if (BARE_VALUE.test(text)) orphan ??= at;
    return 0;
  };

  const startCalls = (text: string, number: number, found: readonly RdmsrCall[]): number => {
    endCalls();
    group = rdmsrGroup(found);
    calls = group === undefined ? found.map((call) => ({ call, seen: [], before: "" })) : [];
    for (const call of found) {
      const meant = Number.parseInt(call.argument, 16);
      if (/^\d+$/.test(call.argument) && call.index !== meant && isVmxMsr(meant)) {
        log.warning(
          { line: number, column: text.indexOf(call.argument) + 1 },
          `rdmsr reads ${call.argument} as decimal, MSR 0x${(call.index ?? 0).toString(16)}: its output is not used`,
          `rdmsr 0x${call.argument}`,
        );
      }
    }
    return found.some((c) => c.index !== undefined && isVmxMsr(c.index)) ? 1 : 0;
  };

  const rdmsrMessage = (text: string, number: number): number => {
    const failed = CANNOT_READ.exec(text);
    const at = { line: number, column: 1 };
    if (failed !== null) {
      const index = Number.parseInt(failed[2] as string, 16);
      // The failed call has printed its line.
      calls.shift();
      group?.failed(index);
      if (!isVmxMsr(index) || Number(failed[1]) > MAX_CPU) return 0;
      if (OTHER_CAUSE.test(failed[3] as string)) {
        log.warning(at, `MSR ${describeMsr(index)} was not read: ${(failed[3] as string).trim()}`, "rdmsr run as root");
      } else builder.msr(Number(failed[1]), index, ABSENT, at);
      return 1;
    }
    if (!NOT_READABLE.test(text)) return 0;
    log.warning(at, `rdmsr could not read: ${text.trim().slice(0, 120)}`, "rdmsr run as root after modprobe msr");
    calls.shift();
    return 1;
  };

  return {
    line(text, number) {
      const previous = lines;
      lines = number;
      if (text.includes("rdmsr:")) {
        const weight = rdmsrMessage(text, number);
        if (weight > 0) return weight;
      }
      const whole = part !== undefined && part.line === previous ? `${part.text} ${text.trimStart()}` : undefined;
      const before = part?.text.length ?? 0;
      part = MSR_WITHOUT_VALUE.test(text) ? { text: text.trimEnd(), line: number } : undefined;
      let claims = msrClaims(text);
      if (claims.length === 0 && whole !== undefined) {
        claims = msrClaims(whole).map((claim) => ({ ...claim, column: Math.max(1, claim.column - before - 1) }));
      }
      if (claims.length > 0) {
        for (const claim of claims) {
          if (claim.index !== 0x3a || /msr|feat/i.test(text)) take(claim, number);
          else if (bare.length < MAX_CPU) bare.push({ claim, line: number });
        }
        const broken = claims.some(({ said }) => said.kind === "broken");
        const more = broken ? undefined : unreadMsr(text, new Set(claims.map(({ index }) => index)));
        if (more !== undefined) log.warning({ line: number, column: more.column }, unreadText(more.index), LIKE_THIS);
        endCalls();
        return claims.length;
      }
      if (text.includes("rdmsr")) {
        const found = rdmsrCalls(text);
        if (found.length > 0) return startCalls(text, number, found);
      }
      if (calls.length === 0 && group === undefined ? BARE_VALUE.test(text) : text.trim() !== "") {
        const weight = bareValue(text, number);
        if (weight > 0) return weight;
        const windbg = calls[0]?.call;
        if (windbg?.windbg === true && windbg.index !== undefined && /^\s*no such msr/i.test(text)) {
          if (isVmxMsr(windbg.index)) builder.msr("unnamed", windbg.index, ABSENT, { line: number, column: 1 });
          calls = [];
          return 1;
        }
        if (!BARE_VALUE.test(text) && !BEFORE_ANSWER.test(text)) endCalls();
      }
      // A line that another reader took comes as one without words.
      strange ||= /\w/.test(text);
      return 0;
    },
    waits: () => part !== undefined || calls.length > 0 || group !== undefined,
    end(cut) {
      if (cut && held?.at.line === lines && held.looksCut()) {
        log.ifAlone.error(
          held.at,
          `the text ends inside the value of MSR ${describeMsr(held.index)}`,
          "as many digits as before",
        );
      } else held?.take();
      endCalls(cut);
      const others = [...builder.cpus(), "unnamed" as const, "all" as const].some(
        (scope) => builder.msrsOf(scope).size > 0,
      );
      if (others || !strange) {
        held = undefined;
        for (const { claim, line } of bare) take(claim, line);
        (held as Held | undefined)?.take();
      }
      settleBases();
      const scopes = [...builder.cpus(), "unnamed", "all"] as const;
      if (!scopes.some((scope) => builder.msrsOf(scope).size > 0)) {
        if (orphan !== undefined) {
          log.error(
            orphan,
            "values without an MSR number",
            'the command line before them ("rdmsr -a 0x48b"), or "0x48b: " before each',
          );
        } else if (bare[0] !== undefined) {
          const { claim, line } = bare[0];
          log.error(
            { line, column: claim.column },
            `MSR ${describeMsr(0x3a)} is not taken from a number alone: beside other text 0x3a may be a register of anything`,
            '"MSR 0x3a: 0x1", "IA32_FEAT_CTL 0x1", or the output of rdmsr with its command',
          );
        } else
          log.ifAlone.error(
            { line: Math.max(lines, 1), column: 1 },
            "no VMX MSR in the text",
            "MSR 0x3a or 0x480 to 0x493",
          );
        return { hosts: [], diagnostics: log.list() };
      }
      if (orphan !== undefined)
        log.warning(orphan, "a value without an MSR number was left out", '"0x48b: " before it');
      const most = Math.max(...scopes.map((scope) => builder.msrsOf(scope).size));
      if (most >= LIKE_A_LIST && !scopes.some((scope) => builder.msrsOf(scope).has(0x480))) {
        log.warning(TEXT_START, `MSR ${describeMsr(0x480)} is not in the text`, "MSRs 0x3a and 0x480 to 0x493");
      }
      tellUnequalCpus(builder, log);
      const host = builder.build(file === undefined ? {} : { source: file });
      return { hosts: host === undefined ? [] : [withVmx(host, log)], diagnostics: log.list() };
    },
  };
}

/** A shorter list for some CPUs than for others is most often a cut text. */
function tellUnequalCpus(builder: HostBuilder, log: DiagnosticLog): void {
  const cpus = builder.cpus();
  const seen = new Map(cpus.map((cpu) => [cpu, builder.msrsOf(cpu)]));
  const union = new Set([...seen.values()].flatMap((msrs) => [...msrs.keys()]));
  for (const index of [...union].sort((a, b) => a - b)) {
    const without = cpus.filter((cpu) => seen.get(cpu)?.has(index) !== true);
    if (without.length > 0) {
      log.note(
        TEXT_START,
        `MSR ${describeMsr(index)} is given for some CPUs and not for CPU ${formatCpuRanges(without)}`,
      );
    }
  }
}

/** A capability MSR that was read shows that the CPU enumerates VMX. */
function withVmx(host: Host, log: DiagnosticLog): Host {
  const shown = withVmxShown(host);
  if (shown.by !== undefined) {
    const name = describeMsr(shown.by);
    log.note(TEXT_START, `the list has no CPUID; that the CPU has VMX follows from ${name}, which was read`);
  }
  return shown.host;
}

/** What all values of a set share; the bits in which two of them differ are unknown. */
export function joinSet(values: readonly Msr[]): { msr: Msr; disputed: Disputed } {
  let hi: Word | undefined;
  let lo: Word | undefined;
  let disputedHi = 0;
  let disputedLo = 0;
  for (const msr of values) {
    if (msr.state !== "value") continue;
    if (hi === undefined || lo === undefined) {
      hi = msr.hi;
      lo = msr.lo;
      continue;
    }
    disputedHi |= hi.value ^ msr.hi.value;
    disputedLo |= lo.value ^ msr.lo.value;
  }
  if (hi === undefined || lo === undefined) return { msr: { state: "unknown" }, disputed: { hi: 0, lo: 0 } };
  const disputed = { hi: disputedHi >>> 0, lo: disputedLo >>> 0 };
  return {
    msr: { state: "value", hi: word(hi.value, hi.unknown | disputed.hi), lo: word(lo.value, lo.unknown | disputed.lo) },
    disputed,
  };
}

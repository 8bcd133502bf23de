import type { HostBuilder } from "../hosts/host-builder.js";
import { MAX_CPU } from "../text/cpu-ranges.js";
import type { DiagnosticLog, Place } from "../text/diagnostic.js";
import { describeMsr, isVmxMsr } from "../text/msr-names.js";
import { printedValue, type RdmsrCall } from "./rdmsr-command.js";

interface Printed {
  readonly text: string;
  readonly at: Place;
}

/**
 * Several `rdmsr` on one command line, where some print a line for each CPU: their output is one list, divided by its length
 * alone.
 */
export interface RdmsrGroup {
  /** Takes a line that is a value; false for any other. */
  readonly add: (text: string, at: Place) => boolean;
  /** A call that failed has printed nothing. */
  readonly failed: (index: number) => void;
  /** `cut`: the text ends here, without the end of a line. */
  readonly end: (builder: HostBuilder, log: DiagnosticLog, cut?: boolean) => void;
}

/** The group that the calls of a line are; undefined where each line can be given to its call as it comes. */
export function rdmsrGroup(found: readonly RdmsrCall[]): RdmsrGroup | undefined {
  const [first] = found;
  if (first === undefined || found.length < 2 || found.every(({ prints }) => prints === "one")) return undefined;
  let calls = found;
  const lines: Printed[] = [];
  return {
    add(text, at) {
      if (printedValue(first, text) === undefined || lines.length > MAX_CPU * found.length) return false;
      lines.push({ text: text.trim(), at });
      return true;
    },
    failed(index) {
      calls = calls.filter((call) => call.index !== index);
    },
    end(builder, log, cut = false) {
      const [last, before] = [lines.at(-1), lines.at(-2)];
      const short = last !== undefined && before !== undefined && last.text.length < before.text.length;
      if (cut && short && before.text.startsWith(last.text)) lines.pop();
      const parts = divided(calls, lines);
      if (parts === undefined) {
        if (lines[0] === undefined || !calls.some(({ index }) => index !== undefined && isVmxMsr(index))) return;
        log.warning(
          lines[0].at,
          `which rdmsr of the ${found.length} on the command line printed which of these ${lines.length} values cannot be seen; they are not used`,
          "each rdmsr on a line of its own",
        );
        return;
      }
      for (const [at, call] of calls.entries()) {
        const { index, cpu } = call;
        if (index === undefined || !isVmxMsr(index)) continue;
        for (const [row, printed] of (parts[at] ?? []).entries()) {
          const msr = printedValue(call, printed.text);
          if (msr === "broken")
            log.error(
              printed.at,
              `MSR ${describeMsr(index)}: not a value that this rdmsr prints`,
              "at most 16 hex digits",
            );
          else if (msr !== undefined && cpu + row <= MAX_CPU) builder.msr(cpu + row, index, msr, printed.at);
        }
      }
    },
  };
}

/** The lines of each call, where their number leaves one way: a call prints one, or one for each CPU. */
function divided(calls: readonly RdmsrCall[], lines: readonly Printed[]): readonly (readonly Printed[])[] | undefined {
  const many = calls.filter(({ prints }) => prints === "in-order").length;
  if (calls.some(({ prints }) => prints === "set")) return undefined;
  const each = many === 0 ? 1 : (lines.length - (calls.length - many)) / many;
  if (!Number.isInteger(each) || each < 1 || (many === 0 && lines.length !== calls.length)) return undefined;
  let from = 0;
  return calls.map(({ prints }) => {
    const own = lines.slice(from, from + (prints === "in-order" ? each : 1));
    from += own.length;
    return own;
  });
}

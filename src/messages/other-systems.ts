import type { Advice } from "../answers/message.js";
import type { Circumstance, Circumstances } from "../situation/evidence/own-machine.js";

/*
 * Steps on systems other than Linux: of commands for several systems those of the text's own; and none that only Linux has.
 */

const ON_SYSTEM: { readonly [label: string]: Circumstance | undefined } = {
  "# Linux": "on Linux",
  "# Windows": "on Windows",
};

/** Of commands under the names of systems, those of the system that the text shows. */
export function ofSystem(
  commands: readonly string[] | undefined,
  { has }: Circumstances,
): readonly string[] | undefined {
  const here = Object.keys(ON_SYSTEM).find(
    (label) => commands?.includes(label) && has(ON_SYSTEM[label] as Circumstance),
  );
  if (commands === undefined || here === undefined) return commands;
  let label: string | undefined;
  return commands.filter((command) => {
    if (ON_SYSTEM[command] !== undefined) {
      label = command;
      return false;
    }
    return label === undefined || label === here;
  });
}

/** They read or change nothing elsewhere. */
const OF_LINUX = /\/sys\/module\/|\bmodprobe\b(?! msr\b)|\/proc\//;
const OF_REGISTERS = /\brdmsr\b|\bmodprobe msr\b/;
/** What is done on the host of a machine, or where it is Linux. */
const OF_OTHERS = /\b(?:host|outer)\b|^On Linux\b/;
const ELSEWHERE: readonly Circumstance[] = ["on illumos", "macOS alone", "on a BSD", "on Windows"];
/** Without its command there is nothing to do. */
const READS = /^(?:Read|See|Compare|Look|Load)\b/;

/** FreeBSD's own: cpucontrol(8). */
const ON_FREEBSD: readonly (readonly [RegExp, string])[] = [
  [/^(?:sudo )?modprobe msr$/, "kldload cpuctl"],
  [
    /^(?:sudo )?modprobe msr; (?:sudo )?rdmsr (?:-a )?(0x[0-9a-f]{2,8})$/,
    "kldload cpuctl; cpucontrol -m $1 /dev/cpuctl0",
  ],
  [/^(?:sudo )?rdmsr (?:-a )?(0x[0-9a-f]{2,8})$/, "cpucontrol -m $1 /dev/cpuctl0"],
];

/** A step as it is on the system that the text shows, or none. */
export function onOtherSystem(step: Advice, { has }: Circumstances): readonly Advice[] {
  const isElsewhere = ELSEWHERE.some(has);
  if (!isElsewhere || (OF_OTHERS.test(step.text) && !has("on illumos"))) return [step];
  const { commands = [], ...others } = step;
  const here = has("on FreeBSD")
    ? commands.map((command) => ON_FREEBSD.reduce((text, [from, to]) => text.replace(from, to), command))
    : commands;
  if (here.some((command) => OF_LINUX.test(command) || (!has("on a BSD") && /\bdmesg\b/.test(command)))) return [];
  const left = here.filter((command) => !OF_REGISTERS.test(command));
  if (left.length > 0) return [{ ...others, commands: left }];
  return READS.test(step.text) ? [] : [others];
}

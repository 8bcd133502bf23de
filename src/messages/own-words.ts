import type { Advice } from "../answers/message.js";
import type { Circumstances } from "../situation/evidence/own-machine.js";
import { READ_FLAGS } from "../why/questions/next-steps.js";

/*
 * A step in the words of the text: its system, its CPU, its model, and without the registers that it shows. A hypervisor that is a
 * driver on Windows has no rdmsr: what is read on Linux by a command, its own code reads.
 */

const READ =
  /^(?:sudo )?rdmsr (?:-[ad] |-f \d{1,2}:\d{1,2} ){0,3}(?<index>0x[0-9a-f]{2,8})(?: \| [^\n]*|\s{1,4}#[^\n]*)?$/;
const BITS = / -f (?<high>\d{1,2}):(?<low>\d{1,2}) /;
const READ_EACH = /^for \w in (?<list>(?:0x[0-9a-f]{2,8} ?){1,16}); do (?:sudo )?rdmsr (?:-a )?\$\w; done$/;
const OF_LINUX = /\bmodprobe\b|\/proc\/|\/sys\/|\bdmesg\b|\blscpu\b|\bsystemd-detect-virt\b/;
const PLACE = "  # in the driver, on each CPU";

/** The commands as they are on Windows. */
export function inDriver(commands: readonly string[]): readonly string[] {
  return commands.flatMap((line) => {
    const each = READ_EACH.exec(line)?.groups?.list;
    if (each !== undefined) return [`${each.split(" ").map(read).join(", ")}${PLACE}`];
    if (/^#|\b(?:for|while|if) /.test(line)) return OF_LINUX.test(line) ? [] : [line];
    return line.split("; ").flatMap((command) => (OF_LINUX.test(command) ? [] : [asCode(command)]));
  });
}

const read = (index: string): string => `__readmsr(${index})`;

function asCode(command: string): string {
  const index = READ.exec(command)?.groups?.index;
  if (index === undefined) return command;
  const { high, low } = BITS.exec(command)?.groups ?? {};
  if (high === undefined) return `${read(index)}${PLACE}`;
  const mask = 2 ** (Number(high) - Number(low) + 1) - 1;
  return `${low === "0" ? "" : "("}${read(index)}${low === "0" ? "" : ` >> ${low})`} & 0x${mask.toString(16)}${PLACE}`;
}

/** A feature is left out of the model that the guest has. */
export const ofModel = (command: string): string =>
  command.replace(/^-cpu host(?=,(?:[\w.-]{1,40}=off\b|-\w))/, "-cpu MODEL");

/** The CPU is named, and need not be asked for. */
export const ofNamed = (step: Advice, { has }: Circumstances): Advice =>
  step.text === READ_FLAGS.text && has("the CPU named")
    ? {
        text: "See what its flags show and what sets the parameters, and ask again with all of it.",
        commands:
          READ_FLAGS.commands?.map((line) => line.replace(/^grep -m1 'model name' \/proc\/cpuinfo; /, "")) ?? [],
      }
    : step;

/** The registers that a loop reads. */
const LIST = /^for (?<name>\w) in (?<list>0x[0-9a-f]{2,3}(?: 0x[0-9a-f]{2,3}){1,12});/;

/** The loop over those that are not read; empty where all are. */
export function openLoop(command: string, reads: (index: number) => boolean): string {
  const { name, list } = LIST.exec(command)?.groups ?? {};
  if (name === undefined || list === undefined) return command;
  const left = list.split(" ").filter((index) => !reads(Number(index)));
  return left.length === 0 ? "" : command.replace(LIST, `for ${name} in ${left.join(" ")};`);
}

/*
 * What is read on Linux by a command, in the code of a hypervisor that is a driver on Windows: there is no rdmsr there.
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

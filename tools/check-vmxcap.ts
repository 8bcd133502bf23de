/*
 * Runs a copy of QEMU's scripts/kvm/vmxcap on the registers of every bundled CPU, and holds against what it prints
 *
 * - the table of what it should print, which the tests use instead of the script;
 * - what `vmxlens show` says, in text and in JSON;
 * - what the vmxcap reader makes of it.
 *
 *   check-vmxcap SCRIPT…
 *
 * The script is the user's own; it reads registers from us instead of /dev/cpu/0/msr. Needs python3.
 */
import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";
import { formatU64, type U64 } from "../src/bits/u64.js";
import { type CoreGroup, msrOf } from "../src/host/host.js";
import { msrBit } from "../src/host/msr.js";
import { atlas, entryHost } from "../src/input/atlas/atlas.js";
import { readHost } from "../src/input/read.js";
import { VMXCAP_EDITIONS, type VmxcapEdition, vmxcapOutput } from "../test/oracles/qemu/vmxcap-claims.js";
import { registersOf, vmxcapParity } from "../test/oracles/qemu/vmxcap-parity.js";

/** Runs the script once for every set of registers that it is given, with a file of ours in the place of the device. */
const DRIVER = `
import contextlib, io, json, sys
class Device:
    def __init__(self, msrs): self.msrs, self.at = msrs, 0
    def seek(self, index): self.at = index
    def read(self, size):
        value = self.msrs.get("0x%x" % self.at)
        if value is None: raise OSError(5, "Input/output error")
        return int(value, 16).to_bytes(8, "little")[:size]
code = compile(open(sys.argv[1]).read(), sys.argv[1], "exec")
outputs = []
for msrs in json.load(sys.stdin):
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        exec(code, {"__name__": "__main__", "open": lambda *_: Device(msrs)})
    outputs.append(text.getvalue())
json.dump(outputs, sys.stdout)
`;

type Machine = readonly [name: string, core: CoreGroup, registers: ReadonlyMap<number, U64>];

function run(script: string, machines: readonly Machine[]): readonly string[] {
  const sets = machines.map(([, , registers]) =>
    Object.fromEntries([...registers].map(([index, value]) => [`0x${index.toString(16)}`, formatU64(value)])),
  );
  const options = { input: JSON.stringify(sets), encoding: "utf8", maxBuffer: 1 << 28 } as const;
  const { status, stdout, stderr, error } = spawnSync("python3", ["-c", DRIVER, script], options);
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${script}: ${stderr.trim().split("\n").at(-1)}`);
  return JSON.parse(stdout) as string[];
}

/** Bits that the reader claims and that are not so. */
function misread(output: string, [name, , registers]: Machine): { readonly known: number; readonly wrong: string[] } {
  const { host, diagnostics } = readHost(output);
  const wrong = diagnostics
    .filter(({ severity, message }) => severity !== "note" && !message.includes("printed as all 0"))
    .map(({ message }) => `${name}: ${message}`);
  let known = 0;
  for (const [index] of host?.cores[0].msrs ?? []) {
    const said = host === undefined ? undefined : msrOf(host.cores[0], index);
    const real = registers.get(index);
    if (said?.state !== "value") continue;
    for (let bit = 0; bit < 64; bit++) {
      const claim = msrBit(said, bit);
      if (claim === "unknown" || (real === undefined && said.mayBeAbsent === true)) continue;
      known++;
      const word = bit < 32 ? real?.lo : real?.hi;
      if (word === undefined || ((word >>> (bit & 31)) & 1) !== (claim === "yes" ? 1 : 0)) {
        wrong.push(`${name}: 0x${index.toString(16)} bit ${bit} is read as ${claim}`);
      }
    }
  }
  return { known, wrong };
}

function closest(outputs: readonly string[], machines: readonly Machine[]): VmxcapEdition {
  const misses = (edition: VmxcapEdition) =>
    machines.filter(([, , registers], i) => vmxcapOutput(registers, edition) !== outputs[i]).length;
  return [...VMXCAP_EDITIONS].sort((a, b) => misses(a) - misses(b))[0] as VmxcapEdition;
}

function main(): void {
  const { positionals } = parseArgs({ allowPositionals: true });
  if (positionals.length === 0) throw new Error("check-vmxcap SCRIPT…: name a copy of QEMU's scripts/kvm/vmxcap");
  const machines = atlas().flatMap((entry) =>
    entryHost(entry).cores.map((core, i): Machine => [`${entry.id} core ${i}`, core, registersOf(core)]),
  );
  let failed = 0;
  for (const script of positionals) {
    const outputs = run(script, machines);
    const edition = closest(outputs, machines);
    const problems: string[] = [];
    let claims = 0;
    let guessed = 0;
    let known = 0;
    for (const [i, machine] of machines.entries()) {
      const [name, core, registers] = machine;
      const output = outputs[i] as string;
      if (output !== vmxcapOutput(registers, edition)) problems.push(`${name}: the table of claims says otherwise`);
      const parity = vmxcapParity(core, edition);
      claims += parity.claims;
      guessed += parity.guessed;
      problems.push(...parity.wrong.map((one) => `${name}: ${one}`));
      const reading = misread(output, machine);
      known += reading.known;
      problems.push(...reading.wrong);
    }
    for (const problem of problems) console.log(problem);
    failed += problems.length;
    console.log(
      `${script}: edition ${edition}, ${outputs.length} outputs, ${claims} claims, ${guessed} of them about registers that could not be read; ` +
        `the reader knows ${known} bits again; ${problems.length} problems`,
    );
  }
  process.exitCode = failed === 0 ? 0 : 1;
}

main();

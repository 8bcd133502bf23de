import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import type { Host } from "../../src/host/host.js";
import { msrBit, msrValue } from "../../src/host/msr.js";
import { atlas, atlasHost, entryHost } from "../../src/input/atlas/atlas.js";
import { WANTED_CONTROLS } from "../../src/kvm/load/wanted-controls.js";
import { nestedMsrs } from "../../src/kvm/nested-msrs.js";
import { type Replay, replay } from "../../src/kvm/replay.js";
import { vmxFlagsLine, vmxWordCount } from "../../src/linux/cpuinfo.js";
import { KERNELS } from "../../src/rules/kernels.js";
import { NEWEST_RELEASE, RELEASES, type Release } from "../../src/rules/release.js";
import { diffKernels } from "../../src/why/kernels/kernel-diff.js";
import { DOCUMENTS, fillRuns, outputOf, runsOf } from "../../tools/gen-readme.js";
import { answers } from "./readme-example.js";

const root = resolve(import.meta.dirname, "../..");
const text = readFileSync(join(root, "README.md"), "utf8");

/** A host with firmware that enables VMX, and the one VM function that there is. */
function enabled(host: Host): Host {
  const extra = [
    [0x3a, msrValue({ hi: 0, lo: 0x5 })],
    [0x491, msrValue({ hi: 0, lo: 0x1 })],
  ] as const;
  const [first, ...others] = host.cores.map((core) => ({ ...core, msrs: new Map([...core.msrs, ...extra]) }));
  return { ...host, cores: [first as Host["cores"][0], ...others] };
}

function printed({ cpu, release }: Replay): readonly string[] {
  const words = Array.from({ length: vmxWordCount(release) }, (_, index) => cpu.word(`vmx_capability[${index as 0}]`));
  const { flags } = vmxFlagsLine(release, cpu.bit("caps", "VMX"), words);
  return flags.filter(({ set }) => set === "yes").map(({ flag }) => flag);
}

describe("README.md", () => {
  it.each(DOCUMENTS)("shows, as %s does, what the commands print now (npm run gen:readme)", async (document) => {
    const shown = readFileSync(join(root, document), "utf8");
    expect(runsOf(shown).length).toBeGreaterThan(0);
    expect(shown).toBe(await fillRuns(shown));
  });

  it("would notice another output", async () => {
    const old = text.replace(/^\$ npm start.*\n/m, "$&stale\n");
    expect(old).not.toBe(text);
    expect(await fillRuns(old)).toBe(text);
    await expect(fillRuns("```console\n$ npm start -- nothing of that name\n```")).rejects.toThrow("exit code 2");
  });

  it("lists commands and options that there are", async () => {
    const help = await outputOf(["--help"]);
    const commands = [...text.matchAll(/^\| `(?!npm)(\w+) /gm)].map(([, name]) => name as string);
    expect(commands.length).toBeGreaterThan(5);
    for (const name of commands) expect(help).toMatch(new RegExp(`^  ${name} `, "m"));
    const options = new Set([...text.matchAll(/(?<=`|\s)--[a-z][a-z-]*/g)].map(([name]) => name));
    const known = await Promise.all(commands.map((name) => outputOf([name, "--help"])));
    for (const option of options) expect(known.join("\n")).toContain(option);
  });

  it.each(["docs/how-linux-initialises-vmx.md", "docs/how-linux-initialises-vmx.zh.md"])(
    "and %s name commands that run",
    async (file) => {
      const lines = [...readFileSync(join(root, file), "utf8").matchAll(/^npm start -- (.*)$/gm)];
      expect(lines.length).toBeGreaterThan(1);
      for (const [, args = ""] of lines) expect(await outputOf(args.split(" "))).not.toBe("");
    },
  );

  it("counts right", () => {
    const years = atlas().flatMap(({ launchYear }) => launchYear ?? []);
    expect(text).toContain(`${atlas().length} real CPUs from ${Math.min(...years)} to`);
    expect(text).toContain(`${KERNELS.length} kernels: upstream ${RELEASES[0]} to ${RELEASES.at(-1)} with`);
  });
});

describe("the example of the library", () => {
  const shown = /<!-- example: (.*) -->\n```ts\n([\s\S]*?)\n```/.exec(text);
  const source = readFileSync(join(root, shown?.[1] ?? ""), "utf8");

  it("is the file that is compiled with the tests", () => {
    expect(shown?.[2]?.replace('"vmxlens"', '"../../src/index.js"')).toBe(source.trimEnd());
  });

  it("gives what its comments say", () => {
    const said = [...source.matchAll(/\/\/ "(\w+)"/g)].map(([, answer]) => answer);
    expect(said).toHaveLength(5);
    expect(answers).toEqual(said);
  });
});

describe("what it found in Linux", () => {
  const every = (host: Host, see: (replayed: Replay) => unknown) =>
    Object.fromEntries(RELEASES.map((release) => [release, see(replay(host, { release }))]));
  const all = (value: unknown) => Object.fromEntries(RELEASES.map((release) => [release, value]));

  it("eptp_switching never shows, whatever the CPU", () => {
    for (const entry of atlas()) {
      const replayed = replay(enabled(entryHost(entry)), { release: NEWEST_RELEASE });
      expect(printed(replayed), entry.id).not.toContain("eptp_switching");
    }
    const host = enabled(atlasHost("intel-50654-skylakex"));
    expect(every(host, (replayed) => printed(replayed).includes("eptp_switching"))).toEqual(all(false));
    expect(every(host, ({ cpu }) => cpu.bit("IA32_VMX_VMFUNC.lo", "EPTP_SWITCHING"))).toEqual(all("yes"));
  });

  it("a version number says little", () => {
    const shown = (host: Host, release: Release) => {
      const replayed = replay(host, { release });
      const { cpu, loads } = replayed;
      const controls = (["pin_based_exec_ctrl", "cpu_based_exec_ctrl", "cpu_based_2nd_exec_ctrl"] as const).map(
        cpu.word,
      );
      const pairs = (["vmexit_ctrl", "vmentry_ctrl"] as const).map(cpu.word);
      const nested = loads === "no" ? [] : [...nestedMsrs(cpu)];
      return JSON.stringify([printed(replayed), loads, controls, pairs, nested]);
    };
    const hosts = atlas().map((entry) => enabled(entryHost(entry)));
    const like = (release: Release) => hosts.filter((host) => shown(host, "el9.6") === shown(host, release)).length;
    expect(text.replace(/\s+/g, " ")).toContain(
      `behaves like 6.12 on ${like("6.12")} of the ${hosts.length} CPUs of the atlas, and like 5.15 on ${like("5.15")}.`,
    );
  });

  it("vpid in flags follows virtual NMIs", () => {
    for (const id of ["intel-10676-yorkfield", "intel-20661-tunnelcreek-2"]) {
      const host = enabled(atlasHost(id));
      // Before 5.6 the vendor code looked at the right bit.
      expect(every(host, ({ cpu }) => cpu.bit("caps", "VPID"))).toEqual({ ...all("yes"), "5.4": "no" });
      expect(every(host, (replayed) => printed(replayed).includes("vpid"))).toEqual(all(false));
    }
  });

  it("a nested hypervisor gets more than the CPU has", () => {
    let [shadowing, logging] = [0, 0];
    for (const entry of atlas()) {
      const host = enabled(entryHost(entry));
      const replayed = replay(host, { release: "6.12" });
      if (replayed.loads === "no") continue;
      const offered = nestedMsrs(replayed.cpu).get(0x48b)?.hi.value ?? 0;
      const own = host.cores[0].msrs.get(0x48b);
      const only = (bit: number) => (offered >>> bit) & 1 && (own === undefined || msrBit(own, 32 + bit) === "no");
      if (only(14)) shadowing++;
      if (only(17)) logging++;
    }
    expect(text.replace(/\s+/g, " ")).toContain(
      `under 6.12, ${shadowing} and ${logging} of the CPUs in the atlas offer a guest what they lack themselves`,
    );
  });

  it("a missing required control leaves no word in the log", () => {
    const host = enabled(atlasHost("intel-50654-skylakex"));
    const msrs = new Map([...host.cores[0].msrs, [0x482, msrValue({ hi: 0xfff9_ff7e, lo: 0x0401_e172 })] as const]);
    const broken: Host = { ...host, cores: [{ ...host.cores[0], msrs }] };
    expect(every(broken, ({ error, cpu }) => [error, cpu.load.messages.length])).toEqual(all(["EIO", 0]));
    expect(replay(broken, { release: "6.12" }).cpu.refusals[0]?.missing).toEqual({
      word: "cpu_based_exec_ctrl",
      bits: 1 << 7,
    });
  });

  it("6.1 to 6.12.1 keep the broken control of Westmere", () => {
    const host = enabled(atlasHost("intel-206c2-gulftown-01"));
    const kept = [...RELEASES, "6.12.1" as const].filter(
      (release) => replay(host, { release }).cpu.bit("vmexit_ctrl", "LOAD_IA32_PERF_GLOBAL_CTRL") === "yes",
    );
    expect(kept).toEqual([...RELEASES.slice(RELEASES.indexOf("6.1"), RELEASES.indexOf("6.12")), "6.12.1"]);
    expect(
      every(host, ({ cpu }) => cpu.load.messages.some((message) => message.text.includes("Using workaround"))),
    ).toEqual(all(true));
  });

  it("Lakefield's cores disagree", () => {
    const host = enabled(atlasHost("intel-806a1-lakefield"));
    const loads = (release: Release) => replay(host, { release }).loads;
    expect(RELEASES.filter((release) => loads(release) === "yes")).toEqual(["5.4", "5.6", "5.10"]);
    expect(RELEASES.filter((release) => loads(release) === "no")).toEqual(RELEASES.slice(3));
    const controls = diffKernels("5.10", "5.15").tables.find(({ table }) => table.name === "controls");
    expect(controls?.added.map(({ row }) => row.key)).toContain("secondary BUS_LOCK_DETECTION");
  });

  it("bits that must be 1 come uninvited", () => {
    const asked: readonly string[] = WANTED_CONTROLS.pin.map(({ name }) => name);
    expect(asked).toHaveLength(5);
    const { cpu } = replay(enabled(atlasHost("intel-50654-skylakex")), { release: "6.12" });
    for (const bit of [1, 2, 4]) expect(cpu.bit("pin_based_exec_ctrl", bit)).toBe("yes");
  });
});

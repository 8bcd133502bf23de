import { describe, expect, it } from "vitest";
import { verify } from "../../src/compare/verify/verify.js";
import type { CoreGroup, Host } from "../../src/host/host.js";
import { type Msr, msrValue } from "../../src/host/msr.js";
import { atlasHost } from "../../src/input/atlas/atlas.js";
import { type ReplayOptions, replay } from "../../src/kvm/replay.js";
import { kernelFindings } from "../../src/why/kernels/kernel-findings.js";
import { tracedReplay } from "../../src/why/traced-replay.js";
import { runCli } from "../cli/run.js";
import { under } from "../host/under.js";

/* Records behind a refusal that is possible only: they are certain in every case in which the module loads, and not otherwise. */

/** A Skylake-X of which nobody read IA32_FEAT_CTL, as a guest of Hyper-V: 7.2 prints what the enlightened VMCS lacks. */
const OPTIONS: ReplayOptions = { release: "7.2", machine: { enlightenedVmcs: true } };
const UNREAD = withoutFeatCtl(atlasHost("intel-50654-skylakex"));
const LOCKED_OFF = withFeatCtl(msrValue({ hi: 0, lo: 1 }));
const ENABLED = withFeatCtl(msrValue({ hi: 0, lo: 5 }));

function withoutFeatCtl(host: Host): Host {
  const [core] = host.cores;
  const msrs = new Map(core.msrs);
  msrs.delete(0x3a);
  return { ...host, cores: [{ ...core, msrs }] };
}

function withFeatCtl(msr: Msr, ...further: readonly CoreGroup[]): Host {
  const [core] = UNREAD.cores;
  return { ...UNREAD, cores: [{ ...core, msrs: new Map(core.msrs).set(0x3a, msr) }, ...further] };
}

describe("behind a refusal that is possible", () => {
  const partial = replay(UNREAD, OPTIONS);
  const said = partial.cpu.load.messages.filter(({ text }) => text.includes("unsupported with eVMCS"));

  it("a message is printed if kvm_intel loads, a read happens if it loads", () => {
    expect(partial.loads).toBe("unknown");
    expect(said.map(({ certain }) => certain)).toEqual(["if it loads", "if it loads", "if it loads"]);
    const setup = partial.cpu.load.rdmsr.filter(({ fn }) => fn === "setup_vmcs_config");
    expect(new Set(setup.map(({ happens }) => happens))).toEqual(new Set(["if it loads"]));
    expect(setup.length).toBeGreaterThan(4);
  });

  it("is just what the two completions show", () => {
    const printed = (host: Host) =>
      replay(host, OPTIONS).cpu.load.messages.flatMap(({ text, certain }) => (certain === true ? [text] : []));
    for (const { text } of said) {
      expect(printed(ENABLED)).toContain(text);
      expect(printed(LOCKED_OFF)).not.toContain(text);
    }
  });

  it("no other refusal is certain, though no run gets past it", () => {
    const [core] = UNREAD.cores;
    const wrongType = new Map(core.msrs).set(0x480, msrValue({ hi: 0x0014_1000, lo: 4 }));
    const result = replay({ ...UNREAD, cores: [{ ...core, msrs: wrongType }] }, { release: "6.12" });
    expect(result.loads).toBe("no");
    expect(result.cpu.refusals.map(({ certain }) => certain)).toEqual([false, false]);
    const { events } = tracedReplay(result.host, { release: "6.12" });
    const sure = events.filter((event) => event.kind === "read" && event.read.fn === "setup_vmcs_config");
    expect(sure.map((event) => event.kind === "read" && event.read.happens)).toEqual(sure.map(() => "unknown"));
  });

  it("another CPU is not looked at for certain, and what it prints is certain no more", () => {
    const [core] = UNREAD.cores;
    const misc = core.msrs.get(0x485);
    if (misc?.state !== "value") throw new RangeError("IA32_VMX_MISC is in the atlas");
    const changed = { ...misc, lo: { ...misc.lo, value: (misc.lo.value ^ (1 << 30)) >>> 0 } };
    const other = { ...core, msrs: new Map(core.msrs).set(0x485, changed), logicalCpus: "4" };
    const enabled = { ...other, msrs: new Map(other.msrs).set(0x3a, msrValue({ hi: 0, lo: 5 })) };
    const unsure = replay({ ...UNREAD, cores: [core, enabled] }, { release: "6.6" });
    const sure = replay(withFeatCtl(msrValue({ hi: 0, lo: 5 }), enabled), { release: "6.6" });
    const text = "kvm_intel: Inconsistent VMCS config on CPU 4";
    expect(unsure.compatibility[0]?.messages).toContainEqual({ level: 3, text, certain: false });
    expect(sure.compatibility[0]?.messages.map((message) => message.text)).toContain(text);
    const found = (replayed: typeof sure) => kernelFindings(replayed).find(({ id }) => id === "core-refused");
    expect(found(unsure)?.certain).toBe(false);
  });

  it("verify neither takes such a line for explained nor for a difference, unless the module shows that it loaded", () => {
    const line = said[0]?.text ?? "";
    const logged = { ...UNREAD, observed: { messages: [line] } };
    const item = (host: Host) => verify(under(host, OPTIONS)).items.find(({ id }) => id === `message ${line}`);
    expect(item(logged)).toMatchObject({ verdict: "unknown", replayed: "printed if kvm_intel loads" });
    const loaded = { ...logged, params: { kvm_intel: { nested: "Y" } } };
    expect(item(loaded)).toMatchObject({ verdict: "agree", replayed: "printed" });
  });
});

describe("a further CPU", () => {
  it("prints nothing when the kernel stopped at one with a lower number", () => {
    const [core] = ENABLED.cores;
    const odd = (logicalCpus: string): CoreGroup => ({
      ...core,
      logicalCpus,
      msrs: new Map(core.msrs).set(0x3a, msrValue({ hi: 0, lo: 1 })),
    });
    const result = replay({ ...ENABLED, cores: [core, odd("6"), odd("4-5")] }, { release: "6.12" });
    expect(result.compatibility.map(({ messages }) => messages.map(({ text }) => text))).toEqual([
      [],
      ["kvm_intel: VMX not enabled (by BIOS) in MSR_IA32_FEAT_CTL on CPU 4"],
    ]);
  });
});

describe("the command line", () => {
  const args = ["replay", "skylake-x", "--assume", "none", "--kernel", "7.2", "--machine", "evmcs=1"];

  it("says of each line of the log whether it depends on loading", async () => {
    const { out } = await runCli(args);
    expect(out).toContain("pin_based_exec_ctrl unsupported with eVMCS: 0xc0 (if it loads)");
    expect(out).toContain("The rest holds if kvm_intel loads.");
  });

  it("says so in JSON, of messages, reads and whole steps", async () => {
    const { out } = await runCli([...args, "--json"]);
    const [{ outcome, steps }] = JSON.parse(out).runs;
    const certain = outcome.messages
      .filter(({ text }: { text: string }) => text.includes("eVMCS"))
      .map((message: { certain: unknown }) => message.certain);
    expect(new Set(certain)).toEqual(new Set(["if it loads"]));
    const late = steps.filter(({ function: fn }: { function: string }) => fn === "setup_vmcs_config");
    expect(new Set(late.map(({ happens }: { happens: string }) => happens))).not.toContain("yes");
  });
});

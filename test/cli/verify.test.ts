import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { IN_NO_CASE } from "../../src/compare/verify/by-cases.js";
import { BETWEEN_LINES } from "../../src/compare/verify/by-vmx-flags.js";
import { LIKELY_REASONS } from "../../src/compare/verify/reasons.js";
import type { Host } from "../../src/host/host.js";
import { msrValue } from "../../src/host/msr.js";
import { writeSnapshot } from "../../src/input/formats/snapshot.js";
import { readHost } from "../../src/input/read.js";
import { MACHINE, SEEN, type Seen } from "../compare/verify/captures.js";
import { observe } from "../compare/verify/observe.js";
import { runCli } from "./run.js";

const plain = SEEN.find(({ name }) => name.includes("6.1-corei7_skylake_x-base plain")) as Seen;
const FACTS = ["--machine", "pmu=0,irq-posting=0,mediated-pmu=0"];

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "vmxlens-verify-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const at = (name: string) => join(folder, name);
function write(name: string, host: Host): string {
  writeFileSync(at(name), writeSnapshot(host));
  return at(name);
}
const run = (...args: string[]) => runCli(["verify", ...args, ...FACTS]);

/** Runs on a machine that is the given host, with a home of its own. */
const here = (host: Host, ...args: string[]) =>
  runCli(["verify", ...args, ...FACTS], {
    env: { HOME: at("home"), XDG_STATE_HOME: "not/absolute" },
    world: { live: async () => ({ host, missing: [] }) },
  });

/** The captured machine under another microcode that has no PML. */
function updated(): Host {
  const { observed: _, params: __, ...bare } = plain.host;
  const [first] = bare.cores;
  const before = first.msrs.get(0x48b);
  const [hi, lo] = before?.state === "value" ? [before.hi.value, before.lo.value] : [0, 0];
  const msrs = new Map(first.msrs).set(0x48b, msrValue({ hi: (hi & ~(1 << 17)) >>> 0, lo }));
  return observe({ ...bare, cores: [{ ...first, microcode: 0x200, msrs }] }, { release: "6.1", machine: MACHINE });
}
const original = (): Host => {
  const [first] = plain.host.cores;
  return { ...plain.host, cores: [{ ...first, microcode: 0x100 }] };
};

describe("vmxlens verify", () => {
  it("says that all agrees", async () => {
    const { code, out, err } = await run(write("host.json", plain.host));
    expect([code, err]).toEqual([0, ""]);
    expect(out).toContain("All 514 items that could be compared agree with the replay of Linux 6.1.");
    expect(out).toMatch(/nested MSRs +447 agree/);
  });

  it("says what differs, and why", async () => {
    const params = { ...plain.host.params, kvm_intel: { ...plain.host.params?.kvm_intel, fasteoi: "N" } };
    const { code, out } = await run(write("host.json", { ...plain.host, params }));
    expect(code).toBe(1);
    expect(out).toContain("1 item differs from the replay of Linux 6.1, 513 agree.");
    expect(out).toMatch(
      /parameter kvm_intel\.fasteoi\n +machine N\n +replay +Y\n +likely +kvm_intel fasteoi=N was given/,
    );
    const given = await run(at("host.json"), "--param", "fasteoi=0");
    expect(given.code).toBe(0);
    expect(given.out).toContain("All 514 items");
  });

  it("asks for a report where no reason fits", async () => {
    const params = { ...plain.host.params, kvm_intel: { ...plain.host.params?.kvm_intel, unrestricted_guest: "N" } };
    const { code, out } = await run(write("host.json", { ...plain.host, params }));
    expect(code).toBe(1);
    expect(out).toContain("no reason is known: please report it, with the output of --json");
  });

  it("ends with 1 where nothing could be compared, and says what to get", async () => {
    const { observed: _, params: __, kernel: ___, ...bare } = plain.host;
    const { code, out } = await run(write("host.json", bare));
    expect(code).toBe(1);
    expect(out).toContain("Nothing could be compared.");
    expect(out).toMatch(/parameters +grep \. \/sys\/module\/kvm\*\/parameters\/\*/);
  });

  it("reads flags of a text as what the kernel says, not as registers", async () => {
    const text = [
      "vendor_id\t: GenuineIntel",
      "flags\t\t: fpu vmx smx lahf_lm tpr_shadow vnmi flexpriority vpid",
      "vmx flags\t: vnmi flexpriority tsc_offset vtpr vapic ept",
      "",
      "cpu0 msr 0x0000003a IA32_FEAT_CTL = 0x0000000000000005",
      "cpu0 msr 0x00000480 IA32_VMX_BASIC = 0x005a08000000000d",
      "cpu0 msr 0x00000481 IA32_VMX_PINBASED_CTLS = 0x0000003f00000016",
      "cpu0 msr 0x00000482 IA32_VMX_PROCBASED_CTLS = 0xf7f9fffe0401e172",
      "cpu0 msr 0x0000048b IA32_VMX_PROCBASED_CTLS2 = 0x0000004100000000",
      "",
    ].join("\n");
    const { code, out } = await runCli(["verify", "-", "--kernel", "6.1"], { stdin: text });
    expect(code).toBe(1);
    expect(out).toMatch(/ept on the vmx flags line\n +machine yes\n +replay +no/);
  });

  it("refuses what makes no sense", async () => {
    const host = write("host.json", plain.host);
    for (const [args, problem] of [
      [["skylake-x"], "skylake-x is a CPU of the atlas, which has no flags or log of its own"],
      [[host, "--update"], "--update goes with --fingerprint"],
      [[host, "--fingerprint", "a", "--against", "b"], "use one of them; only --fingerprint stores"],
      [[host, "--against", at("none")], "no such file"],
      [[], "this machine cannot be read"],
    ] as const) {
      const { code, err, out } = await run(...args);
      expect([code, out]).toEqual([2, ""]);
      expect(err).toContain(problem);
    }
    const nowhere = await run("--fingerprint", "--json", "--kernel", "6.1");
    expect(nowhere.code).toBe(2);
  });
});

describe("vmxlens verify --fingerprint", () => {
  it("stores, says that nothing changed, then what did, and stores anew only when told to", async () => {
    const [before, now, file] = [write("before.json", original()), write("now.json", updated()), at("deep/kept.json")];
    const stored = await run(before, "--fingerprint", file);
    expect([stored.code, stored.err]).toEqual([0, ""]);
    expect(stored.out).toContain(`The fingerprint of this machine is in ${file}`.slice(0, 36));
    expect(readdirSync(at("deep"))).toEqual(["kept.json"]);
    expect(readHost(readFileSync(file)).host?.cores[0].microcode).toBe(0x100);

    const same = await run(before, "--fingerprint", file);
    expect(same.code).toBe(0);
    expect(same.out).toContain("Nothing changed.");

    const kept = readFileSync(file, "utf8");
    const changed = await run(now, "--fingerprint", file);
    expect(changed.code).toBe(1);
    expect(changed.out).toContain("Something changed, and 1 feature with it.");
    expect(changed.out).toMatch(/microcode +0x100 → 0x200/);
    expect(changed.out).toMatch(/vmx flags: pml +gone/);
    expect(changed.out).toContain("bit 49: 1 → 0, enable PML (secondary 17)");
    expect(changed.out.replace(/\s+/g, " ")).toContain(
      "pml: yes → no at CPU, vmx flags, KVM controls, KVM parameter, because of the registers (microcode 0x100 → 0x200)",
    );
    expect(readFileSync(file, "utf8")).toBe(kept);
    expect((await run(now, "--against", file)).out).toContain("Something changed");

    const again = await run(now, "--fingerprint", file, "--update");
    expect(again.code).toBe(1);
    expect(again.out).toContain("Something changed");
    expect((await run(now, "--fingerprint", file)).out).toContain("Nothing changed.");
  });

  it("keeps that of this machine by itself, and every later verify tells what changed", async () => {
    const quiet = await here(original());
    expect(quiet.out).not.toContain("Since");
    expect(existsSync(at("home"))).toBe(false);
    const stored = await here(original(), "--fingerprint");
    expect([stored.code, stored.err]).toEqual([0, ""]);
    expect(existsSync(at("home/.local/state/vmxlens/fingerprint.json"))).toBe(true);
    const same = await here(original());
    expect(same.code).toBe(0);
    expect(same.out).toContain("Nothing changed.");
    const later = await here(updated());
    expect(later.code).toBe(1);
    expect(later.out.replace(/\s+/g, " ")).toContain("because of the registers (microcode 0x100 → 0x200)");
  });

  it("wants a name for another machine's", async () => {
    const { code, err } = await run(write("host.json", plain.host), "--fingerprint");
    expect(code).toBe(2);
    expect(err).toContain("name a file to keep it in; HOST is not this machine");
  });

  it("compares with any text that a host can be read from, and overwrites only its own", async () => {
    const dump = at("old.txt");
    writeFileSync(dump, "cpu0 msr 0x0000048b IA32_VMX_PROCBASED_CTLS2 = 0x0000000000000000\n");
    const host = write("host.json", plain.host);
    const changed = await run(host, "--against", dump);
    expect(changed.code).toBe(1);
    expect(changed.out).toContain("bit 33: 0 → 1, enable EPT (secondary 1)");
    const refused = await run(host, "--fingerprint", dump, "--update");
    expect(refused.code).toBe(2);
    expect(refused.err).toContain("is not a fingerprint and is not overwritten");
    writeFileSync(at("bad.json"), '{"format": "vmxlens-snapshot/1", "cores": 7}');
    expect((await run(host, "--fingerprint", at("bad.json"))).code).toBe(2);
    expect((await run(host, "--fingerprint", folder)).err).toContain("cannot be read");
    expect((await run(host, "--fingerprint", join(host, "x"))).code).toBe(2);
  });
});

describe("verify of several hosts", () => {
  const [good, other] = [plain.host, { ...plain.host, kernel: "7.2.1" }];

  it("names who differs, each difference once with the hosts that have it, and what could not be read", async () => {
    const files = [write("a.json", good), write("b.json", other), write("c.json", other)];
    writeFileSync(at("d.txt"), "Permission denied\n");
    const { out, code } = await runCli(["verify", folder, ...FACTS]);
    expect(files).toHaveLength(3);
    expect(out).toContain("Against replays of their registers: differs on b.json and c.json; agrees on a.json.");
    expect(out.match(/ept_violation_ve on the vmx flags line/g)).toHaveLength(1);
    expect(out).toContain("Left out, as it could not be read");
    expect(code).toBe(1);
  });

  it("reads snapshots behind one another from standard input, as diff and baseline do", async () => {
    const stdin = `${writeSnapshot(good)}\n${writeSnapshot(other)}`;
    const { out, code } = await runCli(["verify", "-", ...FACTS], { stdin });
    expect([code, out.split("\n")[0]]).toEqual([1, expect.stringContaining("differs on -#2; agrees on -#1")]);
  });

  it("of alike hosts ends with 0, and keeps fingerprints for one", async () => {
    const files = [write("a.json", good), write("b.json", good)];
    expect((await run(...files)).code).toBe(0);
    expect((await run(...files, "--fingerprint")).err).toContain("--fingerprint is about one host; 2 were found");
    expect((await run(...files, "skylake-x")).err).toContain("CPU of the atlas");
  });
});

describe("the JSON of vmxlens verify", () => {
  const schemas = join(import.meta.dirname, "../../schema");
  const ajv = new Ajv2020({ strict: true, allErrors: true, allowUnionTypes: true });
  for (const name of ["common", "verify", "verify-hosts"]) {
    ajv.addSchema(JSON.parse(readFileSync(join(schemas, `${name}.schema.json`), "utf8")));
  }

  it("is what its schema says", async () => {
    const validate = ajv.getSchema("verify.schema.json");
    const [before, now] = [write("before.json", original()), write("now.json", updated())];
    const wrong = write("wrong.json", { ...plain.host, kernel: "7.2.1" });
    for (const args of [[before], [wrong], [before, "--fingerprint", at("kept")], [now, "--fingerprint", at("kept")]]) {
      const { out, err } = await run(...args, "--json");
      expect(err).toBe("");
      validate?.(JSON.parse(out));
      expect(validate?.errors ?? []).toEqual([]);
    }
  });

  it("of several hosts has one of each", async () => {
    const wrong = write("wrong.json", { ...plain.host, kernel: "7.2.1" });
    writeFileSync(at("bad.txt"), "Permission denied\n");
    const { out, code } = await run(write("good.json", plain.host), wrong, at("bad.txt"), "--json");
    const validate = ajv.getSchema("verify-hosts.schema.json");
    validate?.(JSON.parse(out));
    expect(validate?.errors ?? []).toEqual([]);
    expect(code).toBe(1);
    expect(JSON.parse(out).aside).toHaveLength(1);
  });

  it("says what the text says", async () => {
    const wrong = await run(write("wrong.json", { ...plain.host, kernel: "7.2.1" }), "--json");
    const found = JSON.parse(wrong.out);
    expect(found).toMatchObject({
      format: "vmxlens-verify/1",
      counts: { differ: 2 },
    });
    expect(found.fits[0]).toMatchObject({ differ: 0 });
    const [first] = found.items.filter(({ verdict }: { verdict: string }) => verdict === "differ");
    expect(first).toMatchObject({ id: "vmx flags ept_violation_ve", said: "no", replayed: "yes" });
    expect(first.reasons[0]).toMatchObject({ id: "other-release", explains: 2 });
  });

  it("has every kind of reason in its schema", () => {
    const { $defs } = JSON.parse(readFileSync(join(schemas, "verify.schema.json"), "utf8"));
    const ids = [...LIKELY_REASONS, BETWEEN_LINES, IN_NO_CASE].map(({ id }) => id);
    expect($defs.reason.properties.id.enum).toEqual(ids);
  });
});

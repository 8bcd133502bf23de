import { describe, expect, it } from "vitest";
import type { MigrateOptions } from "../../../src/compare/migrate/guest.js";
import { type Migration, migrate } from "../../../src/compare/migrate/migrate.js";
import type { Host } from "../../../src/host/host.js";
import { atlas, atlasHost, entryHost } from "../../../src/input/atlas/atlas.js";
import { VCPU_STATES, type VcpuState } from "../../../src/kvm/guest/restore.js";
import type { ReplayOptions } from "../../../src/kvm/replay.js";
import { RELEASES, type Release } from "../../../src/rules/release.js";
import { assume } from "../../../src/situation/assume.js";
import { replays } from "../../../src/situation/replays.js";
import { under } from "../../host/under.js";

const ready = (host: Host) => assume(assume(host, "registers=sdm").host, "firmware=enabled").host;
const SKYLAKE = ready(atlasHost("intel-50654-skylakex"));
const HASWELL = ready(atlasHost("intel-306c3-haswell"));
const on = (host: Host, options: ReplayOptions) => under(host, options);
const of = (...args: Parameters<typeof migrate>): Migration => {
  const result = migrate(...args);
  if (result.kind !== "migration") throw new Error(JSON.stringify(result));
  return result;
};

describe("migrate", () => {
  it("lets a guest back to where it comes from, on every CPU", () => {
    for (const [i, entry] of atlas().entries()) {
      const host = ready(entryHost(entry));
      const here = under(host, { release: RELEASES[i % RELEASES.length] as Release });
      const { verdict, offenders } = of(here, here);
      expect(offenders.filter((offender) => offender.certain)).toEqual([]);
      if (replays(here).loads === "yes") expect(verdict).not.toBe("no");
    }
  });

  it("names what an older CPU refuses, in three vocabularies, and a configuration that works", () => {
    const result = of(on(SKYLAKE, { release: "6.12" }), on(HASWELL, { release: "6.12" }));
    expect(result.verdict).toBe("no");
    expect(result.offenders.map(({ msr, name, qemu, libvirt }) => [msr, name, qemu, libvirt])).toEqual([
      [0x48b, "APIC-register virtualization", "vmx-apicv-register", "vmx-apicv-register"],
      [0x48b, "virtual-interrupt delivery", "vmx-apicv-vid", "vmx-apicv-vid"],
      [0x48b, "RDSEED exiting", "vmx-rdseed-exit", "vmx-rdseed-exit"],
      [0x48b, "enable XSAVES/XRSTORS", "vmx-xsaves", "vmx-xsaves"],
      [0x48b, "use TSC scaling", "vmx-tsc-scaling", "vmx-tsc-scaling"],
      [0x48d, "process posted interrupts", "vmx-posted-intr", "vmx-posted-intr"],
      [0x48f, "clear IA32_BNDCFGS", "vmx-exit-clear-bndcfgs", "vmx-exit-clear-bndcfgs"],
      [0x490, "load IA32_BNDCFGS", "vmx-entry-load-bndcfgs", "vmx-entry-load-bndcfgs"],
    ]);
    expect(result.fix).toMatchObject({
      works: "yes",
      remaining: [],
      named: { model: expect.stringMatching(/^Haswell-v\d$/) },
    });
    expect(result.fix?.qemu.text).toBe(
      "host,vmx-apicv-register=off,vmx-apicv-vid=off,vmx-rdseed-exit=off,vmx-xsaves=off,vmx-tsc-scaling=off,vmx-posted-intr=off,vmx-exit-clear-bndcfgs=off,vmx-entry-load-bndcfgs=off",
    );
    expect(result.fix?.disable).toHaveLength(8);
    expect(result.fix?.libvirt?.xml).toContain("<feature policy='disable' name='vmx-posted-intr'/>");
    // The other way round there is nothing to refuse.
    expect(of(on(HASWELL, { release: "6.12" }), on(SKYLAKE, { release: "6.12" }))).toMatchObject({ verdict: "yes" });
  });

  it("names what an older kernel refuses on the same CPU", () => {
    const result = of(on(SKYLAKE, { release: "7.3" }), on(SKYLAKE, { release: "5.10" }));
    expect(result.offenders.map((offender) => offender.qemu)).toEqual([
      "vmx-activity-wait-sipi",
      "vmx-mbec",
      "vmx-tsc-scaling",
      "vmx-ept-advanced-exitinfo",
    ]);
    expect(result.fix?.works).toBe("yes");
    // Each kernel makes CR4_FIXED1 itself: LAM and CET are bits that 5.10 does not pass on.
    expect(result.changes.map((change) => change.label.row?.key)).toEqual(["CET", "LAM_SUP"]);
    expect(of(on(SKYLAKE, { release: "5.10" }), on(SKYLAKE, { release: "7.3" })).verdict).toBe("yes");
  });

  it("uses the destination's rules and not a plain subset", () => {
    // 5.6 offers a VMCS enumeration of 0x2e; the guest saw 0x32, and every kernel takes any.
    const result = of(on(SKYLAKE, { release: "6.1" }), on(SKYLAKE, { release: "5.10" }));
    expect(result.restore.find((verdict) => verdict.msr === 0x48a)?.accepted).toBe("yes");
    // A host parameter counts: without EPT on the destination nothing of it can be restored.
    const ept0 = on(SKYLAKE, { release: "6.1", params: { kvm_intel: { ept: "0" } } });
    const lost = of(on(SKYLAKE, { release: "6.1" }), ept0);
    expect(lost.offenders.map((offender) => offender.qemu)).toContain("vmx-ept");
    expect(lost.fix).toMatchObject({ works: "yes" });
    expect(lost.fix?.qemu.removals).toContain("vmx-ept");
    expect(lost.fix?.qemu.removals).not.toContain("vmx-invept");
  });

  it("judges a guest with a QEMU model by what that model asked for", () => {
    const to = (options: MigrateOptions) =>
      of(on(SKYLAKE, { release: "6.12" }), on(HASWELL, { release: "6.12" }), { qemuVersion: "7.2", ...options });
    expect(to({ model: "Nehalem-v1" }).verdict).toBe("yes");
    const skylake = to({ model: "Skylake-Server-v4" });
    expect(skylake.verdict).toBe("no");
    expect(skylake.offenders.map(({ qemu }) => qemu)).toContain("vmx-rdseed-exit");
    // The Haswell cannot run the model at all.
    expect(skylake.obstacles.map(({ text }) => text)).toContainEqual(
      expect.stringContaining("lacks 3dnowprefetch, adx"),
    );
    expect(skylake.fix?.qemu.text).toBe(
      "Haswell-v2,vmx=on,vmx-pml=on,vmx-apicv-register=off,vmx-apicv-vid=off,vmx-posted-intr=off",
    );
    expect(migrate(on(SKYLAKE, {}), on(HASWELL, {}), { model: "Skylake-Clint" })).toMatchObject({
      kind: "unknown model",
      near: expect.arrayContaining(["Skylake-Client"]),
    });
  });

  describe("to a vCPU that has run", () => {
    const to = (release: Release, vcpu: VcpuState) => of(on(HASWELL, { release }), on(HASWELL, { release }), { vcpu });

    it("takes only what it has, from the release on that asks", () => {
      expect(to("6.3", VCPU_STATES.ran)).toMatchObject({ verdict: "yes" });
      const { verdict, offenders, onNewVcpu, fix } = to("6.12", VCPU_STATES.ran);
      expect({ verdict, onNewVcpu, fix }).toEqual({ verdict: "unknown", onNewVcpu: "yes", fix: undefined });
      expect(offenders.every(({ ofVcpu, text }) => ofVcpu === true && /vCPU has run/.test(text))).toBe(true);
      expect(to("6.12", VCPU_STATES.new).onNewVcpu).toBeUndefined();
    });

    it("is refused in VMX operation, but where its own value is taken without a look", () => {
      expect(to("6.3", VCPU_STATES.vmxon)).toMatchObject({ verdict: "no", onNewVcpu: "yes" });
      expect(to("6.12", VCPU_STATES.vmxon)).toMatchObject({ verdict: "no", onNewVcpu: "yes" });
      expect(to("6.6", VCPU_STATES.vmxon)).toMatchObject({ verdict: "unknown", onNewVcpu: "yes" });
    });

    it("is refused for its bits where a new one refuses them, too", () => {
      const result = of(on(SKYLAKE, { release: "6.12" }), on(HASWELL, { release: "6.12" }), { vcpu: VCPU_STATES.ran });
      expect(result).toMatchObject({ verdict: "no", onNewVcpu: "no", fix: { works: "yes" } });
    });
  });

  it("counts the guest's CPUID", () => {
    const guest = { rdseed: false, xsave: true, xsaves: false } as const;
    const result = of(on(SKYLAKE, { release: "6.12" }), on(HASWELL, { release: "6.12" }), { guest });
    const names = result.offenders.filter((offender) => offender.certain).map((offender) => offender.qemu);
    expect(names).not.toContain("vmx-rdseed-exit");
    expect(names).not.toContain("vmx-xsaves");
    expect(names).toContain("vmx-posted-intr");
  });

  it("does not run where KVM does not load or nested=0, and says so", () => {
    const here = on(SKYLAKE, { release: "6.12" });
    const off = on(SKYLAKE, { release: "6.12", params: { kvm_intel: { nested: "0" } } });
    // Without nested VMX on one side there are no registers of it to compare.
    const nothing = { offenders: [], changes: [], restore: [], unread: 0 };
    for (const [from, to, side] of [
      [here, off, "destination"],
      [off, here, "source"],
    ] as const) {
      const text = `kvm_intel.nested is off on the ${side}.`;
      expect(of(from, to)).toMatchObject({ verdict: "no", obstacles: [{ certain: true, text }], ...nothing });
    }
    const unread = on(atlasHost("intel-50654-skylakex"), { release: "6.12" });
    const unsure = "kvm_intel may not load on the destination: not everything that decides was read.";
    expect(of(here, unread)).toMatchObject({ verdict: "unknown", obstacles: [{ certain: false, text: unsure }] });
    expect(of(here, unread).offenders.filter((offender) => offender.certain)).toEqual([]);
  });
});

import { describe, expect, it } from "vitest";
import type { Host } from "../../src/host/host.js";
import { atlas, atlasHost, entryHost } from "../../src/input/atlas/atlas.js";
import { readHost } from "../../src/input/read.js";
import type { Release } from "../../src/rules/release.js";
import { assume } from "../../src/situation/assume.js";
import { verifyItems } from "../../src/situation/evidence/items.js";
import { MODELLED } from "../../src/situation/modelled.js";
import { replays } from "../../src/situation/replays.js";
import { situation } from "../../src/situation/situation.js";
import { linesOf } from "../../src/situation/vmx-flags.js";
import { observe } from "../compare/verify/observe.js";

const ready = (host: Host) => assume(assume(host, "registers=sdm").host, "firmware=enabled").host;
const SAPPHIRE = entryHost(
  atlas().find(({ codename }) => /^sapphire/i.test(codename)) as ReturnType<typeof atlas>[number],
);
const MACHINE = { pmu: true, irqPosting: true, mediatedPmu: false } as const;
const SLES = "6.4.0-150600.21-default";
const ids = MODELLED.map(({ id }) => id);

/** A host that reports what it would under one kernel, and names another that can be many. */
function reporting(host: Host, release: Release, kernel = SLES): Host {
  const { observed, params } = observe(host, { release, machine: MACHINE });
  return { ...host, kernel, ...(params === undefined ? {} : { params }), observed: observed ?? {} };
}
const releasesOf = (host: Host) => situation(host, { machine: MACHINE }).candidates.map(({ release }) => release);

describe("what a machine reports under its own kernel", () => {
  it("never rules out the kernel that it runs, on any CPU of the atlas", () => {
    const candidates = situation({ ...atlasHost("intel-50654-skylakex"), kernel: SLES }).candidates;
    for (const [at, entry] of atlas()
      .filter((_, position) => position % 8 === 0)
      .entries()) {
      const { release } = candidates[at % candidates.length] as (typeof candidates)[number];
      const host = reporting(ready(entryHost(entry)), release);
      expect(releasesOf(host), `${entry.id} ${release}`).toContain(release);
    }
  });

  it("rules out those that do not print a name of its vmx flags line, and says by which", () => {
    const sapphire = ready(SAPPHIRE);
    const host = reporting(sapphire, "6.12");
    const about = situation({ ...host, observed: { vmxFlags: host.observed?.vmxFlags ?? [] } });
    const left = about.candidates.map(({ release }) => release);
    expect(left).toContain("6.12");
    expect(left).not.toContain("6.6");
    expect(about.kernel.ruledOut.map(({ what }) => what).join()).toContain("vmx flags line");
    expect(about.kernel.ruledOut.flatMap(({ kernels }) => kernels)).toContain("6.6");
    const all = situation({ ...sapphire, kernel: SLES }).candidates.map(({ release }) => release);
    expect([...left, ...about.kernel.ruledOut.flatMap(({ kernels }) => kernels)].sort()).toEqual([...all].sort());
  });

  it("says so where no kernel fits, with the nearest and what contradicts it", () => {
    const host = reporting(ready(SAPPHIRE), "7.3");
    const params = { kvm_intel: { mbec: "Y", nested_early_check: "N" } };
    const about = situation({ ...host, params });
    expect(about.kernel.contradicted?.by.length).toBeGreaterThan(0);
    expect(about.kernel.ruledOut).toEqual([]);
    expect(ids).toContain(about.kernel.contradicted?.nearest);
  });

  it("says nothing about a kernel that somebody asked for instead", () => {
    const host = reporting(ready(SAPPHIRE), "7.3");
    const asked = situation(host, { kernel: "5.14.21-150500.55.88-default" });
    expect(asked.kernel.ruledOut).toEqual([]);
  });

  it("counts under the kernel that was asked for where the machine names none", () => {
    const { kernel: _, ...host } = reporting(ready(SAPPHIRE), "7.3");
    expect(situation(host, { kernel: SLES }).kernel.ruledOut.length).toBeGreaterThan(0);
  });

  describe("of an RHEL 9 machine with a Granite Rapids", () => {
    // archspec/archspec-json, tests/targets/linux-rhel9-graniterapids, in short.
    const host = readHost(
      [
        "processor       : 0",
        "vendor_id       : GenuineIntel",
        "cpu family      : 6",
        "model           : 173",
        "model name      : Intel(R) Xeon(R) 6972P",
        "stepping        : 1",
        "flags           : fpu msr nx pdpe1gb lm arch_perfmon vmx smx xsave tpr_shadow flexpriority ept vpid ept_ad xsaves vnmi umip waitpkg la57 ibt",
        "vmx flags       : vnmi preemption_timer posted_intr invvpid ept_x_only ept_ad ept_1gb ept_5level flexpriority apicv tsc_offset vtpr mtf vapic ept vpid unrestricted_guest vapic_reg vid ple shadow_vmcs pml ept_violation_ve ept_mode_based_exec tsc_scaling usr_wait_pause notify_vm_exiting ipi_virt",
        "",
      ].join("\n"),
    ).host as Host;
    const EARLY = ["el9.0", "el9.1", "el9.2", "el9.3", "el9.4"];

    it("leaves the minor releases that print all of its names", () => {
      const about = situation(host, { kernel: "RHEL 9" });
      const left = about.candidates.map(({ release }): string => release);
      expect(left).toEqual(expect.arrayContaining(["el9.5", "el9.6"]));
      expect(left.filter((id) => EARLY.includes(id))).toEqual([]);
      expect(about.kernel.ruledOut.flatMap(({ kernels }) => kernels)).toEqual(EARLY);
      expect(about.kernel.contradicted).toBeUndefined();
    });

    it.each(["RHEL 9", "5.14.0-570.12.1.el9_6.x86_64", "5.14.0-503.40.1.el9_5.x86_64", "5.14.0-611.5.1.el9_7.x86_64"])(
      "is read with nothing contradicted as %s",
      (kernel) => {
        const about = situation(host, { kernel, assumeByDefault: ["firmware=enabled"] });
        expect(about.kernel.contradicted).toBeUndefined();
        const { each } = replays(about);
        for (const one of each) {
          const items = verifyItems(about.host, one).filter(({ verdict }) => verdict === "differ");
          expect(items.map(({ what }) => what)).toEqual([]);
        }
        // What the review of an earlier state found: printed by the machine, and said to be absent.
        for (const flag of ["ept_5level", "ept_violation_ve", "notify_vm_exiting", "ipi_virt"]) {
          const answers = each.map((one) => linesOf(one).vmxFlags.flags.find((row) => row.flag === flag)?.set);
          expect(answers, flag).not.toContain("no");
          expect(answers, flag).not.toContain(undefined);
        }
      },
    );
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { and } from "../../../src/bits/tri.js";
import { bitsOfProperties, expand, featureBits, qemuMsrs } from "../../../src/compare/qemu-features.js";
import { findModel, newestQemu } from "../../../src/compare/qemu-models.js";
import { atlas, entryHost } from "../../../src/input/atlas/atlas.js";
import { QEMU_RESTORE_ORDER, restoreAll } from "../../../src/kvm/guest/restore.js";
import { nestedMsrs } from "../../../src/kvm/nested-msrs.js";
import { runBaseline } from "../../../src/report/compare/baseline-report.js";
import { RELEASES } from "../../../src/rules/release.js";
import { replays } from "../../../src/situation/replays.js";
import { ready, subject } from "../../compare/hosts/hosts.js";
import { tries } from "../../deep.js";

const HOSTS = atlas().map((entry) => ready(entryHost(entry)));

/** The features that a `-cpu` text with a named model asks for. */
function asked(text: string) {
  const version = newestQemu();
  const [name = "", ...properties] = text.split(",");
  const found = findModel(name, version);
  if (found.kind !== "one") throw new Error(text);
  const names = (end: string) =>
    properties.filter((one) => one.startsWith("vmx-") && one.endsWith(end)).map((one) => one.slice(0, -end.length));
  const { on, cpuid } = found.model;
  return expand({ base: bitsOfProperties(on), on: names("=on"), off: names("=off"), cpuid, version });
}

describe("the configuration of a baseline", () => {
  it("asks for nothing that some host lacks, and each host takes what it gets on any other", () => {
    const aSide = fc.tuple(fc.nat(HOSTS.length - 1), fc.constantFrom(...RELEASES));
    let configured = 0;
    fc.assert(
      fc.property(fc.array(aSide, { minLength: 1, maxLength: 4 }), (fleet) => {
        const subjects = fleet.map(([i, release], n) =>
          subject(String(n), HOSTS[i] as (typeof HOSTS)[number], { release }),
        );
        const { qemu } = runBaseline({ subjects }).json as { qemu: string | null };
        if (qemu === null) return;
        configured++;
        const features = asked(qemu);
        const all = subjects.map(({ situation }) => replays(situation).each[0]);
        for (const { cpu } of all) {
          const offered = nestedMsrs(cpu);
          const has = featureBits(offered);
          // QEMU would drop, with a warning, what the host does not offer.
          for (const [key, state] of features) if (state === "yes") expect([key, has.get(key)]).toEqual([key, "yes"]);
          const given = new Map([...features].map(([key, state]) => [key, and(state, has.get(key) ?? "unknown")]));
          for (const { release, cpu: there } of all) {
            const verdicts = restoreAll(
              { release, offered: nestedMsrs(there) },
              qemuMsrs(given, offered),
              QEMU_RESTORE_ORDER,
            );
            expect(verdicts.filter(({ accepted }) => accepted !== "yes")).toEqual([]);
          }
        }
      }),
      { numRuns: tries(120) },
    );
    expect(configured).toBeGreaterThan(tries(60));
  });
});

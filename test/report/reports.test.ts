import { describe, expect, it } from "vitest";
import type { Host } from "../../src/host/host.js";
import { atlas, atlasHost, entryHost } from "../../src/input/atlas/atlas.js";
import { layersReport, matrixLines } from "../../src/report/layers-report.js";
import { replayReport } from "../../src/report/replay-report.js";
import { showReport } from "../../src/report/show-report.js";
import { type Line, lengthOf, plainText } from "../../src/report/text.js";
import { whyReport } from "../../src/report/why-report.js";
import { stepText } from "../../src/report/wording/reason-text.js";
import type { Release } from "../../src/rules/release.js";
import { assume } from "../../src/situation/assume.js";
import { FEATURE_LIST, LAYERS } from "../../src/why/features.js";
import { kernelFindings } from "../../src/why/kernels/kernel-findings.js";
import { layerStep } from "../../src/why/layer-step.js";
import { layersOf } from "../../src/why/layers.js";
import { tracedReplay } from "../../src/why/traced-replay.js";
import { why } from "../../src/why/why.js";
import { oneIn } from "../deep.js";
import { under } from "../host/under.js";

function assumed(host: Host): Host {
  return assume(assume(host, "registers=sdm").host, "firmware=enabled").host;
}

/** No line is wider, but for commands, which are never cut. */
function expectWidth(lines: readonly Line[], width: number, what: string): void {
  for (const line of lines) {
    if (line.some(({ style }) => style === "command")) continue;
    expect(lengthOf(line), `${what}: ${plainText(line)}`).toBeLessThanOrEqual(width);
  }
}

/** Every eighth CPU: generations, hybrids and vendors are among them. */
const SOME = atlas().filter((_, position) => position % 8 === 0 || position > 125);
const KERNELS = ["5.6", "6.6", "7.3"] as const satisfies readonly Release[];

describe("every report keeps to its width", () => {
  it.each([20, 33, 57, 80, 140].map((width, at) => [width, at] as const))("of %i columns", (width, turn) => {
    // In a short run one CPU in three for each width; the next two have the others.
    for (const entry of oneIn(3, SOME, turn)) {
      const host = entryHost(entry);
      const about = under(assumed(host), { release: "7.2" });
      expectWidth(layersReport(about, width), width, `layers ${entry.id}`);
    }
    const host = atlasHost("intel-806a1-lakefield");
    const about = under(host);
    expectWidth(showReport(about, width), width, "show");
    // Names of words and bits of the kernel are not cut either.
    const run = replayReport(about, [], width);
    if (width > 40) expectWidth(run, width, "replay");
  });
});

describe("the matrix", () => {
  it("has every feature once, with a cell for each layer", () => {
    const layers = layersOf(tracedReplay(assumed(atlasHost("intel-50654-skylakex"))).replayed);
    const lines = matrixLines(layers, 100).map(plainText);
    for (const { feature, cells } of layers) {
      const rows = lines.filter((line) => line.startsWith(`  ${feature.id} `));
      expect(rows, feature.id).toHaveLength(1);
      const shown = (rows[0] as string).trim().split(/ +/).slice(1, 7);
      const words = { yes: "yes", no: "no", unknown: "?", none: "-" };
      for (const [at, layer] of LAYERS.entries()) {
        const emulated = layer === "nested" && cells.nested === "yes" && cells.silicon === "no";
        expect(shown[at], `${feature.id} ${layer}`).toBe(emulated ? "emul" : words[cells[layer]]);
      }
    }
  });
});

describe("the sentence of a layer", () => {
  it("is there for every answer, and an unknown answer names what nobody read", () => {
    for (const [position, entry] of SOME.entries()) {
      for (const [at, release] of oneIn(3, [...KERNELS.entries()], position)) {
        for (const host of oneIn(2, [entryHost(entry), assumed(entryHost(entry))], position + at)) {
          const traced = tracedReplay(host, { release });
          for (const { feature, cells } of layersOf(traced.replayed)) {
            const silicon = layerStep(traced, feature, "silicon", cells.silicon);
            for (const layer of LAYERS) {
              const cell = cells[layer];
              const text = stepText(traced, layerStep(traced, feature, layer, cell), silicon);
              const where = `${entry.id} ${release} ${feature.id} ${layer} ${cell}`;
              if (cell === "none") expect(text, where).toBe("");
              else expect(text, where).not.toBe("");
              if (cell === "unknown") expect(text, where).toMatch(/nobody read|not known|not read/);
            }
          }
        }
      }
    }
  });
});

describe("why", () => {
  it("gives every feature a report; yes has no remedy, and each remedy is told", () => {
    const host = assumed(atlasHost("intel-6f6-conroe"));
    for (const feature of oneIn(3, FEATURE_LIST)) {
      const found = why(under(host, { release: "6.12" }), feature);
      const text = whyReport(under(host, { release: "6.12" }), found, 100)
        .map(plainText)
        .join("\n");
      if (found.reached === "yes") expect(found.each[0].remedies, feature.id).toEqual([]);
      expect(text.includes("What would have to change"), feature.id).toBe(found.reached === "no");
    }
  });
});

describe("the quirks of the kernel as findings", () => {
  const ids = (host: Host) => kernelFindings(tracedReplay(host).replayed).map(({ id }) => id);

  it("`vpid` in `flags` is remarked where virtual NMIs stand in for it", () => {
    const quirk = kernelFindings(tracedReplay(assumed(atlasHost("intel-10676-yorkfield"))).replayed).find(
      ({ id }) => id === "vpid-follows-vnmi",
    );
    expect(quirk).toMatchObject({ severity: "warning", certain: true });
    expect(ids(assumed(atlasHost("intel-50654-skylakex")))).not.toContain("vpid-follows-vnmi");
  });

  it("cores that KVM refuses are named", () => {
    const found = kernelFindings(tracedReplay(assumed(atlasHost("intel-806a1-lakefield"))).replayed);
    expect(found.find(({ id }) => id === "core-refused")).toMatchObject({ core: 1, certain: true });
  });

  it("controls that only the TRUE registers free are counted", () => {
    const found = kernelFindings(tracedReplay(atlasHost("intel-50654-skylakex")).replayed);
    expect(found.find(({ id }) => id === "true-not-read")?.text).toMatch(/^4 controls .*CR3-load exiting/);
    expect(ids(atlasHost("intel-6f6-conroe"))).not.toContain("true-not-read");
  });
});

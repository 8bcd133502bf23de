import { afterAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { Host } from "../../src/host/host.js";
import { atlasHost } from "../../src/input/atlas/atlas.js";
import { assume } from "../../src/situation/assume.js";

/*
 * How often something is replayed: n kernels that a machine can run cost n replays. Where IA32_FEAT_CTL was not read, every
 * case of it is one more (worlds.ts).
 */

const counted = { replays: 0 };
// Files of tests share their modules: here they are loaded anew, around a replay that counts.
vi.resetModules();
vi.doMock("../../src/kvm/replay.js", async () => {
  const module = await vi.importActual<typeof import("../../src/kvm/replay.js")>("../../src/kvm/replay.js");
  return {
    ...module,
    replay: (...args: Parameters<typeof module.replay>) => {
      counted.replays++;
      return module.replay(...args);
    },
  };
});
const { replays } = await import("../../src/situation/replays.js");
const { situation } = await import("../../src/situation/situation.js");
const { vmxFlags } = await import("../../src/situation/vmx-flags.js");
const { runCli } = await import("../cli/run.js");
afterAll(() => {
  vi.doUnmock("../../src/kvm/replay.js");
  vi.resetModules();
});

const SET = "6.4.0-150600.21-default";
const unread = atlasHost("intel-50654-skylakex");
const { host } = assume(unread, "firmware=enabled");
/** As every kernel of the set prints it. */
const PRINTED = vmxFlags(situation(host, { kernel: SET })).vmxFlags.flags.flatMap(({ flag, set }) =>
  set === "yes" ? flag : [],
);
const count = () => counted.replays;
beforeEach(() => {
  counted.replays = 0;
});

describe("a situation", () => {
  it.each([
    ["one kernel", "once", {}, "6.12", 1],
    ["several", "once for each", {}, SET, 1],
    // To weigh what it says of its kernel, and again from what it shows that KVM offers.
    ["several, with what the machine printed", "twice", { observed: { vmxFlags: PRINTED } }, SET, 2],
    // Before those, to see which of the parameters somebody set.
    ["several, with parameters found on it", "three times", { params: { kvm_intel: { ept: "Y" } } }, SET, 3],
  ] as const)("of %s is replayed %s at most", (_, _often, more, kernel, times) => {
    const about = situation({ ...host, ...more, kernel } as Host);
    const candidates = about.candidates.length + about.kernel.ruledOut.flatMap(({ kernels }) => kernels).length;
    const { each } = replays(about);
    expect(each).toHaveLength(about.candidates.length);
    const once = count();
    expect(once).toBeGreaterThanOrEqual(candidates);
    expect(once).toBeLessThanOrEqual(candidates * times);
    replays(about);
    expect(count()).toBe(once);
  });
});

describe("a host whose IA32_FEAT_CTL nobody read", () => {
  it("is replayed for each kernel once, and in the four cases of the register twice at most", () => {
    const about = situation(unread, { kernel: SET });
    replays(about);
    expect(count()).toBeGreaterThan(0);
    expect(count()).toBeLessThanOrEqual(about.candidates.length * (1 + 2 * 4));
  });
});

describe("a host whose kernel is not named, and did not print its messages by default", () => {
  it("is replayed in each case under the kernels that print them, and under the others not at all", () => {
    const [core] = unread.cores;
    const bare = { cores: [{ ...core, msrs: new Map(), cpuid: { features: {} } }] };
    const about = situation({ ...bare, observed: { messages: ["kvm: disabled by bios"] } } as unknown as Host);
    const cases = 14;
    expect(about.candidates.length).toBeLessThan(8);
    expect(count()).toBeLessThanOrEqual((about.candidates.length + 1) * (cases + 6));
  });
});

describe("a command", () => {
  it.each(["layers", "nested", "replay", "runs"])("%s replays each kernel that it can be once", async (command) => {
    const { code } = await runCli([command, `skylake-x@${SET}`]);
    expect(code).toBeLessThan(2);
    const about = situation(host, { kernel: SET });
    expect(count()).toBe(about.candidates.length);
  });

  it("layers of a series looks at its older states, once each, for what they do otherwise", async () => {
    await runCli(["layers", "skylake-x@5.15"]);
    const older = situation(host, { kernel: "5.15" }).kernel.olderStates?.length ?? 0;
    expect(older).toBeGreaterThan(2);
    expect(count()).toBe(1 + older);
  });
});

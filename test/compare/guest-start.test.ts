import { describe, expect, it } from "vitest";
import { startsOn } from "../../src/compare/guest-start.js";
import { qemuCpu } from "../../src/compare/qemu.js";
import { qemuData } from "../../src/compare/qemu-models.js";
import { atlas, entryHost } from "../../src/input/atlas/atlas.js";
import { readGuests } from "../../src/input/guests/guest-cpu.js";
import { nestedMsrs } from "../../src/kvm/nested-msrs.js";
import { replays } from "../../src/situation/replays.js";
import { situation } from "../../src/situation/situation.js";
import { oneIn } from "../deep.js";

/* May this guest start there: against what `qemuCpu` finds by itself, and at the edges. */

const on = (id: string, text: string, asked = {}) => {
  const entry = atlas().find((one) => one.id === id);
  if (entry === undefined) throw new RangeError(id);
  const [guest] = readGuests(text);
  return startsOn(
    situation(entryHost(entry), {
      kernel: "6.12",
      assume: ["registers=sdm", "firmware=enabled"],
      ...(guest === undefined ? {} : { guest }),
      ...asked,
    }),
  );
};

const SKYLAKE = "intel-50654-skylakex";

describe("a guest on a host", () => {
  it("is refused a feature where it is strict, and starts without it where it is not", () => {
    expect(on(SKYLAKE, "-cpu Skylake-Client,avx512vnni=on,enforce")).toMatchObject({ starts: "no" });
    const loose = on(SKYLAKE, "-cpu Skylake-Client,avx512vnni=on");
    expect(loose.starts).toBe("yes");
    expect(loose.features.find(({ name }) => name === "avx512vnni")).toMatchObject({ given: "no", required: false });
  });

  it("gets VMX as far as KVM offers it", () => {
    const text = "-cpu host,vmx=on,vmx-mbec=on,vmx-ept=on,enforce";
    const { features, starts } = on(SKYLAKE, text);
    expect(starts).toBe("no");
    expect(features.filter(({ given }) => given === "no")).toMatchObject([
      { name: "vmx-mbec", kind: "VMX", lostAt: "kvm" },
    ]);
    expect(
      on(SKYLAKE, "-cpu Skylake-Server,vmx=on,pku=off", { params: { kvm_intel: { nested: 0 } } }).features,
    ).toContainEqual(expect.objectContaining({ name: "vmx", given: "no" }));
  });

  it("starts nowhere that KVM does not load, and anywhere without KVM", () => {
    const off = { assume: ["registers=sdm", "firmware=disabled"] };
    expect(on(SKYLAKE, "-cpu qemu64", off)).toMatchObject({ starts: "no", loads: "no" });
    expect(on(SKYLAKE, "-accel tcg -cpu Skylake-Server", off).starts).toBe("yes");
  });

  it("is not known to start with a model or a feature that no table has, and what is off needs no table", () => {
    expect(on(SKYLAKE, "-cpu Nobody,enforce")).toMatchObject({ starts: "unknown", unknownModel: true });
    expect(on(SKYLAKE, "-cpu Skylake-Client,nosuchthing=on,enforce")).toMatchObject({
      starts: "unknown",
      unknownNames: ["nosuchthing"],
    });
    expect(on(SKYLAKE, "-cpu Skylake-Client,nosuchthing=off,enforce").starts).not.toBe("unknown");
  });

  it("hypervisor and what QEMU makes up is no question of the host", () => {
    expect(on(SKYLAKE, "-cpu Skylake-Client,hypervisor=on,ht=on,tsc-deadline=on,enforce").starts).toBe("yes");
  });

  it("forbidden features keep it off a host that has them", () => {
    const xml = (name: string) =>
      `<domain type='kvm'>\n<cpu mode='custom' match='exact'>\n<model>Skylake-Client</model>\n<feature policy='forbid' name='${name}'/>\n</cpu>\n</domain>`;
    expect(on(SKYLAKE, xml("avx512f")).starts).toBe("no");
    expect(on(SKYLAKE, xml("avx512vnni")).starts).toBe("yes");
  });
});

describe("the text of qemuCpu on the host that it was made for", () => {
  const entries = oneIn(6, atlas());
  it.each(entries.map((entry) => [entry.id, entry] as const))("%s gives every VMX feature of it", (_, entry) => {
    const base = situation(entryHost(entry), { kernel: "6.12", assume: ["registers=sdm", "firmware=enabled"] });
    const joined = replays(base);
    if (joined.loads !== "yes" || joined.cpu.bit("params", "nested") !== "yes") return;
    const offered = nestedMsrs(joined.cpu);
    for (const model of ["host", "nearest"]) {
      const made = qemuCpu(offered, { model, cpuid: entryHost(entry).cores.map((core) => core.cpuid) });
      if (made.kind !== "cpu") continue;
      const [guest] = readGuests(`-cpu ${made.text},enforce`);
      if (guest === undefined) throw new RangeError(made.text);
      const { features } = startsOn({ ...base, guest });
      const lost = features.filter(({ given }) => given === "no").map(({ name }) => name);
      expect(
        lost.filter((name) => !made.inexpressible.some(({ property }) => property === name)),
        made.text,
      ).toEqual([]);
    }
  });

  it("names what qemuCpu removes from a model", () => {
    const base = situation(entryHost(atlas().find(({ id }) => id === SKYLAKE) as (typeof entries)[0]), {
      kernel: "6.12",
      assume: ["registers=sdm", "firmware=enabled"],
    });
    const offered = nestedMsrs(replays(base).cpu);
    for (const { name } of oneIn(8, qemuData().models)) {
      const made = qemuCpu(offered, { model: name });
      if (made.kind !== "cpu") continue;
      const [guest] = readGuests(`-cpu ${name},vmx=on`);
      if (guest === undefined) throw new RangeError(name);
      const start = startsOn({ ...base, guest });
      const lost = start.features.filter(({ kind, given }) => kind === "VMX" && given === "no").map((row) => row.name);
      // What depends on something that is removed need not be removed as well.
      for (const removed of made.removals) expect(lost, name).toContain(removed);
    }
  });
});

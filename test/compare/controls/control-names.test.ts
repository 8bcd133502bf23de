import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readWanted } from "../../../src/compare/controls/control-names.js";
import { namesOf } from "../../../src/registers/lookup.js";
import { CONTROL_WORDS, controlBit } from "../../../src/vmcs/fields/control-bits.js";

const names = (text: string) => {
  const { wants, problems } = readWanted([{ text }]);
  expect(problems).toEqual([]);
  return wants.map(({ name, wish }) => (wish === "required" ? name : `${name} ${wish}`));
};
const problems = (text: string) =>
  readWanted([{ text }]).problems.map(({ line, column, message, expected }) => [
    `${line}:${column}`,
    message,
    expected,
  ]);

describe("readWanted", () => {
  it("takes names of every vocabulary, and what stands between them in source code", () => {
    expect(names("enable EPT")).toEqual(["proc2.EPT"]);
    expect(names("SECONDARY_EXEC_ENABLE_EPT|\\\nCPU_BASED_HLT_EXITING")).toEqual(["proc2.EPT", "proc.HLT_EXITING"]);
    expect(names("VMX_FEATURE_VPID, vmx-apicv-vid; vmx-apicv-register")).toEqual([
      "proc2.VPID",
      "proc2.VIRT_INTR_DELIVERY",
      "proc2.APIC_REGISTER_VIRT",
    ]);
    expect(names("external-interrupt exiting NMI exiting use MSR bitmaps")).toEqual([
      "pin.INTR_EXITING",
      "pin.NMI_EXITING",
      "proc.USE_MSR_BITMAPS",
    ]);
  });

  it("finds every control by each of its names, with its word before it", () => {
    let count = 0;
    for (const word of Object.values(CONTROL_WORDS)) {
      for (const row of word.bits) {
        for (const [, name] of namesOf(row)) {
          const { wants } = readWanted([{ text: `${word.name}/${name}` }]);
          expect([name, wants.map((want) => [controlBit(want.name).word.name, controlBit(want.name).bit])]).toEqual([
            name,
            [[word.name, row.bit]],
          ]);
          count++;
        }
      }
    }
    expect(count).toBeGreaterThan(600);
  });

  it("takes what is optional and what is to be off", () => {
    expect(names("VPID? ?INVPCID -HLT_EXITING !rdtsc-exiting")).toEqual([
      "proc2.VPID optional",
      "proc2.INVPCID optional",
      "proc.HLT_EXITING off",
      "proc.RDTSC_EXITING off",
    ]);
    expect(names("EPT\noptional: VPID # if there\n  INVPCID\noff:\n HLT exiting\nrequired: XSAVES // always")).toEqual([
      "proc2.EPT",
      "proc2.VPID optional",
      "proc2.INVPCID optional",
      "proc.HLT_EXITING off",
      "proc2.XSAVES",
    ]);
    // Required wins over optional, in either order.
    expect(names("EPT? EPT")).toEqual(["proc2.EPT"]);
    expect(names("EPT EPT?")).toEqual(["proc2.EPT"]);
  });

  it("takes QEMU's negated names for what they say", () => {
    expect(names("vmx-cr3-load-noexit, cr3-store-noexit")).toEqual([
      "proc.CR3_LOAD_EXITING off",
      "proc.CR3_STORE_EXITING off",
    ]);
    expect(names("-vmx-exit-nosave-debugctl")).toEqual(["exit.SAVE_DEBUG_CONTROLS"]);
  });

  it("takes features for their controls", () => {
    expect(names("apicv")).toEqual([
      "proc.VIRTUAL_TPR",
      "proc2.APIC_REGISTER_VIRT",
      "proc2.VIRT_INTR_DELIVERY",
      "pin.POSTED_INTR",
    ]);
    // Linux' flexpriority, not the single bit of QEMU's vmx-flexpriority.
    expect(names("flexpriority")).toEqual(["proc.VIRTUAL_TPR", "proc2.VIRT_APIC_ACCESSES"]);
    expect(names("vmx-flexpriority")).toEqual(["proc.VIRTUAL_TPR"]);
    expect(names("eptp-switching?")).toEqual(["vmfunc.EPTP_SWITCHING optional"]);
    expect(names("hlat")).toEqual(["proc3.HLAT"]);
  });

  it("says where it cannot read a name", () => {
    expect(problems("EPT\n  LOAD_IA32_PAT")).toEqual([
      [
        "2:3",
        "LOAD_IA32_PAT is in the primary VM-exit controls and in the VM-entry controls",
        "exit/LOAD_IA32_PAT or entry/LOAD_IA32_PAT",
      ],
    ]);
    expect(problems("VPID unrestrcted guest EPT")).toEqual([
      ["1:6", "no VMX control is called unrestrcted guest", "unrestricted guest"],
    ]);
    expect(problems("ept-2mb")).toEqual([
      ["1:1", "ept-2mb is a capability that no control switches", "the name of a control"],
    ]);
    expect(problems("EPT,  exit  nonsense, EPT -EPT").map(([at]) => at)).toEqual(["1:7", "1:27"]);
    expect(problems("EPT -EPT")).toEqual([["1:5", "EPT is wanted on and off", "one of the two"]]);
    expect(readWanted([{ text: "x", file: "want.txt" }]).problems[0]?.file).toBe("want.txt");
  });

  it("reads anything without an exception", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        for (const { name } of readWanted([{ text }]).wants) controlBit(name);
      }),
    );
    const [long, ...more] = readWanted([{ text: "nothing known ".repeat(4000) }]).problems;
    expect([long?.message.length, more]).toEqual([expect.toSatisfy((length: number) => length < 300), []]);
  });

  it("reads a text that is no list of names as far as that is clear", () => {
    const lines = Array.from({ length: 5000 }, (_, at) => `word${at} and another`);
    const { problems } = readWanted([{ text: `EPT\n${lines.join("\n")}\nVPID` }]);
    expect(problems.find(({ severity }) => severity === "note")).toMatchObject({
      line: 1002,
      message: "not a list of controls; the rest was not read",
    });
  });
});

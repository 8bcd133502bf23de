import { describe, expect, it } from "vitest";
import { parseHexU64, type U64 } from "../../src/bits/u64.js";
import { controlBit } from "../../src/vmcs/fields/control-bits.js";
import { decodeField, describeQualification } from "../../src/vmcs/fields/decode.js";
import { findField, nearFields } from "../../src/vmcs/fields/field-names.js";
import {
  FIELDS,
  type FieldKey,
  fieldByEncoding,
  fieldOf,
  splitEncoding,
  widthOf,
} from "../../src/vmcs/fields/fields.js";
import { known64 } from "../../src/vmcs/value64.js";

const decode = (key: FieldKey, hex: string) => decodeField(fieldOf(key), known64(parseHexU64(hex) as U64));

describe("the fields", () => {
  it("are 206, each with its own encoding and key", () => {
    expect(FIELDS.length).toBe(206);
    expect(new Set(FIELDS.map((row) => row.encoding)).size).toBe(206);
    expect(new Set(FIELDS.map((row) => row.key)).size).toBe(206);
  });

  it("stand in the table of their type, by encoding", () => {
    for (const row of FIELDS) {
      const parts = splitEncoding(row.encoding);
      expect(parts?.high, row.key).toBe(false);
      const prefix = { control: "ctl.", "read-only": "info.", guest: "guest.", host: "host." }[
        parts?.type ?? "control"
      ];
      expect(row.key.startsWith(prefix), row.key).toBe(true);
      if (Array.isArray(row.exists)) for (const name of row.exists) expect(controlBit(name).name).toBe(name);
    }
  });

  it("are found by every name and by encoding", () => {
    for (const row of FIELDS) {
      for (const name of [row.key, row.sdm, row.linux, row.xen, `0x${row.encoding.toString(16)}`]) {
        if (name !== undefined) expect(findField(name)?.encoding, name).toBe(row.encoding);
      }
    }
    expect(findField("guest cs ar bytes")?.key).toBe("guest.cs.ar");
    expect(findField("6820")?.key).toBe("guest.rflags");
    expect(fieldByEncoding(0x2011)?.key).toBe("ctl.tsc_offset");
    expect(findField("nothing of the kind")).toBeUndefined();
  });

  it("have near names", () => {
    expect(nearFields("GUEST_RFLGS")).toContain("GUEST_RFLAGS");
    expect(nearFields("")).toEqual([]);
  });

  it("have the width that the encoding says", () => {
    expect(
      [0x0800, 0x2010, 0x4000, 0x6800].map((encoding) => widthOf(fieldByEncoding(encoding) as (typeof FIELDS)[number])),
    ).toEqual([16, 64, 32, 64]);
    expect(splitEncoding(0x7000)).toBeUndefined();
    expect(splitEncoding(0x4001)).toBeUndefined();
  });
});

describe("values by bits", () => {
  it.each([
    ["guest.ds.ar", "0xc0f2", "type 2 (read/write), code or data, DPL 3, P, D/B, G"],
    ["guest.ldtr.ar", "0x10082", "type 2 (LDT), system, DPL 0, P, unusable"],
    ["guest.interruptibility", "0x9", "blocking by STI, blocking by NMI"],
    ["guest.activity", "0x1", "state 1 (HLT)"],
    ["ctl.ev", "0x80000b0e", "valid, vector 14 (#PF), type 3 (hardware exception), with error code"],
    [
      "ctl.eptp",
      "0x10505e",
      "memory type 6 (WB), walk length 3 (4 levels), accessed and dirty flags, table at page 0x105",
    ],
    ["guest.pending_dbg", "0x4000", "BS"],
    ["info.exit_reason", "0x80000021", "33 (VM-entry failure: invalid guest state)"],
    ["info.instruction_error", "0x7", "7 (VM entry with invalid control fields)"],
    ["guest.rflags", "0x202", "IF"],
  ] as const)("%s %s", (key, value, summary) => {
    expect(decode(key, value).summary).toBe(summary);
  });

  it("name the bits of control words from the capability tables and count the ones without a name", () => {
    const decoded = decode("ctl.pin", "0x3f");
    expect(decoded.parts.filter((part) => part.value === "0x1").map((part) => part.name)).toEqual([
      "external-interrupt exiting",
      "NMI exiting",
      "virtual NMIs",
    ]);
    expect(decoded.unnamed).toEqual([1, 2, 4]);
  });

  it("say what a qualification means", () => {
    expect(describeQualification(0x8000_0021, { lo: 4, hi: 0 })).toBe("0x4: the VMCS link pointer");
    expect(describeQualification(0x30, { lo: 0x81, hi: 0 })).toBe("0x81: read; EPT allows nothing");
  });
});

import { describe, expect, it } from "vitest";
import { fieldByMeaning, findField, namedField, nearFields } from "../../src/vmcs/fields/field-names.js";
import { fieldByEncoding, splitEncoding } from "../../src/vmcs/fields/fields.js";
import { HEADERS } from "../../src/vmcs/fields/headers.js";
import { ALL_HEADER_NAMES } from "./header-names.js";

const families = Object.values(HEADERS);
const cells = ALL_HEADER_NAMES.split("\n").flatMap((line) => {
  const [encoding, ...names] = line.split(" ");
  return names.flatMap((name, column) =>
    name === "-" ? [] : [{ name, encoding: Number.parseInt(encoding as string, 16), column }],
  );
});

describe("names that people make up", () => {
  it.each([
    ["HOST_SYSENTER_EIP_FULL", "host.sysenter_eip"],
    ["cpu_based_exec_ctrl2", "ctl.proc2"],
    ["exit_ctls2", "ctl.exit2"],
    ["pf_ec_mask", "ctl.pfec_mask"],
    ["guest_gdt_base", "guest.gdtr.base"],
    ["guest_dbgctl", "guest.debugctl"],
    ["guest_ip", "guest.rip"],
    ["GUEST_FLAGS", "guest.rflags"],
    ["VapicAddr", "ctl.virtual_apic"],
    ["CS_ACCESS_RIGHT", "guest.cs.ar"],
    ["pending_debug_exceptions", "guest.pending_dbg"],
    ["vmcs_link_pointer", "guest.link"],
  ])("%s is %s", (name, key) => {
    expect(findField(name)?.key).toBe(key);
  });

  it("are open where a guest and a host have the field", () => {
    expect(findField("cs_selector")).toBeUndefined();
    expect(nearFields("cs_selector").slice(0, 2)).toEqual(["GUEST_CS_SELECTOR", "HOST_CS_SELECTOR"]);
  });
});

describe("the names of public headers", () => {
  it("are a table of eight headers, each with its source", () => {
    expect(families.length).toBe(8);
    expect(cells.length).toBeGreaterThan(1200);
    for (const line of ALL_HEADER_NAMES.split("\n")) expect(line.split(" ").length, line).toBe(9);
    for (const [column, { source, names }] of families.entries()) {
      expect(source).toMatch(/\.(?:h|rs)\b/);
      for (const { name } of cells.filter((cell) => cell.column === column))
        expect(name.replace(/^\w+::/, ""), source).toMatch(names);
    }
  });

  it("each find their field, in any case, and the high half with a suffix", () => {
    for (const { name, encoding } of cells) {
      const found = [name, name.toLowerCase(), `vmcs.${name}`].map((spelled) => namedField(spelled)?.row.encoding);
      expect(found, name).toEqual([encoding, encoding, encoding]);
      if (splitEncoding(encoding)?.width !== 64) continue;
      expect(namedField(`${name}_HIGH`), name).toEqual({ row: fieldByEncoding(encoding), high: true });
      expect(namedField(`${name}_FULL`)?.row.encoding, name).toBe(encoding);
    }
  });

  it.each([
    ["GUEST_ACCESS_RIGHT_CS", "guest.cs.ar"],
    ["Guest SS Attributes", "guest.ss.ar"],
    ["GuestSelDs", "guest.ds.sel"],
    ["VmEntryCtls", "ctl.entry"],
    ["host_sel_tr", "host.tr.sel"],
    ["PROC_BASED_CTLS_SECONDARY", "ctl.proc2"],
    ["L4VCPU_VMCS_GUEST_CS_ACCESS_RIGHTS", "guest.cs.ar"],
    ["VMCS_GUEST_IA32_CS_AR", "guest.cs.ar"],
    ["VMCS_PROCBASED2_CTLS", "ctl.proc2"],
    ["VMX_PROC_VM_EXEC_CONTROLS2", "ctl.proc2"],
    ["VMX_VMS_LINK_PTR_FULL", "guest.link"],
    ["control_EPT_pointer_full", "ctl.eptp"],
    ["control_VMX_seccpu_based", "ctl.proc2"],
    ["info_vminstr_error", "info.instruction_error"],
    ["VMX_CONTROLS_ON_ENTRY", "ctl.entry"],
    ["VMENTRY_IRQ_INFO", "ctl.ev"],
  ])("are not all names: %s has the words of %s", (name, key) => {
    expect(findField(name)?.key).toBe(key);
  });

  it("give near ones by meaning first, and by letters where a slip of the pen explains the name", () => {
    expect(fieldByMeaning("GUEST_LIMIT")).toBeUndefined();
    expect(nearFields("GUEST_CS_RIGHTS_WORD")[0]).toBe("GUEST_CS_AR_BYTES");
    expect(nearFields("SECONDARY_VM_EXECUTION_CTL_WORD")[0]).toBe("SECONDARY_VM_EXEC_CONTROL");
    expect(nearFields("GUEST_RFLGS")).toEqual(["GUEST_RFLAGS"]);
  });
});

import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import type { Explanation } from "../../../src/answers/answer.js";
import type { ExplainOptions } from "../../../src/messages/context.js";
import { INSTRUCTION_ERROR_ADVICE } from "../../../src/messages/rows/linux/vmx-instructions.js";
import { EXIT_REASONS, INSTRUCTION_ERRORS } from "../../../src/vmcs/fields/decode-tables.js";
import { explain } from "../explain-all.js";

function first(text: string, options: ExplainOptions = {}): Explanation {
  const [answer] = explain(text, options);
  if (answer === undefined) throw new Error(`nothing said of ${text}`);
  return answer;
}
const causes = ({ causes }: Explanation) => causes.map(({ text }) => text).join("\n");
const values = ({ values }: Explanation) => values.map(({ name, value }) => `${name}: ${value}`).join("\n");
const steps = ({ steps }: Explanation) => steps.flatMap(({ text, commands }) => [text, ...(commands ?? [])]).join("\n");

describe("KVM: entry failed, hardware error", () => {
  it.each([
    ["0x80000021", "invalid guest state", "Without unrestricted guest"],
    ["0x80000022", "MSR of the VM-entry MSR-load list", "may not be in it"],
    ["0x80000029", "machine check", "machine-check"],
    ["0x0", "names no error", "outer hypervisor refused"],
    ["0x7", "invalid control field", "is not allowed"],
    ["0x8", "invalid host-state field", ""],
    ["0x2c", "44", ""],
  ])("%s", (code, what, cause) => {
    const answer = first(`KVM: entry failed, hardware error ${code}`);
    expect(answer).toMatchObject({ message: "qemu-entry-failed", layer: "VM entry", gravity: "blocks" });
    expect(`${answer.what}\n${values(answer)}`.toLowerCase()).toContain(what.toLowerCase());
    expect(causes(answer)).toContain(cause);
    expect(steps(answer)).toContain("dump_invalid_vmcs");
    expect(answer.depends.join()).toContain("the VMCS");
  });

  it("knows AMD's -1", () => {
    const answer = first("KVM: entry failed, hardware error 0xffffffff");
    expect(answer.what).toContain("AMD");
    expect(steps(answer)).toContain("dump_invalid_vmcb");
    expect(steps(answer)).not.toContain("dump_invalid_vmcs");
  });

  it("makes the cause likely that the register block points to", () => {
    const block = "EIP=00008000 EFL=00010006 [-----P-] CPL=0 II=0 A20=1 SMM=1 HLT=0";
    const smm = first(`KVM: entry failed, hardware error 0x80000021\n${block}`);
    const pointed = (answer: Explanation) => answer.causes.find(({ text }) => text.startsWith("In or after SMM"));
    expect(pointed(smm)?.certainty).toBe("likely");
    expect(pointed(first("KVM: entry failed, hardware error 0x80000021"))?.certainty).toBe("possible");
  });

  it("reads the same code in the words of others", () => {
    for (const text of [
      "kvm: unhandled exit 80000021",
      "FailEntry: hardware_entry_failure_reason: 0x80000021",
      "Failed to enter VM, reason 0x80000021",
      "vmentry failure (reason 0x80000021)",
      "exit_reason.raw 80000021, cpu 0 0",
    ]) {
      expect([text, `${first(text).what}${values(first(text))}`]).toEqual([text, expect.stringMatching(/\b33\b/)]);
    }
  });
});

describe("VM-instruction errors", () => {
  const numbers = Object.keys(INSTRUCTION_ERRORS).map(Number);

  it("has advice for every number", () => {
    // 1 to 28 without 14, 21 and 27.
    expect(numbers.length).toBe(25);
    for (const number of [0, ...numbers]) {
      expect(INSTRUCTION_ERROR_ADVICE[number]?.cause).toMatch(/\.$/);
      expect(INSTRUCTION_ERROR_ADVICE[number]?.check).toMatch(/\.$/);
    }
  });

  it.each(numbers)("%i, however it is worded", (number) => {
    const hex = `0x${number.toString(16)}`;
    for (const text of [
      `VM-instruction error = ${number}`,
      `Instruction error: ${number}`,
      `vm_instruction_error: ${hex}`,
      `VMLAUNCH failed with error ${number}`,
      `VMRESUME error: ${hex}`,
    ]) {
      const answer = first(text);
      expect([text, answer.product]).toEqual([text, "VMX"]);
      expect(answer.what).toContain(`VM-instruction error ${number}: ${INSTRUCTION_ERRORS[number]}`);
      expect(answer.causes[0]).toMatchObject({ certainty: "certain" });
      expect(answer.steps.length).toBeGreaterThan(0);
    }
  });

  it("does not take other numbers for one", () => {
    const stray = first("VMLAUNCH failed with error 0x80000021");
    expect(stray.what).toContain("not a VM-instruction error number");
    expect(values(stray)).toContain("exit reason: 33");
    expect(first("VM-instruction error = 14").what).toContain("without 14, 21 and 27");
    expect(first("VM-instruction error = 99").what).toContain("not a VM-instruction error number");
  });

  it("names the field that KVM could not write", () => {
    const answer = first("vmwrite error: reg 401e value 2 (err 12)");
    expect(answer).toMatchObject({ message: "kvm-vmwrite-error", gravity: "degrades" });
    expect(answer.what).toContain("SECONDARY_VM_EXEC_CONTROL");
    expect(answer.what).toContain(INSTRUCTION_ERRORS[12]);
    expect(first("kvm_intel: vmwrite failed: field=4002 val=84006172 err=13").what).toContain("0x4002");
    expect(first("vmwrite error: reg 6820 value 46 (err 70)").what).toContain("no VMCS was current");
  });
});

describe("exit reasons", () => {
  it.each(Object.keys(EXIT_REASONS).map(Number))("%i", (reason) => {
    const answer = first(`exit reason ${reason}`);
    expect(`${answer.what}${values(answer)}`).toContain(`${reason}`);
    expect(`${answer.what}${values(answer)}`).toContain(EXIT_REASONS[reason]);
  });

  it("says that a guest stops where KVM has no handler", () => {
    const answer = first("kvm_intel: kvm [5306]: vcpu1, guest rIP: 0x1 vmx: unexpected exit reason 0x43");
    expect(answer).toMatchObject({ message: "kvm-unexpected-exit", gravity: "blocks" });
    expect(answer.what).toContain("67 (UMWAIT)");
    expect(answer.rule?.fn).toBe("vmx_handle_exit");
  });

  it("reads the qualification of a failed entry", () => {
    const answer = first("VM entry failed: exit reason 0x80000021 qualification 4");
    expect(values(answer)).toMatch(/exit qualification: 4 \(.+\)/);
  });
});

describe("a dump of the VMCS in the same text", () => {
  const DUMP = [
    "[ 7058.291757] *** Guest State ***",
    "[ 7058.291776] RFLAGS=0x00000002         DR7 = 0x0000000000000400",
    "[ 7058.291829] *** Control State ***",
    "[ 7058.291838] VMEntry: intr_info=800000d1 errcode=00000000 ilen=00000000",
  ];

  it("is audited, and its finding is the cause", () => {
    const found = explain(["KVM: entry failed, hardware error 0x80000021", ...DUMP].join("\n"));
    expect(found.map(({ message }) => message)).toEqual(["qemu-entry-failed"]);
    const [answer] = found as [Explanation];
    expect(values(answer)).toContain("guest.rflags.if_extint");
    expect(answer.causes[0]).toMatchObject({ certainty: "certain" });
    expect(answer.causes[0]?.text).toContain("RFLAGS.IF must be 1 when an external interrupt is injected");
    // The guesses are gone.
    expect(answer.causes.map(({ certainty }) => certainty)).not.toContain("possible");
    expect(answer.causes[0]?.text).toContain("VM_ENTRY_INTR_INFO_FIELD");
    // The user of QEMU can set no field.
    expect(answer.steps[0]?.text).toContain("KVM and QEMU made this state");
    expect(answer.depends).toEqual([]);
  });

  it("is audited when it stands alone", () => {
    const found = explain(DUMP.join("\n"));
    expect(found.map(({ message }) => message)).toEqual(["vmcs-dump"]);
    expect(values(found[0] as Explanation)).toContain("guest.rflags.if_extint");
  });

  it("says what is missing when nothing is wrong as far as it goes", () => {
    const valid = DUMP.map((line) => line.replace("0x00000002", "0x00000202"));
    const answer = first(["KVM: entry failed, hardware error 0x80000021", ...valid].join("\n"));
    expect(values(answer)).not.toContain("if_extint");
    expect(answer.depends.join()).toContain("--host");
  });

  const samples = resolve(import.meta.dirname, "../../../../shared/samples/vmcs");
  it.skipIf(!existsSync(samples))("finds in dumps of others what their threads found (needs ../shared)", () => {
    for (const [name, check] of [
      ["kvm-proxmox-smm-sti-2022", "guest.interruptibility.sti_requires_if"],
      ["kvm-dosemu2-ds-accessed-2021", "type.accessed"],
      ["xen-icebp-movss-2019", "guest.pending_dbg.bs_required"],
      ["kvm-cet-stale-ssp-2021", "guest.ssp.hi32"],
    ] as const) {
      const found = explain(readFileSync(resolve(samples, `${name}.txt`), "utf8"));
      expect([name, JSON.stringify(found)]).toEqual([name, expect.stringContaining(check)]);
    }
    const valid = explain(readFileSync(resolve(samples, "kvm-valid-6x-martins3.txt"), "utf8"));
    expect(JSON.stringify(valid)).toContain("The VMCS is valid as far as this dump shows");
  });
});

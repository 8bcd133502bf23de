import { describe, expect, it } from "vitest";
import { SYMPTOMS } from "../../src/messages/verdict/desktop/author-symptoms.js";
import { TOPICS } from "../../src/messages/verdict/desktop/author-topics.js";
import { inShort } from "./in-short.js";

const SAYS = [...SYMPTOMS, ...TOPICS].flatMap(({ says }) => (typeof says === "string" ? [says.slice(0, 40)] : []));
const first = async (text: string) => (await inShort(text)).lines(300)[0] ?? "";

/** The words of symptoms in texts of people who write no hypervisor, or where nothing failed. */
const INNOCENT = [
  "The MTF build does not work on our server, the loop in MTF never ends.",
  "SIPI: the signal never reaches the PLC and the line stays stuck.",
  "vmx flags\t: vnmi preemption_timer invvpid ept_x_only ept_ad ept_1gb flexpriority tsc_offset vtpr mtf vapic ept vpid",
  "My phone freezes after STI tests, single step debugging in the STI shadow is not possible.",
  "CR4 of the camera crashes when I restore it.",
  "The MSR (Microsoft Research) page does not work, reads fail.",
  "After the update VirtualBox works fine in Windows but not on my real PC, it crashes.",
  "xsetbv is listed in the manual.",
  "Docker works in the VM but not on the host, it crashes with OOM.",
  "kvm: exiting hardware virtualization\nreboot: Restarting system",
  "My laptop crashes when it wakes up from sleep while a hypervisor (VMware) runs.",
  "VirtualBox: the guest hangs at boot on one core, not with four cores; VT-x is on.",
  "KVM guest stuck in real mode boot screen with SeaBIOS, nested is off.",
  "After unload of the Hyper-V driver my PC does not resume from S3.",
  "Our VMM (virtual machine manager) cannot uninstall updates, it fails.",
  "CET is the time zone of the VMM host, guests show the wrong time.",
  "The APIC is broken on this board, Linux says 'noapic' helps; the hypervisor flag is not set.",
  "A hypervisor is running, VirtualBox cannot run anything while Hyper-V is active.",
  "Since the hypervisor (VMware Player) is enabled I cannot open any document.",
  "The DVBM driver freezes my TV card.",
  "Systemd init signal is lost in the VM, exit reason: 3 of the service.",
  "GS base station crashed again after the VM exited.",
];

describe("what an author of a hypervisor sees, in words", () => {
  it.each(INNOCENT)("is not read into other texts: %s", async (text) => {
    const says = await first(text);
    for (const one of SAYS) expect(says).not.toContain(one.slice(0, 30));
  });

  it("gives way to messages that say more", async () => {
    const text = "VMLAUNCH failed. VM-instruction error 7. The xsetbv exit handler was never called, it hangs.";
    expect(await first(text)).toMatch(/VM-instruction error 7/);
  });

  it("takes the numbers of the text for what it computes", async () => {
    const basic = (value: string) =>
      `vmxon capabilities not supported:\n    - vmx_basic_msr: ${value}\n    - func: check_vmx_capabilities_msr`;
    expect(await first(basic("0xd8100000000001"))).toMatch(/revision 1, a region of 4096 bytes.*bit 55 is 1/);
    expect(await first(basic("0x58040000000010"))).toMatch(/revision 16, a region of 1024 bytes.*bit 55 is 0/);
  });

  it("says nothing of an injection into a guest whose interrupts are on", async () => {
    const text = (flags: string) =>
      `I inject an interrupt by VM_ENTRY_INTR_INFO_FIELD.\nunhandled exit: reason 0x80000021, exit qualification 0\nvmx: RFLAGS ${flags}`;
    expect(await first(text("0x00000046"))).toMatch(/IF \(bit 9\) 0/);
    expect(await first(text("0x00000246"))).toMatch(/Exit reason 33/);
  });
});

import { describe, expect, it } from "vitest";
import { readGuests } from "../../src/input/guests/guest-cpu.js";
import { runCli } from "../cli/run.js";

const answer = async (text: string) => (await runCli(["explain", "-", "--width", "400"], { stdin: `${text}\n` })).out;
const first = async (text: string) => (await answer(text)).split("\n", 1)[0] ?? "";

describe("trouble with virtual machines that is described in words", () => {
  it.each([
    [
      "nesting that is on and hangs",
      "KVM: nested virtualization is enabled on the host, and the inner guest freezes after a minute.",
      /nested virtualization is in use, and that something goes wrong \("freezes"\)\. Enabling it again changes nothing/,
    ],
    [
      "a guest in a machine, not knowing whether it has VT-x",
      "Under Proxmox I run a VM inside a VM with KVM, and it is stuck at boot.",
      /Unless the machine in between has no VT-x/,
    ],
    ["a slow guest", "My KVM guest is very slow in a nested setup.", /a guest is slow, and not that VT-x is missing/],
    ["no module", "lsmod | grep kvm\nit gives me no output, QEMU needs KVM", /^lsmod shows no module of KVM/],
    ["an update", "After the kernel update the KVM module is gone and libvirt complains", /KVM after an update/],
    ["GVT-g", "modprobe: ERROR: could not insert 'kvmgt': No such device", /^kvmgt belongs to GVT-g/],
    ["a feature without a number", "warning: host doesn't support requested feature: CPUID.xxxxx [bit x]", /harmless/],
    ["several clouds", "Does nested virtualization work on AWS and on Azure?", /names Amazon EC2 and Azure/],
  ])("is answered: %s", async (_, text, says) => {
    expect(await first(text)).toMatch(says);
  });

  it("gets no steps that switch on what is on", async () => {
    const out = await answer("Nested virtualization is enabled (kvm_intel.nested=Y), and the KVM guest crashes.");
    expect(out).not.toMatch(/Enable VT-x in the firmware|bcdedit|VBoxManage|vhv\.enable|cat \/sys\/module/);
    expect(out).toContain("sudo dmesg | tail -50");
  });

  it.each([
    "Nested virtualization is not enabled here, and the KVM guest crashes.",
    "Is nested virtualization enabled? The KVM guest crashes.",
    "You should make sure that nested virtualization is enabled, else the KVM guest crashes.",
  ])("is not said to be in use where that is denied or asked: %s", async (text) => {
    expect(await answer(text)).not.toContain("is in use");
  });

  it.each([
    "The build is very slow and the tests hang.",
    "After the kernel update my sound is gone.",
    "A nested loop freezes the browser.",
    "My container crashes, Docker compose is stuck.",
  ])("is no trouble of other programs: %s", async (text) => {
    expect(await answer(text)).not.toMatch(/nested virtualization|VT-x|KVM/);
  });
});

describe("which hypervisor is below", () => {
  it.each([
    ["VMware", "Proxmox in VMware Workstation: Hyper-V is off, KVM not available: nested virtualization needed?"],
    ["Xen", "I install KVM in a VM on XCP-ng, nested virtualization does not work"],
    ["Xen", "nested virtualization in a HVM qube does not work, hardware virtualization missing"],
  ])("is the one in whose machine something runs: %s", async (name, text) => {
    expect(await answer(text)).toContain(`${name} has to pass VT-x`);
  });

  it("is no Docker Desktop where Docker of Linux is named", async () => {
    const out = await answer("Docker compose in a VM on my server fails: KVM virtualization not working with QEMU");
    expect(out).not.toContain("Docker Desktop");
  });

  it("is no hypervisor of Windows where Windows is the guest of KVM", async () => {
    const out = await answer("Hyper-V in the guest prevents Windows from booting under --hypervisor kvm (kvm_intel)");
    expect(out).not.toMatch(/cannot run beside Windows' own hypervisor/);
  });
});

describe("words beside a message", () => {
  it("lead to the kernel that was not started yet", async () => {
    const out = await answer("Since the upgrade: Could not access KVM kernel module: No such file or directory");
    expect(out).toContain("speaks of an update");
    expect(out).toContain("ls /lib/modules");
  });

  it("lead to the guest's CPU where nesting is on already", async () => {
    const out = await answer(
      "error: cannot host kvm containers. Nested virtualization is enabled on the host. What is missing?",
    );
    expect(out).toContain("the guest's CPU has to be given vmx as well");
    expect(out.split("\n").slice(0, 6).join("\n")).not.toContain("Enable VT-x in the firmware");
  });

  it("lead to emulation where nesting is not there", async () => {
    const out = await answer(
      "could not find capabilities for arch=x86_64 domaintype=kvm\nI don't have nested virtualization.",
    );
    expect(out).toContain("only plain emulation works");
  });

  it("lead to taking VMX away", async () => {
    const flags = "flags : fpu vme de pse tsc msr pae mce cx8 vmx hypervisor lahf_lm ept vpid";
    expect(await answer(`Cannot disable nested virtualization\nvendor_id : GenuineIntel\n${flags}`)).toContain(
      "-cpu host,-vmx",
    );
  });
});

describe("the option -cpu in prose", () => {
  it.each(["add +vmx to the -cpu args", "the -cpu option is ignored", "put it in -cpu, please"])(
    "is no guest: %s",
    (text) => {
      expect(readGuests(text).map(({ model }) => model)).not.toContain("args");
      expect(readGuests(text).filter(({ model }) => model === "option")).toEqual([]);
    },
  );
});

import { describe, expect, it } from "vitest";
import { guestVmx } from "../../src/compare/guest-vmx.js";
import { qemuData } from "../../src/compare/qemu-models.js";
import { readGuests } from "../../src/input/guests/guest-cpu.js";
import { runCli } from "../cli/run.js";

/* What a guest gets of VMX by its configuration, and what explain says where a text holds one. */

const PROXMOX = "agent: 1\nboot: order=scsi0\nname: win2022\nostype: win11\nscsihw: virtio-scsi-single\n";
const domain = (cpu: string): string => `<domain type='kvm'>\n  <name>web</name>\n  ${cpu}\n</domain>\n`;

const GETS: readonly (readonly [text: string, gets: "offered" | "none" | "unknown"])[] = [
  [`${PROXMOX}cpu: x86-64-v2-AES`, "none"],
  [`${PROXMOX}cpu: host`, "offered"],
  [`${PROXMOX}cpu: cputype=max`, "offered"],
  [`${PROXMOX}cpu: host,flags=-vmx`, "none"],
  [`${PROXMOX}cpu: Skylake-Server,flags=+vmx`, "offered"],
  [`${PROXMOX}cpu: custom-mine`, "unknown"],
  [`${PROXMOX}cpu: host\nkvm: 0`, "none"],
  [PROXMOX, "none"],
  ["qemu-system-x86_64 -enable-kvm -cpu Haswell", "none"],
  ["qemu-system-x86_64 -enable-kvm -cpu Haswell,+vmx", "offered"],
  ["qemu-system-x86_64 -enable-kvm -cpu max", "offered"],
  ['extraQemuOpts = "-cpu qemu64,+vmx";', "offered"],
  ["However, it has:\n<cpu mode='custom' match='exact'>\n  <model fallback='forbid'>qemu64</model>\n</cpu>", "none"],
  ["guest.cpu.model=SandyBridge\nguest.cpu.mode=custom", "none"],
  ["[libvirt]\ncpu_mode = host-passthrough", "offered"],
  ['libvirt.cpu_mode = "custom"\nlibvirt.cpu_model = "Haswell-noTSX"', "none"],
  ["qemu-system-x86_64 -accel tcg -cpu max", "none"],
  ["qemu-system-x86_64 -enable-kvm -cpu SomethingOfAVendor", "unknown"],
  [domain("<cpu mode='host-passthrough'/>"), "offered"],
  [domain("<cpu mode='host-model'><feature policy='disable' name='vmx'/></cpu>"), "none"],
  [domain("<cpu mode='custom'><model>Broadwell</model></cpu>"), "none"],
  [domain("<cpu mode='custom' match='minimum'><model>Broadwell</model></cpu>"), "offered"],
  [domain("<cpu mode='custom'><model>Broadwell</model><feature policy='require' name='vmx'/></cpu>"), "offered"],
  [domain(""), "none"],
];

describe("what a guest gets of VMX by its configuration", () => {
  it.each(GETS)("%j: %s", (text, gets) => {
    expect(readGuests(text).map((guest) => guestVmx(guest).gets)).toEqual([gets]);
  });

  it("no model of QEMU has vmx unless it is added", () => {
    const { models } = qemuData();
    expect(models.length).toBeGreaterThan(50);
    expect(models.filter(({ cpuid }) => ([...cpuid] as string[]).includes("vmx"))).toEqual([]);
  });
});

const explained = async (text: string): Promise<string> =>
  (await runCli(["explain", "-"], { stdin: text })).out.replace(/\s+/g, " ");

describe("a text with a guest's configuration", () => {
  it("begins with why the guest has no VMX, and how to give it some", async () => {
    const out = await explained(
      `$ cat /sys/module/kvm_intel/parameters/nested\nY\n$ qm config 101\n${PROXMOX}cpu: x86-64-v2-AES\n\nHyper-V cannot be installed in the guest.\n`,
    );
    expect(out.slice(0, 200)).toMatch(/gets no VMX, because the CPU model x86-64-v2-AES has no vmx unless it is added/);
    expect(out).toContain("qm set VMID --cpu host");
    expect(out).not.toMatch(/nested=1|nested is on/);
  });

  it("says that nested is off on the host, where the text shows it", async () => {
    const out = await explained(
      "$ cat /sys/module/kvm_intel/parameters/nested\nN\n$ qemu-system-x86_64 -enable-kvm -cpu host -m 4G\n",
    );
    expect(out).toMatch(/gets no VMX while nested of kvm_intel is off on the host/);
    expect(out).toContain("modprobe kvm_intel nested=1");
  });

  it("joins a check that fails inside with the configuration", async () => {
    const inside = "INFO: Your CPU does not support KVM extensions\nKVM acceleration can NOT be used\n";
    const off = domain("<cpu mode='host-model'><feature policy='disable' name='vmx'/></cpu>");
    expect(await explained(`${off}\nin the guest:\n${inside}`)).toMatch(
      /If this comes from inside web: it gets no VMX, because the configuration switches vmx off/,
    );
    expect(await explained(`${domain("<cpu mode='host-passthrough'/>")}\nin the guest:\n${inside}`)).not.toMatch(
      /If this comes from inside/,
    );
  });

  it("says nothing about VMX of a guest on an AMD host", async () => {
    const out = await explained(
      `vendor_id : AuthenticAMD\nflags : fpu svm\n\n${domain("<cpu mode='custom'><model>EPYC</model></cpu>")}`,
    );
    expect(out).not.toMatch(/gets no VMX/);
  });
});

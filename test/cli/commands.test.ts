import { describe, expect, it } from "vitest";
import type { World } from "../../src/cli/world.js";
import { NO_MACHINE, type Run, runCli } from "./run.js";

/** A run with standard input and everything it printed. */
function run(args: readonly string[], input = ""): Promise<Run> {
  const world: Partial<World> = {
    ...NO_MACHINE,
    stdin: async function* () {
      // In pieces, as a pipe gives it.
      for (let i = 0; i < input.length; i += 97) yield Buffer.from(input.slice(i, i + 97));
    },
  };
  return runCli(args, { world });
}

/** GUEST_RFLAGS bit 1 has to be 1; with 0x202 nothing in the list fails. */
const list = (rflags: string) => `GUEST_RFLAGS = ${rflags}
GUEST_ACTIVITY_STATE = 0x0
GUEST_INTERRUPTIBILITY_INFO = 0x0
GUEST_CR0 = 0x80050033
VM_EXIT_REASON = 0x80000021
EXIT_QUALIFICATION = 0x0
`;

describe("layers of a text that holds a message and no CPU", () => {
  it("repeats what the message says of KVM", async () => {
    const text =
      "Linux a 6.1.0-13-amd64 #1 SMP x86_64 GNU/Linux\nqemu-system-x86_64: Could not access KVM kernel module: Permission denied\n";
    const { out } = await run(["layers", "-"], text);
    expect(out).toMatch(/With the words of the text: KVM is loaded/);
  });

  it("says no in the words of the text, as why and explain do", async () => {
    const text =
      "I run this in an EC2 instance (t2.micro).\n$ grep -c vmx /proc/cpuinfo\n0\nINFO: Your CPU does not support KVM extensions\n";
    for (const words of [
      ["why", "vmx", "-"],
      ["why", "kvm", "-"],
      ["layers", "-"],
      ["explain", "-"],
    ])
      expect((await run(words, text)).out).toMatch(/Amazon EC2/);
    const amd = await run(
      ["layers", "-"],
      "vendor_id\t: AuthenticAMD\nflags\t\t: fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2 ht syscall nx mmxext fxsr_opt rdtscp lm 3dnowext 3dnow rep_good nopl pni cx16 lahf_lm cmp_legacy\n",
    );
    expect(amd.out.replace(/\s+/g, " ")).toMatch(/Linux shows no `svm`/);
  });

  it("says nothing in them of another kernel", async () => {
    const text = "I run this in an EC2 instance (t2.micro).\n$ grep -c vmx /proc/cpuinfo\n0\n";
    expect((await run(["why", "kvm", "-"], text)).out).toMatch(/Amazon EC2/);
    for (const words of [
      ["why", "kvm", "-", "--kernel", "6.12"],
      ["layers", "-", "--kernel", "6.12"],
    ])
      expect((await run(words, text)).out).not.toMatch(/Amazon EC2/);
  });

  it("of another architecture says so", async () => {
    const { out } = await run(["layers", "-"], "Linux a 6.11.5-200.fc40.aarch64 #1 SMP aarch64 GNU/Linux\n");
    expect(out.replace(/\s+/g, " ")).toMatch(/kvm_intel does not load: this is an ARM machine \(aarch64\)/);
    expect(out).not.toMatch(/to read it/);
  });
});

describe("options before the command", () => {
  it.each([
    ["--json why ept skylake-x", "why ept skylake-x --json"],
    ["--kernel 6.12 --no-pager why ept skylake-x", "why ept skylake-x --kernel 6.12"],
    ["--kernel=6.12 layers skylake-x", "layers skylake-x --kernel 6.12"],
    ["--has mbec cpus", "cpus --has mbec"],
    ["--kernel 6.12 skylake-x", "layers skylake-x --kernel 6.12"],
  ])("%s", async (before, behind) => {
    expect(await run(before.split(" "))).toEqual(await run(behind.split(" ")));
  });
});

describe("vmxlens audit", () => {
  it("names the failing check, what to change, and exits with 1", async () => {
    const { code, out } = await run(["audit", "-"], list("0x200"));
    expect(out).toContain("guest.rflags.bit1");
    expect(out).toContain("GUEST_RFLAGS (0x200 becomes 0x202)");
    expect(code).toBe(1);
  });

  it.each([
    ["cpu", "using what all Intel CPUs of the atlas share"],
    ["virtualbox", "judged as VirtualBox does"],
    ["hyper-v", "judged as Hyper-V does"],
    ["linux-6.18", "judged as KVM of Linux 6.18 does"],
  ])("under %s says whose capabilities it used", async (on, says) => {
    const { out } = await run(["audit", "--on", on], list("0x200"));
    expect(out.replace(/\s+/g, " ")).toContain(`CPU not named (name it with --host); ${says}`);
  });

  it("says nothing fails where nothing does, with --set as well", async () => {
    const good = await run(["audit", "--json"], list("0x202"));
    expect(JSON.parse(good.out).dumps[0].findings).toEqual([]);
    const mended = await run(["audit", "--json", "--set", "GUEST_RFLAGS=0x202"], list("0x200"));
    expect(JSON.parse(mended.out).dumps[0].findings).toEqual([]);
  });

  it("proposes a fix that it justifies by a check", async () => {
    const { out } = await run(["audit", "--fix", "--json"], list("0x200"));
    const { fix } = JSON.parse(out).dumps[0];
    expect(fix.changes).toMatchObject([{ name: "GUEST_RFLAGS", to: "0x202" }]);
    expect(fix.changes[0].because[0]).toMatch(/^guest\.rflags/);
  });

  it("judges every dump of a stream and writes JUnit", async () => {
    const two = JSON.stringify([
      { name: "good", fields: { GUEST_RFLAGS: "0x2" } },
      { name: "bad", fields: { GUEST_RFLAGS: "0x0" } },
    ]);
    const { code, out } = await run(["audit", "--junit"], two);
    expect(out).toContain('tests="2" failures="1"');
    expect(out).toMatch(/name="bad"><failure type="guest\.rflags\.bit1"/);
    expect(code).toBe(1);
  });

  it("judges by the registers in the same text", async () => {
    const dump = "pin: 0x16, primary: 0x8401e172, secondary: 0x1ba, exit: 0x36dff, entry: 0x11ff\n";
    const allowed = "IA32_VMX_PROCBASED_CTLS2 = 0x1fffcff00000000\n";
    const ids = ({ out }: { out: string }) =>
      JSON.parse(out).dumps[0].findings.map(({ id }: { id: string }) => id) as readonly string[];
    expect(ids(await run(["audit", "--json"], dump))).not.toContain("ctl.proc2.reserved.allowed1");
    expect(ids(await run(["audit", "--json"], dump + allowed))).toContain("ctl.proc2.reserved.allowed1");
    // They are not those of the hypervisor whose checks are asked for.
    expect(ids(await run(["audit", "--json", "--on", "virtualbox"], dump + allowed))).not.toContain(
      "ctl.proc2.reserved.allowed1",
    );
    const { out } = await run(["audit"], dump + allowed);
    expect(out).toContain("an unnamed CPU, by its 1 VMX register in the same text");
  });

  it("judges by what nested KVM offers", async () => {
    const controls = `PIN_BASED_VM_EXEC_CONTROL = 0x96
CPU_BASED_VM_EXEC_CONTROL = 0x8401e1f2
SECONDARY_VM_EXEC_CONTROL = 0x400
VM_EXIT_CONTROLS = 0x36fff
`;
    const bare = await run(["audit", "--host", "skylake-x", "--json"], controls);
    const nested = await run(["audit", "--host", "skylake-x", "--nested", "--json"], controls);
    const ids = (text: string) => JSON.parse(text).dumps[0].findings.map(({ id }: { id: string }) => id);
    expect(ids(bare.out)).not.toContain("ctl.proc2.reserved.allowed1");
    expect(ids(nested.out)).toContain("ctl.proc2.reserved.allowed1");
  });

  it.each([
    [["audit"], "hello", "no VMCS dump found"],
    [["audit", "--set", "GUEST_RFLGAS=0x2"], list("0x2"), "did you mean GUEST_RFLAGS"],
    [["audit", "--set", "GUEST_CS_SELECTOR=0x12345"], list("0x2"), "too wide"],
    [["audit", "--nested"], list("0x2"), "--nested needs --host"],
    [["audit", "no/such/file"], "", "cannot be read"],
  ])("%j with bad input exits with 2", async (args, input, message) => {
    const { code, err } = await run(args, input);
    expect(err).toContain(message);
    expect(code).toBe(2);
  });
});

describe("vmxlens vmcs", () => {
  it("lists the fields, tells one, and decodes a value", async () => {
    expect((await run(["vmcs"])).out).toContain("206 fields");
    const { out } = await run(["vmcs", "GUEST_INTERRUPTIBILITY_INFO", "0x9"]);
    expect(out).toContain("0x4824");
    expect(out).toContain("blocking by NMI");
  });

  it("offers near names", async () => {
    const { code, err } = await run(["vmcs", "GUEST_RFLGAS"]);
    expect(err).toContain("did you mean GUEST_RFLAGS");
    expect(code).toBe(2);
  });
});

describe("vmxlens kernels", () => {
  it("lists the releases and what changed in one", async () => {
    expect((await run(["kernels"])).out).toMatch(/long-term, used where\s+no kernel is named/);
    const { out } = await run(["kernels", "6.6", "6.12"]);
    expect(out).toContain("+ ept_5level: bit 20 of word 0");
    expect(out).toContain("+ secondary EPT_VIOLATION_VE: wanted");
  });

  it("compares kernels by any name, as every command accepts them", async () => {
    const rocky = await run(["kernels", "Rocky 9.4", "5.14.0-570.el9_6.x86_64"]);
    expect([rocky.code, rocky.err, rocky.out.split("\n")[0]]).toEqual([0, "", "From RHEL 9.4 to RHEL 9.6"]);
    const between = await run(["kernels", "6.10.5", "v6.12.8"]);
    expect(between.err).toBe("vmxlens: 6.10 is not modelled; it lies between 6.9 and 6.11; compared as 6.9\n");
    expect(between.out).toMatch(/^From Linux 6\.9 to Linux 6\.12\n/);
  });

  it("refuses what is no release", async () => {
    const { code, err } = await run(["kernels", "6.x"]);
    expect(err).toContain("is not a kernel release");
    expect(code).toBe(2);
  });
});

describe("vmxlens cpus", () => {
  it("finds CPUs by what they have and lack", async () => {
    const { out, code } = await run(["cpus", "--has", "ipi-virt", "--without", "sgx", "--json"]);
    expect(code).toBe(1);
    expect(JSON.parse(out).cpus).toEqual([]);
    const scaling = await run(["cpus", "haswell-ep", "--has", "tsc-scaling", "--json"]);
    expect(JSON.parse(scaling.out).cpus.map(({ id }: { id: string }) => id)).toEqual(["intel-306f2-haswellep-02"]);
  });

  it("names near features and layers", async () => {
    expect((await run(["cpus", "--has", "unrestricted-gest"])).err).toMatch(/did you mean .*unrestricted.guest/);
    expect((await run(["cpus", "--layer", "kvn"])).err).toContain("did you mean kvm");
  });
});

describe("vmxlens explain", () => {
  it("decodes the bits of a refused MSR and says what to do", async () => {
    const { code, out } = await run(["explain", "kvm: disabled by bios"]);
    expect(out).toContain("IA32_FEAT");
    expect(out).toMatch(/do +/);
    expect(code).toBe(0);
  });

  it("says so when it recognises nothing", async () => {
    expect((await run(["explain", "the cat sat on the mat"])).code).toBe(1);
    expect((await run(["explain", "-"], "")).err).toContain("no text to explain");
  });
});

describe("vmxlens nested", () => {
  it("gives the MSRs that KVM offers, and the -cpu text for them", async () => {
    const { out } = await run(["nested", "skylake-x", "--kernel", "6.12", "--json"]);
    expect(JSON.parse(out).msrs["0x48b"]).toBe("0x2137bff00000000");
    const qemu = await run(["nested", "skylake-x", "--kernel", "6.12", "--qemu", "nearest"]);
    // Without PKU, which the CPU lacks, it is none of the Skylake servers.
    expect(qemu.out).toMatch(/^Skylake-Client-v1,.*vmx-tsc-scaling=on/);
    expect((await run(["nested", "skylake-x", "--libvirt"])).out).toContain("<cpu mode='host-model'");
  });

  it("says when there is nothing for L1, and names near models", async () => {
    expect((await run(["nested", "skylake-x", "--param", "nested=0"])).code).toBe(1);
    expect((await run(["nested", "skylake-x", "--qemu", "Skylake-Servr"])).err).toContain("Skylake-Server");
    const old = await run(["nested", "skylake-x", "--libvirt", "SapphireRapids", "--libvirt-version", "9.0"]);
    expect(old.err).toContain("libvirt 9.0 does not have the CPU model SapphireRapids, which was first seen in 10.0");
  });

  it("says for which versions the text is, and what to type for what the model lacks", async () => {
    const newest = await run(["nested", "skylake-x", "--kernel", "6.12", "--qemu", "nearest"]);
    expect(newest.err).toMatch(
      /^note for KVM of Linux 6\.12, QEMU 11\.1; the newest QEMU known, --qemu-version for another/,
    );
    expect(newest.err).toContain(",xsaves=on,mpx=on,vmx-xsaves=on,vmx-exit-clear-bndcfgs=on");
    const named = await run(["nested", "skylake-x", "--kernel", "7.3", "--qemu", "--qemu-version", "7.2"]);
    expect(named.out).toBe("host\n");
    expect(named.err).toMatch(/^note for KVM of Linux 7\.3, QEMU 7\.2\n.*vmx-mbec: -cpu host,migratable=off/);
    const ept = ["--param", "ept=0", "--qemu", "Conroe", "--qemu-version", "7.2"];
    const half = await run(["nested", "skylake-x", "--kernel", "6.12", ...ept]);
    expect(half.err).toMatch(/vmx-invept-single-context is one name for two/);
    const both = ["--qemu-version", "7.2", "--libvirt-version", "9.0"];
    const xml = await run(["nested", "skylake-x", "--kernel", "6.12", "--libvirt", "Haswell-noTSX", ...both]);
    expect(xml.out).not.toContain("vmx-");
    expect(xml.err).toMatch(/<qemu:commandline> with -cpu\s+Haswell-v2,vmx=on,vmx-pml=on/);
  });

  it("gives no configuration of an example for a machine that it cannot read", async () => {
    const { code, out, err } = await run(["nested", "--qemu"]);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain("cannot read this machine");
    expect(await run(["nested", "skylake-x", "--qemu", "--libvirt"])).toMatchObject({
      code: 2,
      err: "vmxlens: --qemu or --libvirt, not both\n",
    });
  });
});

describe("commands of several hosts", () => {
  it("diff compares kernels, and the cores of one CPU", async () => {
    const kernels = await run(["diff", "skylake-x@6.6", "skylake-x@7.2"]);
    expect(kernels.out).toMatch(/mbec.*\n.*skylake-x@6\.6 no, skylake-x@7\.2 yes/);
    expect(kernels.code).toBe(1);
    expect((await run(["diff", "lakefield"])).out).toContain("bus-lock");
    expect((await run(["diff", "skylake-x"])).code).toBe(2);
  });

  it("baseline says who forced a loss", async () => {
    expect((await run(["baseline", "skylake-x", "i7-8700K"])).out).toMatch(
      /not on i7-8700K: .*process\s+posted\s+interrupts/s,
    );
    expect((await run(["baseline", "skylake-x", "--layer", "kernel"])).code).toBe(2);
  });

  it("migrate names what the destination refuses", async () => {
    const { code, out } = await run(["migrate", "skylake-x", "conroe", "--kernel-a", "6.12", "--kernel-b", "6.12"]);
    expect(out).toMatch(/cannot|can not|No/i);
    expect(code).toBe(1);
    expect((await run(["migrate", "skylake-x", "skylake-x"])).out).toContain("skylake-x");
  });

  it.each([
    ["$ sudo rdmsr -a 0x3a\n1\n1\n", "kvm_intel does not load (-EOPNOTSUPP): the firmware locked VT-x off:"],
    ["$ sudo rdmsr -a 0x3a\n5\n1\n", "kvm_intel does not load: the CPUs differ: IA32_FEAT_CTL (0x3a) has VMX on"],
    ["$ sudo rdmsr -a 0x3a\n5\n", "Not known whether kvm_intel loads: VT-x is on; whether the CPU has every control"],
    ["vendor_id : GenuineIntel\nflags : fpu vmx\n", "Not known whether kvm_intel loads: VT-x is on; whether"],
    ["Hypervisor vendor: VMware\nVirtualization type: full\n", "Not known whether kvm_intel loads: this is a virtual"],
  ])("layers, why and replay begin as why kvm does: %j", async (stdin, says) => {
    for (const command of [
      ["layers", "-"],
      ["why", "ept", "-"],
      ["replay", "-"],
    ]) {
      const { out, err } = await runCli(command, { stdin });
      expect(out.replace(/\s+/g, " ").slice(0, 400)).toContain(says);
      expect(err).toBe("");
    }
  });

  it.each([
    ["", "clearcpuid= on the kernel"],
    [" hypervisor", "The hypervisor below does not pass VT-x in CPUID"],
    ["\nLinux version 5.10.0-28-amd64 (x)", "clearcpuid= on the kernel"],
  ])("without the flag, with the lock and VMX on, something hides it%s", async (more, who) => {
    const flags =
      "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush dts acpi mmx fxsr sse sse2 ss ht tm pbe syscall nx pdpe1gb rdtscp lm constant_tsc pni pclmulqdq dtes64 monitor ds_cpl est tm2 ssse3 fma cx16 lahf_lm abm";
    const stdin = `vendor_id : GenuineIntel\nflags : ${flags}${more}\n$ sudo rdmsr -a 0x3a\n5\n`;
    for (const command of [
      ["why", "vmx", "-"],
      ["why", "kvm", "-"],
      ["layers", "-"],
      ["explain", "-"],
    ]) {
      const { out } = await runCli(command, { stdin });
      const text = out.replace(/\s+/g, " ");
      expect(text).toContain("Linux shows no `vmx`, although IA32_FEAT_CTL (0x3a) reads 0x5, locked with VMX on");
      expect(text).toContain(who);
      expect(text).not.toMatch(/Yes: VT-x|impossible VMCS/);
    }
  });

  it("a text of a host and its guest is told as one", async () => {
    const flags =
      "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush dts acpi mmx fxsr sse sse2 ss ht tm pbe syscall nx pdpe1gb rdtscp lm constant_tsc pni pclmulqdq dtes64 monitor ds_cpl est tm2 ssse3 fma cx16 lahf_lm abm";
    const stdin = `vendor_id : GenuineIntel\nflags : ${flags}\nModule Size Used by\nkvm_intel 282624 0\nkvm 1105920 1 kvm_intel\n`;
    expect((await runCli(["layers", "-"], { stdin })).out).toContain("The text is of two machines: kvm_intel is");
  });

  it("this machine, with SVM, is no example to a question about it", async () => {
    const { out, code } = await runCli(["why", "vmx"]);
    expect([code, out.split("\n")[0]]).toEqual([1, expect.stringMatching(/^No: this is an AMD CPU/)]);
  });

  it.each([
    ["GUEST_RFLAGS", "is a field of the VMCS: vmxlens vmcs GUEST_RFLAGS"],
    ["rflags", "is a field of the VMCS: vmxlens vmcs rflags"],
    ["EIO", "what EIO means: vmxlens explain EIO"],
    ["hardware error 0x7", "vmxlens explain 'hardware error 0x7'"],
    ["kvm_amd", "kvm_amd belongs to AMD's CPUs"],
    ["eptt", "is not a known feature, control or parameter; did you mean"],
  ])("why sends %s on", async (name, says) => {
    const { err, code } = await runCli(["why", name, "skylake-x"]);
    expect([code, err]).toEqual([2, expect.stringContaining(says)]);
  });

  it.each([
    ["hardware error 0x7", "VM-instruction error 7"],
    ["suberror 1", "could not emulate an instruction"],
    ["errno 95", "Operation not supported (EOPNOTSUPP, 95)"],
    ["-EIO", "Input/output error (EIO, 5)"],
  ])("explain takes a number alone: %s", async (text, says) => {
    expect((await runCli(["explain", "--", text])).out).toContain(says);
  });

  it("explain sends on a folder and a CPU's name", async () => {
    expect(await runCli(["explain", "src"])).toMatchObject({
      code: 2,
      err: expect.stringContaining("src is a directory"),
    });
    expect((await runCli(["explain", "skylake-x"])).out).toContain("is a CPU of the atlas: vmxlens layers skylake-x");
  });

  it("a CPU with SVM is answered in a sentence", async () => {
    const stdin = "vendor_id : AuthenticAMD\nmodel name : AMD Ryzen 9 5900X\nflags : fpu svm\n";
    for (const command of [
      ["layers", "-"],
      ["show", "-"],
      ["verify", "-"],
    ]) {
      const { out } = await runCli(command, { stdin });
      expect(out.split("\n").slice(0, 3).join(" ")).toContain("SVM");
      expect(out.split("\n").length).toBeLessThan(12);
    }
    expect((await runCli(["why", "ept", "-"], { stdin })).out).toMatch(/^ept .*: No: this is an AMD\s+CPU/);
    expect((await runCli(["nested", "-"], { stdin })).err).toContain("this CPU has SVM");
    expect((await runCli(["runs", "-", "host,vmx=on,enforce"], { stdin })).out).toContain("the CPU lacks it");
    expect((await runCli(["runs", "-", "host"], { stdin })).out.replace(/\s+/g, " ")).toContain("kvm_amd decides");
  });

  it("a text without a host is sent on", async () => {
    const ok = "INFO: /dev/kvm exists\nKVM acceleration can be used\n";
    const { err, code } = await runCli(["layers", "-"], { stdin: ok });
    expect([code, err.split("\n")[1]]).toEqual([2, "  where it is an error message or a log: vmxlens explain -"]);
    expect(err).toContain("was recognised in 2 lines; expected /proc/cpuinfo,");
  });

  it("a product before its host is named, and a model of QEMU is a guest", async () => {
    expect((await runCli(["runs", "xen", "skylake-x"])).err).toBe(
      "vmxlens: HOST comes first: vmxlens runs skylake-x xen\n",
    );
    expect((await runCli(["runs", "skylake-x", "Skylake-Server"])).out).toContain(
      "(Skylake-Server) starts on skylake-x",
    );
    expect((await runCli(["runs", "skylake-x", "nope"])).err).toContain("no product is called nope");
  });

  it("runs judges products, and offers near names", async () => {
    expect((await run(["runs", "skylake-x", "kvm"])).code).toBe(0);
    expect((await run(["runs", "skylake-x", "virtualbx"])).err).toMatch(/did you mean .*virtualbox/i);
  });
});

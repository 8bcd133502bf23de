import { describe, expect, it } from "vitest";
import { msrBit } from "../../../src/host/msr.js";
import { readHost } from "../../../src/input/read.js";

const featuresOf = (text: string) => readHost(`${text}\n`).host?.cores[0].cpuid.features ?? {};
const bitOf = (text: string, index: number, bit: number) => {
  const msr = readHost(`${text}\n`).host?.cores[0].msrs.get(index);
  return msr === undefined ? "unknown" : msrBit(msr, bit);
};

describe("HAXM's check", () => {
  it("says that Windows' hypervisor runs", () => {
    const text = "CPU vendor          *  GenuineIntel\nVMX supported       -  No\nHyper-V disabled    -  No\n";
    expect(readHost(text).host?.observed?.outer).toBe("Windows");
    expect(readHost(text.replace("disabled    -  No", "disabled    *  Yes")).host?.observed?.outer).toBeUndefined();
  });
});

describe("lists of features of other systems", () => {
  it.each([
    ["OpenBSD", "cpu0: FPU,VME,DE,PSE,TSC,MSR,PAE,MCE,CX8,APIC,SSE,SSE2,SSE3,PCLMUL,VMX,SSSE3,CX16,HV,NXE,LONG", true],
    [
      "NetBSD",
      "cpu0: features1 0x7ffefbff<SSE3,PCLMULQDQ,DTES64,MONITOR,DS-CPL,VMX,SMX,EST,TM2,SSSE3,CX16,XTPR,PDCM>",
      true,
    ],
    [
      "macOS",
      "machdep.cpu.features: FPU VME DE PSE TSC MSR PAE MCE CX8 APIC SSE SSE2 SSE3 VMX SSSE3 CX16 SSE4.1",
      true,
    ],
    ["CPU-Z", "Instructions sets\tMMX, SSE, SSE2, SSE3, SSSE3, SSE4.1, SSE4.2, EM64T, VT-x, AES, AVX", true],
    ["inxi", "  flags: avx avx2 ht lm nx pae sse sse2 sse3 sse4_1 sse4_2 ssse3 vmx", true],
    [
      "a list that may leave it out",
      "Instruction set: MMX, SSE, SSE2, SSE3, SSSE3, SSE4.1, SSE4.2, AES, AVX",
      undefined,
    ],
    ["what a program knows", "Recognized CPUID flags: fpu vme tsc msr pae sse sse2 ssse3 vmx cx16 popcnt", undefined],
    ["both vendors'", "flags: fpu vme tsc msr pae sse sse2 ssse3 vmx svm cx16 popcnt", undefined],
    ["a model with changes", "-cpu Haswell: +fpu,+vme,+tsc,+sse2,+ssse3,+vmx,+cx16,+aes", undefined],
  ])("%s", (_, text, vmx) => {
    expect(featuresOf(text).vmx).toBe(vmx);
  });

  it("are read behind a title and blanks, as a firmware's page shows them", () => {
    const { host } = readHost(
      "  Instructions                             MMX SSE SSE2 SSE3 SSSE3 SSE4.1 SSE4.2 AES AVX AVX2 VT-x FMA3 SHA EM64T    \n",
    );
    expect(host?.cores[0].cpuid.features.vmx).toBe(true);
  });

  it("says no where the neighbours of VMX are printed and it is not", () => {
    const list =
      "FPU,VME,DE,PSE,TSC,MSR,PAE,MCE,CX8,APIC,SEP,MTRR,PGE,MCA,CMOV,PAT,MMX,FXSR,SSE,SSE2,SSE3,SSSE3,CX16,SSE4.1,HV";
    expect(featuresOf(`cpu0: ${list}`)).toEqual({ vmx: false, hypervisor: true });
    // Cut off, the list proves nothing by what is not in it.
    expect(readHost(`cpu0: ${list}`).host?.cores[0].cpuid.features.vmx).toBeUndefined();
  });
});

describe("rows of a name and a word", () => {
  it.each([
    ["VMX             *       Supports Intel hardware-assisted virtualization", { vmx: true }],
    ["HYPERVISOR      -       Hypervisor is present", { hypervisor: false }],
    ["      VMX: virtual machine extensions         = true", { vmx: true }],
    ["   hypervisor guest status                 = true", { hypervisor: true }],
    ["Virtual Machine Extensions (VMX), Vanderpool:\tNot supported", { vmx: false }],
    ["| Intel VT-x | Yes |", { vmx: true }],
    ["00:00:00.589924   VMX - Virtual Machine eXtensions         = 0 (1)", { vmx: true }],
    ["HypervisorPresent : True", { hypervisor: true }],
    ["Intel(R) VT-x with Extended Page Tables     Yes", { vmx: true }],
    ["nvmm0: attached, using backend x86-vmx", { vmx: true }],
    ["VMX unterstützt: ja", {}],
    ["Nested VT-x/AMD-V:           disabled", {}],
    ["VT-x VPID:                   enabled", {}],
    ["Hardware Virtualization:     enabled", {}],
    ["This kernel has VMX: yes, we do", {}],
  ])("%s", (text, features) => {
    expect(featuresOf(text)).toEqual(features);
  });

  it("takes what the firmware chose from a second word", () => {
    const row = "Virtual Machine Extensions (Vanderpool)        Supported, Disabled";
    expect(featuresOf(row).vmx).toBe(true);
    expect(featuresOf("Intel VT-x: Disabled").vmx).toBeUndefined();
    expect(bitOf(row, 0x3a, 2)).toBe("no");
    expect(bitOf(row.replace("Disabled", "Enabled"), 0x3a, 2)).toBe("yes");
  });

  it("reads what vmm of FreeBSD and OpenBSD shows", () => {
    expect(bitOf("hw.vmm.vmx.cap.unrestricted_guest: 0", 0x48b, 39)).toBe("no");
    expect(bitOf("hw.vmm.vmx.cap.monitor_trap: 1", 0x482, 59)).toBe("yes");
    expect(bitOf("vmm0 at mainbus0: VMX/EPT", 0x48b, 33)).toBe("yes");
    expect(bitOf("vmm0 at mainbus0: VMX/EPT", 0x3a, 2)).toBe("yes");
    expect(bitOf("vmm0 at mainbus0: VMX", 0x48b, 33)).toBe("no");
  });
});

describe("which CPU it is", () => {
  it.each([
    ["Intel64 Family 6 Model 78 Stepping 3, GenuineIntel", 0x406e3],
    ["[01]: Intel64 Family 6 Model 142 Stepping 10 GenuineIntel ~1803 Mhz", 0x806ea],
    ["cpu0: Intel(R) Xeon(R) CPU @ 2.20GHz, 2200.41 MHz, 06-4f-00", 0x406f0],
    ["cpu0: Intel(R) Core(TM) i5-6200U CPU @ 2.30GHz, id 0x406e3", 0x406e3],
    ["x86 (GenuineIntel 306C3 family 6 model 60 step 3 clock 3392 MHz)", 0x306c3],
    ["machdep.cpu.signature: 263907", 0x406e3],
  ])("%s", (text, signature) => {
    expect(readHost(`${text}\n`).host?.cores[0].signature).toBe(signature);
  });

  it("puts together what cpuid prints one a line", () => {
    const text = `   vendor_id = "GenuineIntel"
      family          = 0x6 (6)
      model           = 0xe (14)
      stepping id     = 0x3 (3)
      extended family = 0x0 (0)
      extended model  = 0x9 (9)
`;
    expect(readHost(text).host).toMatchObject({ vendor: "GenuineIntel", cores: [{ signature: 0x906e3 }] });
  });

  it("takes the name alone in the line before, and the microcode behind", () => {
    const text =
      "Intel(R) Core(TM) i5-6200U CPU @ 2.30GHz\nIntel64 Family 6 Model 78 Stepping 3, GenuineIntel\nMicrocode signature: 000000CC\n";
    const host = readHost(text).host;
    expect(host?.name).toBe("Intel(R) Core(TM) i5-6200U CPU @ 2.30GHz");
    expect(host?.cores[0].microcode).toBe(0xcc);
  });
});

describe("lscpu in other languages", () => {
  it.each([
    [
      "French",
      "Identifiant constructeur :  GenuineIntel\n  Famille de processeur :  6\n  Modèle :  142\n  Révision :  10\n  Mode(s) :  32-bit\n  Virtualisation :  VT-x\n",
    ],
    ["Chinese", "厂商 ID：  GenuineIntel\nCPU 系列：  6\n型号：  142\n步进：  10\n虚拟化：  VT-x\n"],
    [
      "German",
      "Anbieterkennung:  GenuineIntel\nProzessorfamilie:  6\nModell:  142\nStepping:  10\nVirtualisierung:  VT-x\n",
    ],
  ])("%s", (_, text) => {
    const { host, formats } = readHost(text);
    expect(formats).toEqual(["lscpu"]);
    expect(host).toMatchObject({ vendor: "GenuineIntel", cores: [{ signature: 0x806ea }], observed: { vmx: true } });
  });
});

import { describe, expect, it } from "vitest";
import { msrBit } from "../../../src/host/msr.js";
import { readHost } from "../../../src/input/read.js";
import { nestedBitsOf } from "../truth.js";

const cpudata = (comment: string, masks: string) => `<!-- ${comment} -->
<cpudata arch='x86'>
  <cpuid eax_in='0x00000001' ecx_in='0x00' eax='0x00000000' ebx='0x00000000' ecx='0xf7fa3223' edx='0x0f8bfbff'/>
${masks}
</cpudata>
`;
const OLD = cpudata(
  "Features enabled by QEMU",
  `  <msr index='0x480' edx='0x00c00000' eax='0x00000000'/>
  <msr index='0x485' edx='0x00000000' eax='0x20000060'/>
  <msr index='0x48b' edx='0x00000000' eax='0x00137bff'/>
  <msr index='0x48d' edx='0x00000000' eax='0x000000e9'/>
  <msr index='0x48e' edx='0x00000000' eax='0xfbf99e8c'/>`,
);
const NEW = OLD.replace(/(index='0x48[bde]') edx='(\w+)' eax='(\w+)'/g, "$1 edx='$3' eax='$2'");

describe("libvirt's cpudata", () => {
  it.each([
    ["up to 11.3", OLD],
    ["since", NEW],
  ])("has its control masks in one half or the other: %s", (_, text) => {
    const { host, formats } = readHost(text);
    expect(formats).toEqual(["libvirt"]);
    expect(nestedBitsOf(host, 0x480).ones).toEqual(["INOUT", "TRUE_CTLS"]);
    expect(nestedBitsOf(host, 0x48d).ones).toEqual([
      "INTR_EXITING",
      "NMI_EXITING",
      "VIRTUAL_NMIS",
      "PREEMPTION_TIMER",
      "POSTED_INTR",
    ]);
    expect(nestedBitsOf(host, 0x48b).ones).toHaveLength(17);
    // A bit that is not in the mask may be one without a name in that libvirt.
    expect(nestedBitsOf(host, 0x48b).zeros).toEqual([]);
    const pin = host?.observed?.nestedMsrs?.get(0x48d) ?? { state: "unknown" };
    expect([msrBit(pin, 0), msrBit(pin, 1)]).toEqual(["no", "unknown"]);
  });

  it("of a guest says nothing of the host's CPUID", () => {
    expect(readHost(OLD).host?.cores[0]).toMatchObject({ cpuid: { features: {} } });
  });

  it("with both halves filled is refused", () => {
    const { diagnostics } = readHost(OLD.replace("edx='0x00000000' eax='0x00137bff'", "edx='0x1' eax='0x00137bff'"));
    expect(diagnostics).toMatchObject([{ severity: "error", line: 6 }]);
  });

  it("of what QEMU did not enable tells zeros", () => {
    const text = cpudata("Features disabled by QEMU", "  <msr index='0x48b' edx='0x00000400' eax='0x00000000'/>");
    expect(nestedBitsOf(readHost(text).host, 0x48b)).toEqual({ ones: [], zeros: ["PAUSE_LOOP_EXITING"] });
  });

  it("without its comment is used only where it can be told what it is", () => {
    const bare = (text: string) => text.replace(/^<!--.*-->\n/, "");
    expect(nestedBitsOf(readHost(bare(OLD)).host, 0x48b).ones).toHaveLength(17);
    const { host, diagnostics } = readHost(bare(cpudata("x", "  <msr index='0x48b' edx='0x00000400' eax='0x0'/>")));
    expect(host).toBeUndefined();
    expect(diagnostics).toContainEqual(
      expect.objectContaining({ message: expect.stringContaining("nothing shows whether") }),
    );
  });

  it("of a host gives CPUID facts", () => {
    const text = `<!-- Cooperlake -->
<cpudata arch='x86'>
  <cpuid eax_in='0x00000000' ecx_in='0x00' eax='0x0000001f' ebx='0x756e6547' ecx='0x6c65746e' edx='0x49656e69'/>
  <cpuid eax_in='0x00000001' ecx_in='0x00' eax='0x0005065b' ebx='0x73400800' ecx='0x7ffefbff' edx='0xbfebfbff'/>
  <cpuid eax_in='0x80000008' ecx_in='0x00' eax='0x0000302e' ebx='0x00000000' ecx='0x00000000' edx='0x00000000'/>
  <msr index='0x10a' edx='0x00000000' eax='0x000001eb'/>
</cpudata>
`;
    const { host } = readHost(text);
    expect(host?.vendor).toBe("GenuineIntel");
    expect(host?.cores[0]).toMatchObject({
      signature: 0x5065b,
      cpuid: { maxLeaf: 0x1f, physAddrBits: 46, features: { vmx: true, smx: true, hypervisor: false } },
    });
    expect(host?.observed).toBeUndefined();
  });
});

describe("libvirt's CPU definitions", () => {
  const features = `<feature policy='require' name='vmx'/>
  <feature policy='require' name='vmx-ept'/>
  <feature policy='disable' name='vmx-ple'/>
  <feature policy='optional' name='vmx-pml'/>
  <feature policy='require' name='vmx-invept-single-context'/>`;

  it("of the host-model are what KVM offers", () => {
    const text = `<domainCapabilities>
  <path>/usr/bin/qemu-system-x86_64</path>
  <domain>kvm</domain>
  <cpu>
    <mode name='host-passthrough' supported='yes'/>
    <mode name='host-model' supported='yes'>
      <model fallback='forbid'>Skylake-Client-IBRS</model>
      ${features}
    </mode>
    <mode name='custom' supported='yes'><model usable='yes'>qemu64</model></mode>
  </cpu>
</domainCapabilities>
`;
    const { host } = readHost(text);
    expect(nestedBitsOf(host, 0x48b)).toEqual({ ones: ["EPT"], zeros: ["PAUSE_LOOP_EXITING"] });
    // libvirt's name is the INVEPT bit alone.
    expect(nestedBitsOf(host, 0x48c).ones).toEqual(["EPT_EXTENT_CONTEXT"]);
    expect(readHost(text.replace(">kvm<", ">qemu<")).host).toBeUndefined();
  });

  it("by themselves count as what libvirt found, with a note", () => {
    const { host, diagnostics } = readHost(`<cpu mode='custom' match='exact'>\n  ${features}\n</cpu>\n`);
    expect(nestedBitsOf(host, 0x48b)).toEqual({ ones: ["EPT"], zeros: ["PAUSE_LOOP_EXITING"] });
    expect(diagnostics).toMatchObject([{ severity: "note" }]);
  });

  it.each([
    ["a domain", `<domain type='kvm'>\n<cpu mode='custom' match='exact'>\n${features}\n</cpu>\n</domain>\n`],
    ["a guest's cpu", `<cpu mode='custom' match='exact' check='partial'>\n${features}\n</cpu>\n`],
    ["a guest's passthrough", `<cpu mode='host-passthrough'>\n${features}\n</cpu>\n`],
  ])("of %s are listed and change nothing", (_, text) => {
    const { host, evidence } = readHost(text);
    expect(host).toBeUndefined();
    expect(evidence().map((row) => [row.layer, row.about, row.value])).toEqual([
      ["guest", "feature vmx-ept", "require"],
      ["guest", "feature vmx-ple", "disable"],
      ["guest", "feature vmx-invept-single-context", "require"],
    ]);
    expect(evidence().every((row) => row.host === undefined)).toBe(true);
  });

  it("of the host's capabilities give CPUID, signature and microcode", () => {
    const text = `<capabilities>
  <host>
    <cpu>
      <arch>x86_64</arch>
      <model>Skylake-Client-IBRS</model>
      <vendor>Intel</vendor>
      <microcode version='240'/>
      <signature family='6' model='158' stepping='10'/>
      <feature name='vmx'/>
      <feature name='smx'/>
    </cpu>
  </host>
</capabilities>
`;
    const { host } = readHost(text);
    expect(host?.vendor).toBe("GenuineIntel");
    expect(host?.cores[0]).toMatchObject({
      signature: 0x906ea,
      microcode: 0xf0,
      cpuid: { features: { vmx: true, smx: true } },
    });
  });
});

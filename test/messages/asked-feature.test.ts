import { describe, expect, it } from "vitest";
import { featuresAsked } from "../../src/answers/asked/asked-feature.js";
import { runCli } from "../cli/run.js";

/* What the prose of a paste asks about is answered from the machine that the paste shows, before anything else. */

const FLAGS =
  "vmx flags\t: vnmi preemption_timer invvpid ept_x_only ept_ad ept_1gb flexpriority tsc_offset vtpr mtf vapic ept vpid unrestricted_guest ple shadow_vmcs pml";
const ids = (text: string): readonly string[] => featuresAsked(text, new Set()).map(({ id }) => id);
const explained = async (text: string): Promise<string> =>
  (await runCli(["explain", "-"], { stdin: text })).out.replace(/\s+/g, " ");

describe("features that prose asks about", () => {
  it.each([
    ["why no posted_intr here?", ["posted-interrupts"]],
    ["Why can't I use unrestricted guest on this box? Is EPT supported?", ["unrestricted-guest", "ept"]],
    ["enable_apicv is always off", ["apicv"]],
    ["How do I get VMCS shadowing", ["shadow-vmcs"]],
    ["no shadow vmcs and no page-modification logging", ["shadow-vmcs", "pml"]],
  ])("%j", (text, found) => {
    expect(ids(text)).toEqual(found);
  });

  it.each([
    "Why does it not start? I can pat my cat, and the pt is off.",
    "EPT is a fine thing",
    "# cat /sys/module/kvm_intel/parameters/ept not found",
    "[    1.0] kvm_intel: ept not supported",
    "does it support sgx, mpx and cet?",
    "ept, vpid, pml, mtf and ple are missing?",
  ])("nothing: %j", (text) => {
    expect(ids(text)).toEqual([]);
  });
});

describe("the verdict on a text that asks", () => {
  it("begins with what the CPU lacks", async () => {
    expect(await explained(`${FLAGS}\nwhy is posted_intr missing?\n`)).toMatch(
      /^posted-interrupts \(posted interrupts\): no, the CPU does not have it\. VT-x is there and on\./,
    );
  });

  it("says nothing of a feature where the text leaves it open, and how to find out", async () => {
    const out = await explained(
      "model name\t: Intel(R) Core(TM) i7-8650U CPU\nflags\t\t: fpu vmx ept\n\nIs posted_intr supported?\n",
    );
    expect(out).not.toMatch(/posted interrupts\): (?:no|yes)/);
    expect(out).toContain("vmxlens why posted-interrupts FILE");
  });
});

describe("facts that stand below the command which printed them", () => {
  it("several parameters by one cat", async () => {
    const out = await explained("$ cat /sys/module/kvm_intel/parameters/{ept,vpid,nested}\nY\nY\nN\n");
    expect(out).toMatch(/kvm_intel\.nested is N/);
    expect(out).toMatch(/kvm_intel\.vpid +Y/);
  });

  it("leaves out a file of several that is not there", async () => {
    const out = await explained(
      "$ cat /sys/module/kvm_intel/parameters/ept /sys/module/kvm_intel/parameters/enable_ipiv /sys/module/kvm_intel/parameters/vpid\nY\ncat: /sys/module/kvm_intel/parameters/enable_ipiv: No such file or directory\nN\n",
    );
    expect(out).not.toMatch(/module is not loaded/);
    expect(out).not.toMatch(/modprobe kvm_intel;/);
  });

  it("uses no value where there are fewer than files", async () => {
    const out = await explained(
      "$ cat /sys/module/kvm_intel/parameters/{ept,vpid,nested}\nY\nN\n\n$ uname -r\n6.1.0\n",
    );
    expect(out).not.toMatch(/kvm_intel\.(?:ept|vpid)/);
  });

  it.each([
    ["dmidecode -s system-product-name", "VMware Virtual Platform", "VMware"],
    ["cat /sys/class/dmi/id/product_name", "Standard PC (Q35 + ICH9, 2009)", "QEMU"],
    ["sudo dmidecode -s system-manufacturer", "innotek GmbH", "VirtualBox"],
  ])("%s: %s", async (command, answer, outer) => {
    expect(await explained(`kvm: no hardware support\n# ${command}\n${answer}\n`)).toContain(`below (${outer})`);
  });

  it("takes no step that the text shows to be done: nested is on", async () => {
    const message = "kvm [1234]: vcpu0, guest rIP: 0xfff0 unhandled rdmsr: 0x491";
    expect(await explained(message)).toContain("modprobe kvm_intel nested=1");
    expect(await explained(`${message}\n$ cat /sys/module/kvm_intel/parameters/nested\nY\n`)).not.toContain(
      "modprobe kvm_intel nested=1",
    );
  });
});

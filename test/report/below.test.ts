import { describe, expect, it } from "vitest";
import { runCli } from "../cli/run.js";

const VM = `product_name: Google Compute Engine
vendor_id : GenuineIntel
flags : fpu vmx hypervisor
vmx flags : vnmi invvpid ept_x_only ept_ad tsc_offset vtpr mtf vapic ept vpid unrestricted_guest shadow_vmcs pml
`;
const HOST = VM.replace("product_name: Google Compute Engine\n", "").replace(" hypervisor", "");

describe("what the CPU of a virtual machine lacks", () => {
  it("was not passed on by the hypervisor below", async () => {
    const { out } = await runCli(["why", "apicv", "-"], { stdin: VM });
    const text = out.replace(/\s+/g, " ");
    expect(text).toContain(
      "lost at the virtual CPU, which has what the hypervisor below (Google Compute Engine) passes on",
    );
    expect(text).toContain("the hypervisor below (Google Compute Engine) has to pass it on");
    expect(text).not.toContain("another CPU");
  });

  it("is what the processor lacks where there is no hypervisor below", async () => {
    const { out } = await runCli(["why", "apicv", "-"], { stdin: HOST });
    const text = out.replace(/\s+/g, " ");
    expect(text).toContain("lost at the CPU:");
    expect(text).toContain("another CPU; this one lacks");
  });

  it("is known by a VMCS revision that no processor has", async () => {
    const { out } = await runCli(["why", "pml", "-"], {
      stdin: "0x3a 0x5\n0x480 0xda040011e57ed0\n0x482 0xfffbfffe0401e172\n0x48b 0x51ff00000000\n",
    });
    expect(out.replace(/\s+/g, " ")).toContain("which has what the hypervisor below (KVM) passes on");
  });

  it("is said in Chinese", async () => {
    const { out } = await runCli(["--lang", "zh", "why", "apicv", "-"], { stdin: VM });
    expect(out).toContain("下层的虚拟机监控器（Google Compute Engine）");
  });
});

import { describe, expect, it } from "vitest";
import { runCli } from "../cli/run.js";

const answer = async (text: string) => (await runCli(["explain", "-", "--width", "300"], { stdin: `${text}\n` })).out;

describe("a text whose subject is VT-x or KVM, without a message", () => {
  it.each([
    ["How can I enable nested virtualization on Azure?", /about nested virtualization.*Azure has to pass/],
    ["can I run VMs inside a DigitalOcean droplet?", /about nested virtualization/],
    ["阿里云虚拟机里能用 KVM 吗", /about nested virtualization.*Alibaba/],
    ["This tool requires /dev/kvm, does it work elsewhere?", /about KVM being needed/],
    ["I turned virtualization on in the BIOS and it still fails", /VT-x in the firmware setup/],
  ])("is answered by what decides it: %s", async (text, says) => {
    expect((await answer(text)).split("\n").slice(0, 2).join(" ")).toMatch(says);
  });

  it.each([
    "Please enable the virtualization of rows in the table, scrolling is slow.",
    "We need to enable nested routes; it fails with an error.",
    "Docker in LXC: nesting=1 is needed, why?",
    "nesting is not supported in YAML anchors",
    "my KVM switch doesn't work with this monitor, need help",
    "Running VMs on this host works, how do I back them up?",
    "VT-d is enabled in the BIOS, and IOMMU groups are missing?",
    "GPU virtualization needs a new firmware, how do I get it?",
  ])("is no other text: %s", async (text) => {
    expect(await answer(text)).not.toMatch(/^No line here|about nested|being needed/);
  });

  it("takes a product that is installed in a machine for no hypervisor below", async () => {
    const out = await answer("I want to install VMware ESXi inside QEMU, using nested virtualization. It fails.");
    expect(out).toMatch(/about nested virtualization/);
    expect(out).not.toMatch(/VMware has to pass/);
  });
});

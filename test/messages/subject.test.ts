import { describe, expect, it } from "vitest";
import { runCli } from "../cli/run.js";

const first = async (text: string) =>
  (await runCli(["explain", "-", "--width", "400"], { stdin: `${text}\n` })).out.split("\n", 1)[0] ?? "";

describe("a text without a known message", () => {
  it.each([
    ["the IOMMU", "The installer says that VT-d is not present, IOMMU missing", /^This is about the IOMMU/],
    ["an AMD CPU", "My Ryzen 5 3600 cannot start any virtual machine, what is wrong?", /^The text shows an AMD CPU/],
    ["an ARM machine", "On Apple Silicon my hypervisor fails to start", /^The text names an ARM machine/],
    ["Windows' hypervisor", "VirtualBox on Windows 11 shows the turtle and is slow", /^The text speaks of VirtualBox/],
    ["a hypervisor below", "In an ESXi guest it says no hardware virtualization", /^The text names VMware/],
    ["Windows", "Windows 10 fails, virtualization in the BIOS?", /^A program of Windows/],
  ])("is answered by what it is about: %s", async (_, text, says) => {
    expect(await first(text)).toMatch(says);
  });

  it.each([
    "React list virtualization is not supported in this table on AMD",
    "The SVM classifier failed on an AMD Ryzen 7 5800X",
    "My Ryzen 7 5800X crashes in games",
    "Apple Silicon build fails: error in linker",
    "Windows update fails, the BIOS is old",
    "VirtualBox guest additions on Windows 11: the shared folder is missing",
    "VT-d works and the IOMMU is on",
    "An Intel CPU and an AMD GPU: the driver is not loaded",
  ])("stays without a verdict where it is about something else: %s", async (text) => {
    expect(await first(text)).not.toMatch(/^(?:This is about|The text (?:shows|names|speaks)|A program of Windows)/);
  });
});

describe("a message beside what else the text shows", () => {
  const DOCKER = "Hardware assisted virtualization and data execution protection must be enabled in the BIOS";

  it("has its causes sorted by what people looked at", async () => {
    const plain = await runCli(["explain", "-"], { stdin: `${DOCKER}\n` });
    const said = await runCli(["explain", "-"], { stdin: `${DOCKER}\nI have enabled virtualization in the BIOS.\n` });
    const order = (text: string) => text.indexOf("Let Windows start its") - text.indexOf("Enable VT-x in the firmware");
    expect(order(plain.out)).toBeGreaterThan(0);
    expect(said.out.indexOf("Let Windows start its")).toBeGreaterThan(0);
    expect(said.out).not.toMatch(/^do +Enable VT-x/m);
  });

  it("is not said to be on where the text denies it", async () => {
    const { out } = await runCli(["explain", "-"], { stdin: `${DOCKER}\nVirtualization is not enabled here.\n` });
    expect(out.indexOf("Enable VT-x")).toBeLessThan(out.indexOf("Let Windows start its"));
  });

  it("takes no AMD CPU for one without EPT", async () => {
    const { out } = await runCli(["explain", "-"], {
      stdin: "vm: ERROR: kernel vmm not initialised (no VT-x / AMD SVM cpu support?)\nCPU: AMD Athlon 64 X2\n",
    });
    expect(out).not.toMatch(/which has VT-x without EPT/);
  });
});

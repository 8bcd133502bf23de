import { describe, expect, it } from "vitest";
import { runCli } from "../cli/run.js";

const answer = async (text: string) => (await runCli(["explain", "-", "--width", "400"], { stdin: `${text}\n` })).out;

describe("who may open /dev/kvm", () => {
  it.each([
    [
      "a container that does not map the owner",
      "In our Docker container\n# ls -ld /dev/kvm\ncrw-rw---- 1 nobody nogroup 10, 232 Jan 10 22:43 /dev/kvm",
      /the container does not map the owner/,
    ],
    [
      "a group that the user is not in",
      "$ ls -l /dev/kvm\ncrw-rw---- 1 root kvm 10, 232 May 22 10:39 /dev/kvm\n$ id -nG\nadm libvirt\nQEMU does not start",
      /the groups that the text lists are without it \(adm, libvirt\)/,
    ],
    [
      "root's own group",
      "failed to initialize KVM: Permission denied\n# ls -l /dev/kvm\ncrw-rw---- 1 root root 10, 232 May 25 10:57 /dev/kvm",
      /its group is root: the user root alone may open it/,
    ],
    [
      "QEMU's own user under libvirt",
      "libvirtError: process exited while connecting to monitor: Could not access KVM kernel module: Permission denied",
      /Under libvirt that is QEMU's own user/,
    ],
    [
      "a group in words",
      "The runner user is not part of the kvm group, and QEMU needs sudo",
      /right to open \/dev\/kvm/,
    ],
  ])("is read: %s", async (_, text, says) => {
    expect((await answer(text)).split("\n", 2).join(" ")).toMatch(says);
  });

  it("leaves further rights open", async () => {
    const text = "QEMU\ncrw-rw----+ 1 root kvm 10, 232 May 22 10:39 /dev/kvm\n$ id -nG\nlibvirt\n";
    expect(await answer(text)).toContain("getfacl");
    expect(await answer("QEMU fails\ncrw-rw----+ 1 root root 10, 232 May 22 10:39 /dev/kvm")).not.toContain(
      "root alone",
    );
  });

  it("is no trouble where all may, or where the group is listed", async () => {
    for (const text of [
      "QEMU, how?\ncrw-rw-rw- 1 root kvm 10, 232 May 22 10:39 /dev/kvm",
      "QEMU, how?\ncrw-rw---- 1 root kvm 10, 232 May 22 10:39 /dev/kvm\n$ id -nG\nkvm libvirt",
    ])
      expect(await answer(text)).not.toMatch(/without it|root alone|does not map/);
  });

  it("is not the matter where the text says that the device may be opened", async () => {
    const out = await answer(
      "I do have access to `/dev/kvm`. If I deny access then qemu fails:\n> failed to initialize KVM: Permission denied\nWith access I get an infinite restart.",
    );
    expect(out).toMatch(/^The text says that \/dev\/kvm may be opened/);
    expect(out.split("\n").slice(0, 3).join("\n")).not.toContain("usermod");
  });
});

describe("Windows as a guest of KVM", () => {
  it("needs VT-x from KVM for WSL2", async () => {
    const out = await answer(
      "WSL2 support?\nI want it on my virtual win10 with gpu passthrough; VirtualBox runs, Hyper-V isn't working. The kvm settings are correct.",
    );
    expect(out).toMatch(/^Windows is a guest of KVM there/);
    expect(out).not.toMatch(/bcdedit/);
  });
});

import { describe, expect, it } from "vitest";
import { inShort } from "./in-short.js";

/*
 * Outputs of several hosts in one text, in every layout in which people and tools put them together.
 */

interface Read {
  readonly command: string;
  /** What each of the two hosts prints. */
  readonly prints: readonly [string, string];
  readonly says: RegExp;
}

const FLAGS = "vmx flags\t: vnmi preemption_timer invvpid ept_x_only ept_ad ept_1gb flexpriority ept vpid pml";
const READS: readonly Read[] = [
  {
    command: "cat /sys/module/kvm_intel/parameters/nested",
    prints: ["Y", "N"],
    says: /kvm_intel\.nested is [YN] on \S+ and [YN] on \S+/,
  },
  {
    command: "sudo rdmsr 0x3a",
    prints: ["5", "1"],
    says: /IA32_FEAT_CTL \(0x3a\) is 0x[15] on \S+ and 0x[15] on \S+ \(0x1: the firmware/,
  },
  {
    command: "sudo rdmsr 0x48b",
    prints: ["7cff00000000", "3cff00000000"],
    says: /0x48b\).*lacks VMCS shadowing/,
  },
  {
    command: "grep -m1 'vmx flags' /proc/cpuinfo",
    prints: [FLAGS, FLAGS.replace(" pml", "")],
    says: /lacks pml on its line `vmx flags`/,
  },
  { command: "grep -c vmx /proc/cpuinfo", prints: ["16", "0"], says: /shows no vmx, and \S+ does/ },
  { command: "lscpu | grep -i virt", prints: ["Virtualization:      VT-x", ""], says: /shows no vmx, and \S+ does/ },
];

type Layout = (names: readonly [string, string], read: Read) => string;
const byPrompt =
  (prompt: (name: string) => string): Layout =>
  (names, { command, prints }) =>
    // Where nothing is printed, the next prompt follows.
    `${[...names]
      .reverse()
      .map((name) => `${prompt(name)}${command}\n${prints[names.indexOf(name)]}`.trimEnd())
      .join("\n")}\n`;
const LAYOUTS: { readonly [name: string]: Layout } = {
  "user@name:~$": byPrompt((name) => `user@${name}:~$ `),
  "[root@name ~]#": byPrompt((name) => `[root@${name} ~]# `),
  "name# ": byPrompt((name) => `${name}# `),
  "name ~ # ": byPrompt((name) => `${name} ~ # `),
  "a loop over ssh": (names, { command, prints }) =>
    `$ for h in ${names.join(" ")}; do echo $h; ssh $h "${command}"; done\n${names.map((name, at) => `${name}\n${prints[at]}`).join("\n")}\n`,
  "name: value": (names, { command, prints }) =>
    `$ pdsh -w ${names.join(",")} ${command}\n${names.map((name, at) => `${name}: ${prints[at]}`).join("\n")}\n`,
  "=== name ===": (names, { command, prints }) =>
    `output of ${command} on both:\n${names.map((name, at) => `=== ${name} ===\n${prints[at]}`).join("\n")}\n`,
  ansible: (names, { command, prints }) =>
    `$ ansible all -b -a "${command}"\n${names.map((name, at) => `${name} | CHANGED | rc=0 >>\n${prints[at]}`).join("\n")}\n`,
};
const NAMES: readonly (readonly [string, string])[] = [
  ["node1", "node2"],
  ["hv-02", "hv-03"],
  ["compute-a", "compute-b"],
];

/** Where a command prints nothing, only the next prompt shows it. */
const showsNothing = (layout: string, { prints }: Read): boolean =>
  prints.includes("") && !/[$#]/.test(layout.slice(-3));

const CASES = Object.entries(LAYOUTS).flatMap(([layout, write]) =>
  READS.filter((read) => !showsNothing(layout, read)).flatMap((read) =>
    NAMES.map((names) => [`${layout}, ${read.command}, ${names[0]}`, write(names, read), read.says] as const),
  ),
);

describe("several hosts in one text are compared", () => {
  it.each(CASES)("%s", async (_, text, says) => {
    const { lines } = await inShort(text);
    expect(lines(400)[0]).toMatch(/^The hosts differ: /);
    expect(lines(400)[0]).toMatch(says);
  });
  it.each([
    [
      "a parameter, with the host at which to look",
      "a1# cat /sys/module/kvm_intel/parameters/ept\nY\na2# cat /sys/module/kvm_intel/parameters/ept\nN\n",
      /do +On a2, see what sets it/,
    ],
    [
      "a command that failed there",
      "$ ansible kvm -m shell -a 'grep -c vmx /proc/cpuinfo'\nkvm01 | CHANGED | rc=0 >>\n96\nkvm02 | FAILED | rc=1 >>\n0non-zero return code\n",
      /kvm02 shows no vmx/,
    ],
    [
      "two commands at once",
      "pdsh -g c 'uname -r; cat /sys/module/kvm_intel/parameters/nested'\nc001: 5.14.0-362.el9.x86_64\nc001: Y\nc002: 5.14.0-284.el9.x86_64\nc002: N\n",
      /nested is Y on c001 and N on c002; the kernel is/,
    ],
    [
      "Host A and Host B",
      "Host A (works):\n$ cat /sys/module/kvm_intel/parameters/nested\nY\nHost B:\n$ cat /sys/module/kvm_intel/parameters/nested\nN\n",
      /Y on Host A and N on Host B/,
    ],
  ])("also %s", async (_, text, says) => {
    const { lines } = await inShort(text);
    expect(lines(400).join("\n")).toMatch(says);
  });
  it("and nothing is said where they agree", async () => {
    const { lines } = await inShort("a1# sudo rdmsr 0x3a\n5\na2# sudo rdmsr 0x3a\n5\n");
    expect(lines(400).join("\n")).not.toContain("differ");
  });
  it("nor of a host and its guest", async () => {
    const { lines } = await inShort(
      "host1# cat /sys/module/kvm_intel/parameters/nested\nN\nguest1# grep -c vmx /proc/cpuinfo\n0\n",
    );
    expect(lines(400).join("\n")).not.toContain("The hosts differ");
  });
});

import { describe, expect, it } from "vitest";
import { atlasHost } from "../../src/input/atlas/atlas.js";
import { readHost } from "../../src/input/read.js";
import { PARAMS, type ParamRow } from "../../src/kvm/load/params.js";
import { holdsIn } from "../../src/rules/held.js";
import { assume } from "../../src/situation/assume.js";
import { situation } from "../../src/situation/situation.js";
import { runCli } from "../cli/run.js";

const KERNEL = "6.12";
const NAMES = [
  ...new Set(
    (PARAMS as readonly ParamRow[])
      .filter(({ held, type }) => type === "bool" && holdsIn(KERNEL, held) === true)
      .map(({ module, name }) => `${module}.${name}`),
  ),
];

const text = (module: string, name: string, asked: string, shown: string) =>
  `Linux version ${KERNEL}.9-amd64 (builder)\n# cat /etc/modprobe.d/kvm.conf\noptions ${module} ${name}=${asked}\n# grep . /sys/module/*/parameters/*\n/sys/module/${module}/parameters/${name}:${shown}\n`;

describe("a parameter that the module does not have as it is asked for", () => {
  it.each(NAMES)("%s: both lines are named", (full) => {
    const [module = "", name = ""] = full.split(".");
    const { host } = readHost(text(module, name, "0", "Y"));
    if (host === undefined) throw new Error("no host");
    const { notes, notApplied } = situation(host);
    expect(notApplied).toHaveLength(1);
    expect(notes.join("\n")).toMatch(`${full}=0 is asked for (line 3), and /sys/module shows Y (line 5): `);
    expect(notes.join("\n")).toMatch(/has to be loaded again for it, or something else overrides it/);
    expect(situation(readHost(text(module, name, "0", "N")).host ?? host).notApplied).toBeUndefined();
  });

  it("among parameters that VMX does not depend on, which no replay knows", () => {
    const { host } = readHost(
      `options kvm ignore_msrs=1 halt_poll_ns=0\n${text("kvm_intel", "pml", "0 vmentry=1", "Y")}`,
    );
    if (host === undefined) throw new Error("no host");
    expect(situation(host).notApplied).toMatchObject([{ module: "kvm_intel", name: "pml", by: "not loaded with it" }]);
  });

  it.each([
    "layers -",
    "why apicv -",
    "why enable_apicv -",
    "why nested -",
    "verify -",
    "runs - kvm",
    "show -",
    "explain -",
  ])("%s says so", async (command) => {
    const { out } = await runCli([...command.split(" "), "--width", "400"], {
      stdin: text("kvm_intel", "enable_apicv", "0", "Y")
        .replace("=0\n", "=0 nested=0\n")
        .concat("/sys/module/kvm_intel/parameters/nested:Y\n"),
    });
    expect(out).toContain("kvm_intel.enable_apicv=0 is asked for (line 3), and /sys/module shows Y (line 5)");
    expect(out).toContain("kvm_intel.nested=0 is asked for (line 3), and /sys/module shows Y (line 6)");
  });

  it("on the kernel's command line, too, and as the answer to why nested", async () => {
    const { out } = await runCli(["why", "nested", "-", "--width", "400"], {
      stdin:
        "Command line: BOOT_IMAGE=/vmlinuz-6.1 root=/dev/sda1 kvm_intel.nested=1\n/sys/module/kvm_intel/parameters/nested:N\n",
    });
    const [first = ""] = out.split("\n");
    expect(first).toMatch(/^No: kvm_intel\.nested is N.* But kvm_intel\.nested=1 is asked for \(line 1\), and /);
    expect(out).toContain("modprobe -c");
  });

  it("says that KVM changes it where a replay with it shows what the machine shows", () => {
    const { host } = assume(atlasHost("intel-6f6-conroe"), "firmware=enabled");
    const asked = { kvm_intel: { enable_apicv: "1" } };
    const { notApplied } = situation({
      ...host,
      kernel: KERNEL,
      params: { kvm_intel: { enable_apicv: "N" } },
      paramsAsked: asked,
    });
    expect(notApplied?.map(({ by, text: says }) => [by, says])).toEqual([
      [
        "kvm",
        "kvm_intel.enable_apicv=1 is asked for, and /sys/module shows N: KVM changes it, and `vmxlens why enable_apicv` says why",
      ],
    ]);
  });
});

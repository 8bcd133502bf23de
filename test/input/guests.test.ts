import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type GuestCpu, readGuests } from "../../src/input/guests/guest-cpu.js";

/* What guests are configured with, as each program writes it. */

const shown = (text: string) =>
  readGuests(text).map(({ features, ...guest }: GuestCpu) => ({ ...guest, features: Object.fromEntries(features) }));

const DOMAIN = `<domain type='kvm' id='3'>
  <name>web01</name>
  <os><type arch='x86_64'>hvm</type></os>
  <cpu mode='custom' match='exact' check='full'>
    <model fallback='forbid'>Skylake-Server-IBRS</model>
    <vendor>Intel</vendor>
    <feature policy='require' name='vmx'/>
    <feature policy='disable' name='vmx-apicv-vid'/>
    <feature policy='force' name='pdcm'/>
    <feature policy='forbid' name='svm'/>
  </cpu>
  <devices><interface type='network'><model type='virtio'/></interface></devices>
</domain>
`;

const VM = `apiVersion: kubevirt.io/v1
kind: VirtualMachine
metadata:
  name: testvm
spec:
  template:
    metadata:
      labels:
        kubevirt.io/size: small
    spec:
      domain:
        cpu:
          cores: 2
          model: Skylake-Client
          features:
          - name: vmx
            policy: require
          - policy: disable
            name: mpx
          - name: apic
        devices:
          disks:
          - name: containerdisk
            disk: {}
      networks:
      - name: default
`;

describe("guests of libvirt", () => {
  it("the model, features by policy, and whether it is checked", () => {
    expect(shown(DOMAIN)).toEqual([
      {
        format: "libvirt",
        name: "web01",
        model: "Skylake-Server-IBRS",
        features: { vmx: "on", "vmx-apicv-vid": "off", pdcm: "optional", svm: "forbidden" },
        strict: true,
        emulated: false,
        line: 1,
      },
    ]);
  });

  it("the CPU of the host is checked by nobody, and a domain may name no CPU", () => {
    const host = DOMAIN.replace("mode='custom' match='exact' check='full'", "mode='host-passthrough' check='none'");
    expect(shown(host.replace(/ {4}<model .*\n/, ""))).toMatchObject([{ model: "host", strict: false }]);
    expect(shown("<domain type='qemu'>\n<name>a</name>\n</domain>")).toEqual([
      { format: "libvirt", name: "a", features: {}, strict: false, emulated: true, line: 1 },
    ]);
  });

  it("domain capabilities are no guest", () => {
    expect(
      shown(
        "<domainCapabilities>\n<domain>kvm</domain>\n<cpu>\n<mode name='host-model'/>\n</cpu>\n</domainCapabilities>",
      ),
    ).toEqual([]);
  });
});

describe("guests of QEMU", () => {
  it("a command line over several lines; settings are no features, and the last word counts", () => {
    const line =
      "/usr/bin/qemu-system-x86_64 -name guest=a,debug-threads=on -machine pc,accel=kvm \\\n  -cpu Haswell-noTSX,+vmx,hv_time,kvm=off,enforce,pcid=on,-pcid,phys-bits=40 -m 4";
    expect(shown(line)).toEqual([
      {
        format: "qemu",
        name: "a",
        model: "Haswell-noTSX",
        features: { vmx: "on", pcid: "off" },
        strict: true,
        emulated: false,
        line: 1,
      },
    ]);
  });

  it("max is the CPU of the host, and TCG needs none", () => {
    expect(shown("qemu-system-x86_64 -accel tcg -cpu max")).toMatchObject([{ model: "host", emulated: true }]);
  });
});

describe("guests of Proxmox", () => {
  const CONFIG =
    "agent: 1\nboot: order=scsi0\ncpu: x86-64-v3,flags=+pcid;-md-clear\nmemory: 8192\nname: win11\nostype: win11\n";

  it("cpu with its flags", () => {
    expect(shown(CONFIG)).toEqual([
      {
        format: "proxmox",
        name: "win11",
        model: "x86-64-v3",
        features: { pcid: "on", "md-clear": "off" },
        strict: true,
        emulated: false,
        line: 1,
      },
    ]);
  });

  it("args with -cpu count for more, and no cpu is Proxmox's own", () => {
    expect(shown(`args: -cpu Skylake-Server,+vmx\n${CONFIG}`)).toMatchObject([
      { format: "proxmox", model: "Skylake-Server", features: { vmx: "on" }, strict: false },
    ]);
    expect(shown(CONFIG.replace(/cpu: .*\n/, ""))).toMatchObject([{ model: "kvm64" }]);
  });

  it.each([
    "cores: 4\ncpu: Icelake-Server,flags=+vmx\nmemory: 8192\n",
    "cpu: Icelake-Server\nmemory: 8192\nscsi0: local-lvm:vm-104-disk-0,size=32G\n",
    "cpu: Icelake-Server\nmemory: 8192\nnet0: virtio=BC:24:11:00:00:01,bridge=vmbr0\n",
  ])("a part of a configuration: %j", (text) => {
    expect(shown(text)).toMatchObject([{ format: "proxmox", model: "Icelake-Server" }]);
  });

  it("other lists with a colon are none", () => {
    expect(shown("cpu: 3\nname: x\nmemory: 4 GB\n")).toEqual([]);
  });
});

describe("guests of KubeVirt", () => {
  const FEATURES = { vmx: "on", mpx: "off", apic: "on" };

  it("YAML", () => {
    expect(shown(VM)).toMatchObject([
      { format: "kubevirt", name: "testvm", model: "Skylake-Client", features: FEATURES, strict: true },
    ]);
  });

  it("JSON as kubectl lays it out", () => {
    const cpu = {
      cores: 1,
      features: [{ name: "vmx", policy: "require" }, { name: "mpx", policy: "disable" }, { name: "apic" }],
      model: "Skylake-Client",
    };
    const vmi = {
      apiVersion: "kubevirt.io/v1",
      kind: "VirtualMachineInstance",
      metadata: { name: "testvm" },
      spec: { domain: { cpu, devices: {} } },
    };
    expect(shown(JSON.stringify(vmi, undefined, 4))).toMatchObject([
      { format: "kubevirt", name: "testvm", model: "Skylake-Client", features: FEATURES },
    ]);
  });

  it("a machine that names no CPU gets the host's model", () => {
    expect(shown(VM.replace(/ {8}cpu:[\s\S]*?( {8}devices)/, "$1"))).toMatchObject([{ model: "host", features: {} }]);
  });
});

describe("settings and fragments that are no guest's", () => {
  it.each([
    ["the CPU of a host", "<cpu>\n  <arch>x86_64</arch>\n  <model>Broadwell</model>\n</cpu>"],
    ["what a host can give", "<domainCapabilities>\n<cpu>\n<mode name='custom'/>\n</cpu>\n</domainCapabilities>"],
    ["a mode alone that names no CPU", "cpu_mode = custom"],
    ["a mode that is none", "cpu_mode=none"],
    ["a model alone", "cpu.model: 85"],
  ])("%s", (_, text) => {
    expect(readGuests(text)).toEqual([]);
  });
});

describe("any text", () => {
  it("never throws, and several guests are several", () => {
    expect(readGuests(`${DOMAIN}---\n${VM}`).map(({ format }) => format)).toEqual(["libvirt", "kubevirt"]);
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...DOMAIN.split("\n"), ...VM.split("\n"), "-cpu ,,,=", "cpu: ,flags=", "{", "---"), {
          maxLength: 40,
        }),
        (lines) => {
          for (const { line } of readGuests(lines.join("\n"))) expect(line).toBeGreaterThan(0);
        },
      ),
    );
  });
});

import { libvirtCpu } from "../../compare/libvirt.js";
import { qemuCpu } from "../../compare/qemu.js";
import { formatMsr, type Msr } from "../../host/msr.js";
import { nestedMsrs } from "../../kvm/nested-msrs.js";
import { replay } from "../../kvm/replay.js";
import { hexIndex } from "../../registers/registers.js";
import { libvirtNotes, nestedReport, noteLines, qemuNotes } from "../../report/nested-report.js";
import { type Inline, plainText } from "../../report/text.js";
import { complain, ready, show, showJson } from "../command.js";
import { EXIT } from "../exit-code.js";
import { missingText } from "../host.js";
import { didYouMean, type RawOptions } from "../options.js";
import type { World } from "../world.js";

interface NestedRaw extends RawOptions {
  /** A model, or `true` where none was named: the host model. */
  readonly qemu?: string | true;
  readonly libvirt?: string | true;
  readonly qemuVersion?: string;
  readonly libvirtVersion?: string;
}

/** `vmxlens nested [HOST]`: what L1 gets; with --qemu or --libvirt the configuration that asks for it. */
export async function nested([query]: readonly (string | undefined)[], raw: NestedRaw, world: World): Promise<number> {
  const config = raw.qemu !== undefined || raw.libvirt !== undefined;
  if (raw.qemu !== undefined && raw.libvirt !== undefined) return complain(world, ["--qemu or --libvirt, not both"]);
  const prepared = await ready(query, raw, world);
  if (typeof prepared === "number") return prepared;
  const { subject, settings, found } = prepared;
  if (config && found.example !== undefined) {
    const missing = found.example.missing.map((fact) => `  ${missingText(fact)}`);
    return complain(world, ["this machine cannot be read, so nobody knows what its KVM offers", ...missing]);
  }
  const replayed = replay(subject.host, subject.options);
  const offers = replayed.loads !== "no" && replayed.cpu.bit("params", "nested") !== "no";
  if (!offers) {
    return (
      complain(world, [
        replayed.loads === "no"
          ? `KVM of Linux ${replayed.release} does not load here, so L1 gets nothing: vmxlens layers tells why`
          : "nested=0: KVM offers a guest no VMX",
      ]) && EXIT.no
    );
  }
  const msrs = nestedMsrs(replayed.cpu);
  const values = new Map<number, Msr>([...msrs].map(([index, value]) => [index, { state: "value", ...value }]));
  const code = replayed.loads === "yes" && found.example === undefined ? EXIT.ok : EXIT.no;
  const options = {
    cpuid: subject.host.cores.map(({ cpuid }) => cpuid),
    ...(raw.qemuVersion === undefined ? {} : { qemuVersion: raw.qemuVersion }),
    ...(raw.libvirtVersion === undefined ? {} : { libvirtVersion: raw.libvirtVersion }),
    ...(subject.host.cores[0].signature === undefined ? {} : { signature: subject.host.cores[0].signature }),
  };
  const replayedJson = { release: replayed.release, loads: replayed.loads };
  const { renderLines } = await import("../../report/ansi.js");
  if (config) {
    const asked = raw.qemu ?? raw.libvirt;
    const model = asked === true || asked === undefined ? {} : { model: asked };
    const made =
      raw.qemu === undefined ? libvirtCpu(msrs, { ...options, ...model }) : qemuCpu(msrs, { ...options, ...model });
    if (made.kind === "unfit model") {
      const other =
        asked === "nearest" ? "" : `; ${raw.qemu === undefined ? "--libvirt" : "--qemu"} nearest finds one that fits`;
      return complain(world, [`${made.message}${other}`]) && EXIT.no;
    }
    if (made.kind !== "cpu") return complain(world, [made.message + ("near" in made ? didYouMean(made.near) : "")]);
    const notes = [
      ...(replayed.loads === "yes" ? [] : ["it is not known whether KVM loads here at all: vmxlens layers tells why"]),
      `for KVM of Linux ${replayed.release}, ${versionsText(made, raw)}`,
      ...("xml" in made ? libvirtNotes(made) : qemuNotes(made)),
    ];
    if (settings.json) showJson({ format: "vmxlens-nested/1", ...replayedJson, cpu: plain(made) }, world);
    else {
      world.out(`${"xml" in made ? made.xml : made.text}\n`);
      world.err(renderLines(noteLines(notes, settings.width), false));
    }
    return code;
  }
  if (settings.json) {
    const registers = Object.fromEntries([...values].map(([index, msr]) => [hexIndex(index), formatMsr(msr)]));
    showJson({ format: "vmxlens-nested/1", ...replayedJson, msrs: registers }, world);
  } else await show(nestedReport(subject, values, settings.width), prepared, world);
  return code;
}

type Made = Extract<ReturnType<typeof libvirtCpu> | ReturnType<typeof qemuCpu>, { kind: "cpu" }>;

/** The versions that a result is for, and how to name others. */
function versionsText(made: Made, raw: NestedRaw): string {
  const rows = [
    ["QEMU", "xml" in made ? made.qemu.qemuVersion : made.qemuVersion, raw.qemuVersion, "--qemu-version"],
    ...("xml" in made ? [["libvirt", made.libvirtVersion, raw.libvirtVersion, "--libvirt-version"]] : []),
  ];
  const open = rows.filter(([, , given]) => given === undefined);
  const newest = open.map(([program]) => program).join(" and ");
  const hint =
    open.length === 0 ? "" : `; the newest ${newest} known, ${open.map((row) => row[3]).join(", ")} for another`;
  return `${rows.map(([program, version]) => `${program} ${version}`).join(", ")}${hint}`;
}

/** What a program needs of a result: text or element, model, and what is left open. */
function plain(made: Made) {
  const texts = (notes: readonly Inline[]) => notes.map(plainText);
  if ("xml" in made) {
    const { xml, model, libvirtVersion } = made;
    return { xml, model, libvirtVersion, qemuVersion: made.qemu.qemuVersion, notes: texts(libvirtNotes(made)) };
  }
  const { text, model, qemuVersion, additions, removals, exact } = made;
  return { text, model, qemuVersion, additions, removals, exact, notes: texts(qemuNotes(made)) };
}

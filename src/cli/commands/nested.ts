import { libvirtCpu } from "../../compare/libvirt.js";
import { qemuCpu } from "../../compare/qemu.js";
import { hexIndex } from "../../registers/registers.js";
import { situationJson } from "../../report/json/json-situation.js";
import { loadVerdictOf } from "../../report/layers-report.js";
import { libvirtNotes, nestedReport, noteLines, qemuNotes } from "../../report/nested-report.js";
import { splitJson } from "../../report/per-kernel.js";
import { type Inline, plainText } from "../../report/text.js";
import { kernelText } from "../../report/wording/kernel-text.js";
import { nested as nestedOf, nestedSplits } from "../../situation/nested.js";
import { replays } from "../../situation/replays.js";
import { ready, show } from "../command.js";
import { EXIT } from "../exit-code.js";
import { type FoundHost, missingText } from "../host.js";
import type { RawOptions } from "../options.js";
import { showJson } from "../outlet.js";
import { complain, didYouMean } from "../shell/problems.js";
import { eachHost } from "../shell/several-hosts.js";
import type { World } from "../world.js";

interface NestedRaw extends RawOptions {
  /** A model, or `true` where none was named: the host model. */
  readonly qemu?: string | true;
  readonly libvirt?: string | true;
  readonly qemuVersion?: string;
  readonly libvirtVersion?: string;
}

/** `vmxlens nested [HOST...]`: what L1 gets; with --qemu or --libvirt the configuration that asks for it. */
export function nested(queries: readonly (string | undefined)[], raw: NestedRaw, world: World): Promise<number> {
  return eachHost(queries, raw, world, "KVM offers a guest VMX", ({ offered }) => String(offered), nestedOn);
}

async function nestedOn(query: string | undefined, raw: NestedRaw, world: World, before?: FoundHost): Promise<number> {
  const config = raw.qemu !== undefined || raw.libvirt !== undefined;
  if (raw.qemu !== undefined && raw.libvirt !== undefined) return complain(world, ["--qemu or --libvirt, not both"]);
  const prepared = await ready(query, raw, world, before);
  if (typeof prepared === "number") return prepared;
  const { situation, settings, found } = prepared;
  if (config && found.example !== undefined) {
    const missing = found.example.missing.map((fact) => `  ${missingText(fact)}`);
    return complain(world, ["cannot read this machine, so what its KVM offers is unknown", ...missing]);
  }
  const { loads } = replays(situation);
  const { offered, msrs } = nestedOf(situation);
  const kernel = kernelText(situation);
  if (offered === "no") {
    return (
      complain(world, [
        loads === "no"
          ? `L1 gets nothing from KVM of ${kernel}: ${plainText(loadVerdictOf(situation))}`
          : "nested=0: KVM offers a guest no VMX",
      ]) && EXIT.no
    );
  }
  const code = loads === "yes" && offered === "yes" && found.example === undefined ? EXIT.ok : EXIT.no;
  const options = {
    cpuid: situation.host.cores.map(({ cpuid }) => cpuid),
    ...(raw.qemuVersion === undefined ? {} : { qemuVersion: raw.qemuVersion }),
    ...(raw.libvirtVersion === undefined ? {} : { libvirtVersion: raw.libvirtVersion }),
    ...(situation.host.cores[0].signature === undefined ? {} : { signature: situation.host.cores[0].signature }),
  };
  const head = { format: "vmxlens-nested/1", ...situationJson(situation), loads, offered };
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
      ...(loads === "yes" ? [] : ["it is not known whether KVM loads here: see vmxlens layers"]),
      `for KVM of ${kernel}, ${versionsText(made, raw)}`,
      ...situation.notes,
      ...("xml" in made ? libvirtNotes(made) : qemuNotes(made)),
    ];
    if (settings.json) showJson({ ...head, cpu: plain(made) }, world);
    else {
      world.out(`${"xml" in made ? made.xml : made.text}\n`);
      world.err(renderLines(noteLines(notes, settings.width), false));
    }
    return code;
  }
  if (settings.json) {
    const registers = Object.fromEntries([...msrs.values()].map(({ index, text }) => [hexIndex(index), text]));
    const split = Object.fromEntries(
      nestedSplits(situation).map(({ index, answers }) => [hexIndex(index), splitJson(answers)]),
    );
    showJson({ ...head, msrs: registers, split }, world);
  } else await show(nestedReport(situation, settings.width), prepared, world);
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

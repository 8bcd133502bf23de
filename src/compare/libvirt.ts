import { checkOptions } from "../bits/misuse.js";
import type { MsrPairs } from "../kvm/guest/msr-pair.js";
import { checkPairs } from "../kvm/guest/msr-pair.js";
import { type QemuOptions, qemuCpu, type UnfitModel } from "./qemu.js";
import { propertyState } from "./qemu-features.js";
import {
  LIBVIRT_VMX_SINCE,
  type LibvirtModel,
  newestLibvirt,
  propertiesOf,
  type QemuModel,
  type QemuProperty,
  qemuData,
} from "./qemu-models.js";
import type { QemuCpu } from "./qemu-text.js";
import { atLeast, presence, seenText, versionNumber } from "./versions.js";

/*
 * The `<cpu>` element of libvirt for wanted VMX capabilities. libvirt hands what the element lists to QEMU and leaves the
 * rest of a model to QEMU, but keeps its own list of what a model has; where the two disagree the element says it.
 */

const LIBVIRT_VERSIONED_SINCE = "10.10";
/** As for QEMU, and what libvirt makes of it. */
export interface LibvirtOptions extends QemuOptions {
  /** As in `11.3`. Default: the newest that the tables know. */
  readonly libvirtVersion?: string;
  /** For `model: "host"`: `host-model` (default) or `host-passthrough`. */
  readonly hostMode?: "host-model" | "host-passthrough";
}

/** A `<feature>` of the element. */
export interface LibvirtFeature {
  readonly name: string;
  readonly policy: "require" | "disable";
  /** libvirt's list of the model is not QEMU's, so that the element has to say it although QEMU's model has it so. */
  readonly because?: "libvirt's model differs";
}

/** A `<cpu>` element that makes libvirt give a guest the wanted VMX capabilities. */
export interface LibvirtCpu {
  /** The element, indented by two blanks, without a final newline. */
  readonly xml: string;
  readonly model: string;
  readonly libvirtVersion: string;
  readonly features: readonly LibvirtFeature[];
  /** What this libvirt version has no name for; QEMU's command line would have to say it. */
  readonly unknownToLibvirt: readonly string[];
  /** Sentences about what this version makes of it. */
  readonly notes: readonly string[];
  /** The same for QEMU itself. */
  readonly qemu: QemuCpu;
}

/** The answer of `libvirtCpu`; the other kinds say which model or version is not in the tables, and names like it. */
export type LibvirtResult =
  | ({ readonly kind: "cpu" } & LibvirtCpu)
  | { readonly kind: "unknown version"; readonly message: string }
  | { readonly kind: "unknown model"; readonly message: string; readonly near: readonly string[] }
  | UnfitModel;

/** The `<cpu>` element that makes libvirt give a guest the wanted VMX capabilities; as `qemuCpu`. */
export function libvirtCpu(wanted: MsrPairs, options: LibvirtOptions = {}): LibvirtResult {
  checkPairs(wanted, "wanted");
  checkOptions(options);
  const version = options.libvirtVersion ?? newestLibvirt();
  if (versionNumber(version) === undefined) {
    return { kind: "unknown version", message: `"${version}" is not a libvirt version; write it like 11.3` };
  }
  const host = (options.model ?? "host") === "host";
  const named = !host && options.model !== "nearest";
  const asked = (perhaps: boolean) =>
    qemuCpu(wanted, {
      ...options,
      only: (model) => libvirtName(model, version, perhaps) !== undefined && (options.only?.(model) ?? true),
    });
  const certain = asked(false);
  // A model that was named passes, with a note, if it is not known whether this version has it.
  const perhaps = named && certain.kind === "unknown model";
  const result = perhaps ? asked(true) : certain;
  if (result.kind === "unknown model" && qemuCpu(wanted, options).kind !== "unknown model") {
    const message = `libvirt ${version} does not have the CPU model ${options.model}${firstSeen(options.model, version)}`;
    return { ...result, message };
  }
  if (result.kind !== "cpu") return result;
  const { kind: _, ...cpu } = result;
  const model = host ? undefined : qemuData().models.find((row) => row.name === cpu.model);
  const own = model === undefined ? undefined : libvirtName(model, version, perhaps);
  const features: LibvirtFeature[] = [{ name: "vmx", policy: "require" }];
  const unknownToLibvirt: string[] = [];
  for (const property of propertiesOf(cpu.qemuVersion)) {
    const feature = featureFor(property, cpu, own);
    if (feature === undefined) continue;
    const name = nameIn(property, version);
    if (name === undefined) unknownToLibvirt.push(property.name);
    else features.push({ ...feature, name });
  }
  const lines = features.map(({ name, policy }) => `  <feature policy='${policy}' name='${name}'/>`);
  const mode = options.hostMode ?? "host-model";
  if (host && mode === "host-model") {
    // libvirt makes a named model of it, with what it has a name for; without any name QEMU's model decides.
    for (const property of propertiesOf(cpu.qemuVersion)) {
      if (propertyState(cpu.features, property) === "no" || nameIn(property, version) !== undefined) continue;
      if (!unknownToLibvirt.includes(property.name)) unknownToLibvirt.push(property.name);
    }
  }
  const open =
    own === undefined
      ? [`<cpu mode='${mode}' check='${mode === "host-model" ? "partial" : "none"}'>`]
      : [`<cpu mode='custom' match='exact' check='partial'>`, `  <model fallback='forbid'>${own.name}</model>`];
  return {
    kind: "cpu",
    xml: [...open, ...lines, "</cpu>"].join("\n"),
    model: own?.name ?? mode,
    libvirtVersion: version,
    features,
    unknownToLibvirt,
    notes: [
      ...notesFor(version, features, unknownToLibvirt, own),
      ...(host && mode === "host-model" && unknownToLibvirt.length > 0
        ? [
            "host-model leaves out what libvirt has no name for; <cpu mode='host-passthrough'/> gives all that KVM offers.",
          ]
        : []),
    ],
    qemu: cpu,
  };
}

/** `, which was first seen in 11.0 and is not in 10.0` */
function firstSeen(name: string | undefined, version: string): string {
  const rows = qemuData().libvirtModels.filter((row) => row.name === name || row.name.replace(/-v\d+$/, "") === name);
  const [first] = rows;
  return first === undefined ? "" : `, which ${seenText(first.seen, version)}`;
}

function featureFor(
  property: QemuProperty,
  cpu: QemuCpu,
  own: LibvirtModel | undefined,
): Omit<LibvirtFeature, "name"> | undefined {
  if (cpu.additions.includes(property.name)) return { policy: "require" };
  if (cpu.removals.includes(property.name)) return { policy: "disable" };
  if (own === undefined || own.lists.size === 0) return undefined;
  const has = propertyState(cpu.features, property);
  if (has === "unknown" || own.lists.has(property.name) === (has === "yes")) return undefined;
  return { policy: has === "yes" ? "require" : "disable", because: "libvirt's model differs" };
}

/** libvirt's name of a QEMU property, if that version is known to have one. */
export function libvirtFeature(property: string, version: string): string | undefined {
  const row = qemuData().properties.find(({ name }) => name === property);
  return row === undefined ? undefined : nameIn(row, version);
}

function nameIn(property: QemuProperty, version: string): string | undefined {
  const { libvirt } = property;
  if (libvirt === undefined) return undefined;
  return presence(libvirt.seen, version) === "yes" ? libvirt.name : undefined;
}

/**
 * libvirt's model for one of QEMU: of the same name, else the name without a version that it is known by. `perhaps`:
 * also one that this version may or may not have.
 */
function libvirtName(model: QemuModel, version: string, perhaps: boolean): LibvirtModel | undefined {
  const { libvirtModels, aliases } = qemuData();
  const isThere = ({ seen }: LibvirtModel) => {
    const there = presence(seen, version);
    // Models that the oldest list has are old: they are taken to be in older versions, and a note says so.
    return there === "yes" || (there === "unknown" && (perhaps || seen.before === undefined));
  };
  const known = (name: string) => libvirtModels.find((row) => row.name === name && isThere(row));
  if (atLeast(version, LIBVIRT_VERSIONED_SINCE)) {
    const versioned = known(model.name);
    if (versioned !== undefined) return versioned;
  }
  for (const [name, target] of aliases) {
    const row = target === model.name ? known(name) : undefined;
    if (row !== undefined) return row;
  }
  return undefined;
}

function notesFor(
  version: string,
  features: readonly LibvirtFeature[],
  unknown: readonly string[],
  own: LibvirtModel | undefined,
): string[] {
  const notes: string[] = [];
  if (!atLeast(version, LIBVIRT_VMX_SINCE)) {
    notes.push(`libvirt ${version} knows no vmx-* feature; they came with 9.10.0.`);
  } else if (unknown.length > 0) {
    notes.push(`libvirt ${version} is not known to have a name for ${unknown.join(", ")}.`);
  }
  if (own !== undefined && presence(own.seen, version) === "unknown") {
    const { first, before } = own.seen;
    const text = before === undefined ? `${first} has it` : `it was first seen in ${first} and is not in ${before}`;
    notes.push(`Whether libvirt ${version} has the model ${own.name} is not known: ${text}.`);
  }
  if (own?.added === true) {
    notes.push(
      `libvirt added the VMX features to ${own.name} in 9.10.0: domains that 9.9.0 and older started do not migrate to 9.10.0, 10.0.0 and 10.1.0 or back; 10.2.0 ended that.`,
    );
  }
  if (atLeast(version, LIBVIRT_VMX_SINCE) && !atLeast(version, "10.5")) {
    if (features.some((feature) => feature.policy === "disable")) {
      notes.push("Before libvirt 10.5.0 migrating a domain with a disabled vmx-* feature can fail.");
    }
  }
  return notes;
}

/** A domain just big enough to carry a `<cpu>` element, as `virt-xml-validate` wants it. */
export function domainAround(cpuXml: string): string {
  const inner = cpuXml
    .split("\n")
    .map((line) => `  ${line}`)
    .join("\n");
  return `<domain type='kvm'>
  <name>nested</name>
  <memory unit='MiB'>1024</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='q35'>hvm</type>
  </os>
${inner}
</domain>
`;
}

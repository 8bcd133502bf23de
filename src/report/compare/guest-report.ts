import type { Tri } from "../../bits/tri.js";
import type { SetLayer } from "../../compare/capability-set.js";
import { type GuestStart, startsOn, type WantedFeature } from "../../compare/guest-start.js";
import { countText, guestText, missingOf, namesText, startText } from "../../compare/guest-text.js";
import { type ComparedHost, listed, type RunResult } from "../../compare/hosts/compared-host.js";
import type { GuestCpu } from "../../input/guests/guest-cpu.js";
import { comparedJson } from "../json/json-compare.js";
import { caveatLines, underKernel } from "./caveats.js";

export interface RunGuestArgs {
  /** Hosts whose situation has the guest. */
  readonly subjects: readonly ComparedHost[];
  readonly guest: GuestCpu;
}

interface Judged {
  readonly subject: ComparedHost;
  readonly start: GuestStart;
}

/** May a guest start on these hosts: exit code 0 if it does on all of them, 1 if not or if that is not known. */
export function runGuest({ subjects, guest }: RunGuestArgs): RunResult {
  const judged = subjects.map((subject): Judged => {
    const situation = { ...subject.situation, guest };
    return { subject, start: startsOn(situation) };
  });
  const lines = judged.flatMap((one, at) => [...(at === 0 ? [] : [""]), ...hostLines(one)]);
  return {
    lines: [...(judged.length > 1 ? [headLine(judged, guest), ""] : []), ...lines, ...caveatLines(subjects)],
    json: {
      format: "vmxlens-guest/1",
      guest: guestJson(guest),
      hosts: judged.map(({ subject, start }) => ({ subject: comparedJson(subject), ...startJson(start) })),
    },
    exitCode: judged.every(({ start }) => start.starts === "yes") ? 0 : 1,
  };
}

function guestJson({ format, name, model, features, strict, emulated, line }: GuestCpu) {
  return {
    format,
    name: name ?? null,
    model: model ?? null,
    features: Object.fromEntries(features),
    strict,
    emulated,
    line,
  };
}

function startJson({ starts, loads, asksVmx, features, unknownNames, unknownModel }: GuestStart) {
  return {
    starts,
    loads,
    asksVmx,
    required: features.filter(({ required }) => required).length,
    features: features
      .filter(({ given }) => given !== "yes")
      .map(({ name, kind, given, required, ofModel, lostAt }) => ({
        name,
        kind,
        given,
        required,
        ofModel,
        lostAt: lostAt ?? null,
      })),
    unknownNames,
    unknownModel,
  };
}

function headLine(judged: readonly Judged[], guest: GuestCpu): string {
  const labels = (starts: Tri) =>
    judged.filter((one) => one.start.starts === starts).map(({ subject }) => subject.label);
  const parts = [
    ["yes", "starts on"],
    ["no", "not on"],
    ["unknown", "not known whether on"],
  ].flatMap(([starts, words]) => {
    const on = labels(starts as Tri);
    return on.length === 0 ? [] : [`${words} ${on.length === judged.length ? "all" : listed(on)}`];
  });
  return `${guestText(guest, judged[0]?.start.asksVmx ?? false)} ${parts.join("; ")}.`;
}

function hostLines({ subject, start }: Judged): string[] {
  const { guest, starts, loads, unknownNames } = start;
  const lines = [startText(start, underKernel(subject))];
  if (guest.emulated || loads === "no") return lines;
  const missing = missingOf(start);
  const fatal = missing.filter(({ required }) => required);
  const lost = missing.filter(({ required }) => !required);
  if (lost.length > 0) {
    lines.push(
      `${fatal.length > 0 ? "Besides, it would start" : "It starts"} without ${countText(lost)}: ${namesText(lost)}.`,
    );
  }
  if (starts !== "unknown" && unknownNames.length > 0) lines.push(`Unknown here: ${listed(unknownNames)}.`);
  if (missing.length > 0) lines.push("", ...missing.map(missingLine));
  if (fatal.length > 0) lines.push("", "To start it there, take these out of its CPU:", ...removals(guest, fatal));
  return lines;
}

const LOST: { readonly [L in SetLayer]: string } = {
  silicon: "the CPU lacks it",
  kvm: "KVM there does not use it",
  nested: "KVM there keeps it for itself",
};

function missingLine({ name, kind, required, ofModel, lostAt, forbidden }: WantedFeature): string {
  const from = ofModel ? "of the model" : "named";
  const why = forbidden
    ? "the host has it, and the configuration forbids it"
    : lostAt !== undefined
      ? LOST[lostAt]
      : kind === "CPUID"
        ? "the CPU lacks it"
        : name === "vmx"
          ? "KVM offers guests no VMX (kvm_intel.nested)"
          : "KVM there does not offer it";
  return `  ${required ? "required" : "wanted  "}  ${kind.padEnd(5)}  ${name.padEnd(24)}  ${why} (${from})`;
}

/** The lines that take features out, as each program writes them. */
function removals(guest: GuestCpu, fatal: readonly WantedFeature[]): string[] {
  const names = fatal.filter(({ forbidden }) => forbidden === undefined).map(({ name }) => name);
  if (names.length === 0) return ["  the policy 'forbid'"];
  switch (guest.format) {
    case "libvirt":
      return names.map((name) => `  <feature policy='disable' name='${name}'/>`);
    case "kubevirt":
      return names.flatMap((name) => [`  - name: ${name}`, "    policy: disable"]);
    case "proxmox":
      return [`  args: ${cpuText(guest, names)}`];
    default:
      return [`  ${cpuText(guest, names)}`];
  }
}

/** The CPU as it was asked for, without what the host does not give. */
function cpuText({ model, features, strict }: GuestCpu, without: readonly string[]): string {
  const kept = [...features].filter(([name]) => !without.includes(name));
  const items = kept.map(([name, state]) => `${name}=${state === "off" || state === "forbidden" ? "off" : "on"}`);
  return [
    "-cpu",
    [model ?? "host", ...items, ...without.map((name) => `${name}=off`), ...(strict ? ["enforce"] : [])].join(","),
  ].join(" ");
}

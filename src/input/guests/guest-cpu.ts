import { checkText } from "../../bits/misuse.js";
import { cleanLine } from "../text/clean-line.js";
import { xmlScanner } from "../text/xml-scan.js";
import { guestFromCpuText, LIBVIRT_POLICIES } from "./cpu-text.js";
import { kubevirtGuests } from "./kubevirt-vm.js";

/** What the configuration of a guest says about one CPU feature. */
export type GuestFeature = "on" | "off" | "optional" | "forbidden";

/** The CPU that a guest is configured with, whatever program is asked for it. */
export interface GuestCpu {
  readonly format: "libvirt" | "qemu" | "proxmox" | "kubevirt";
  /** What the guest is called, where the text says it. */
  readonly name?: string;
  /** A model by QEMU's or libvirt's name, or `host` for what the host has; without one the program's default counts. */
  readonly model?: string;
  /** Features by the names that are written there. */
  readonly features: ReadonlyMap<string, GuestFeature>;
  /** The guest does not start without a feature that is on; else it starts with less. */
  readonly strict: boolean;
  /** The model is the least that it gets: it has every other feature of the host, too (libvirt's `match='minimum'`). */
  readonly minimum?: true;
  /** It runs without KVM, so the host does not matter. */
  readonly emulated: boolean;
  /** The line on which it begins; from 1. */
  readonly line: number;
}

const ELEMENTS: ReadonlySet<string> = new Set(["domain", "domainCapabilities", "name", "cpu", "model", "feature"]);
const MOST_GUESTS = 64;
const LONGEST = 8_000_000;

/**
 * The guests whose configuration is in a text: domains of libvirt (`virsh dumpxml`), command lines of QEMU or what is behind
 * `-cpu`, Proxmox's `qm config`, and virtual machines of KubeVirt as YAML or JSON. Never throws on any text.
 *
 * @example
 * import { readGuests } from "vmxlens/input";
 *
 * const [guest] = readGuests("qemu-system-x86_64 -enable-kvm -cpu Skylake-Server-IBRS,vmx=on,enforce");
 * guest?.model; // "Skylake-Server-IBRS"
 * guest?.strict; // true
 */
export function readGuests(text: string): readonly GuestCpu[] {
  checkText(text, "text");
  if (text.length > LONGEST) return [];
  const lines = text.split("\n").map((line) => cleanLine(line).text);
  const found = [
    ...libvirtGuests(lines),
    ...settingGuests(lines),
    ...kubevirtGuests(lines),
    ...proxmoxGuests(lines),
    ...commandLines(lines),
  ];
  return found.sort((a, b) => a.line - b.line).slice(0, MOST_GUESTS);
}

// ---- libvirt ----

function libvirtGuests(lines: readonly string[]): GuestCpu[] {
  const found: GuestCpu[] = [];
  let domain: { name?: string; emulated: boolean; line: number; judged?: true; fragment?: true } | undefined;
  let cpu:
    | { mode: string; check?: string; match?: string; model?: string; features: Map<string, GuestFeature> }
    | undefined;
  let inside: string | undefined;
  const scanner = xmlScanner((name) => ELEMENTS.has(name), {
    open(name, attributes, at) {
      if (name === "domainCapabilities") inside = name;
      if (inside !== undefined) return;
      if (name === "domain" && attributes.size > 0) {
        domain = { emulated: attributes.get("type") === "qemu", line: at.line };
      } else if (name === "cpu" && (domain !== undefined || isGuestCpu(attributes))) {
        // A fragment of a domain, as people quote it.
        domain ??= { emulated: false, line: at.line, fragment: true };
        const [check, match] = [attributes.get("check"), attributes.get("match")];
        cpu = {
          mode: attributes.get("mode") ?? "custom",
          ...(check === undefined ? {} : { check }),
          ...(match === undefined ? {} : { match }),
          features: new Map(),
        };
      } else if (name === "feature" && cpu !== undefined) {
        const feature = attributes.get("name");
        const policy = LIBVIRT_POLICIES[attributes.get("policy") ?? "require"];
        if (feature !== undefined && policy !== undefined) cpu.features.set(feature, policy);
      }
    },
    close(name, text) {
      if (name === "domainCapabilities") inside = undefined;
      if (domain === undefined || inside !== undefined) return;
      if (name === "name" && cpu === undefined && domain.name === undefined && text !== "") domain.name = text;
      if (name === "model" && cpu !== undefined && text !== "") cpu.model = text;
      if (name === "cpu" && cpu !== undefined) {
        const { mode, check, match, model, features } = cpu;
        const host =
          mode === "host-passthrough" || mode === "maximum" || (mode === "host-model" && model === undefined);
        const chosen = host ? "host" : model;
        found.push({
          format: "libvirt",
          ...(domain.name === undefined ? {} : { name: domain.name }),
          ...(chosen === undefined ? {} : { model: chosen }),
          features,
          strict: mode !== "host-passthrough" && mode !== "maximum" && check !== "none" && match !== "minimum",
          ...(mode === "custom" && match === "minimum" ? { minimum: true } : {}),
          emulated: domain.emulated,
          line: domain.line,
        });
        cpu = undefined;
        domain.judged = true;
        if (domain.fragment) domain = undefined;
      }
      if (name !== "domain" || domain === undefined) return;
      const { emulated, line, judged } = domain;
      const called = domain.name === undefined ? {} : { name: domain.name };
      if (!judged) found.push({ format: "libvirt", ...called, features: new Map(), strict: false, emulated, line });
      domain = undefined;
    },
    comment() {},
  });
  for (const [at, line] of lines.entries()) scanner.line(line, at + 1);
  return found;
}

/** A host's CPU has no mode. */
function isGuestCpu(attributes: ReadonlyMap<string, string>): boolean {
  return /^(?:custom|host-model|host-passthrough|maximum)$/.test(attributes.get("mode") ?? "");
}

// ---- Settings of programs that drive libvirt ----

/** `guest.cpu.mode=custom` of CloudStack, `cpu_mode = host-passthrough` of Nova and Vagrant. */
const SETTING =
  /^\s{0,24}(?:[\w-]{1,20}\.){0,2}cpu[._](mode|models?)\s{0,4}[=:]\s{0,4}["']?(custom|host-model|host-passthrough|maximum|none|[A-Za-z][\w.-]{2,40})["']?,?\s*$/;

function settingGuests(lines: readonly string[]): GuestCpu[] {
  let mode: string | undefined;
  let model: string | undefined;
  let line = 0;
  for (const [at, text] of lines.entries()) {
    const found = SETTING.exec(text);
    if (found === null) continue;
    if (line === 0) line = at + 1;
    if (found[1] === "mode") mode ??= found[2];
    else model ??= found[2];
  }
  const host = mode !== undefined && /^(?:host-|maximum)/.test(mode);
  // A mode alone that is none of the host's names no CPU.
  if (mode === undefined || mode === "none" || (!host && model === undefined)) return [];
  return [
    {
      format: "libvirt",
      ...(host ? { model: "host" } : model === undefined ? {} : { model }),
      features: new Map(),
      strict: !host,
      emulated: false,
      line,
    },
  ];
}

// ---- QEMU ----

const CPU_OPTION = /(?:^|[\s"'`])--?cpu[ =]{1,4}(?:'([^']{1,4000})'|"([^"]{1,4000})"|([^\s'"\\]{1,4000}))/;
/** Prose that speaks of the option: `add +vmx to the -cpu args`; or QEMU's list of models is asked for. */
const NO_MODEL =
  /^(?:help|\?|arg(?:ument)?s?|options?|flags?|param(?:eter)?s?|settings?|models?|types?|lines?|names?|values?|and|or|to|is|the|with|in|for|from)[.,:;)]?$/i;
const KVM = /-enable-kvm\b|accel[= ]kvm\b|[,=]kvm\b/;
const TCG = /-accel tcg\b|accel=tcg\b/;

/** Each command line, which may go over several lines with `\` at their ends. */
function commandLines(lines: readonly string[]): GuestCpu[] {
  const found: GuestCpu[] = [];
  let at = 0;
  while (at < lines.length) {
    const first = at;
    let whole = lines[at] ?? "";
    while (/\\\s*$/.test(lines[at] ?? "") && at - first < 400 && whole.length < 40_000) {
      at++;
      whole = `${whole.replace(/\\\s*$/, "")} ${(lines[at] ?? "").trim()}`;
    }
    at++;
    const option = CPU_OPTION.exec(whole);
    // Without quotes it may end a sentence.
    const text = settingOf(
      option?.[1] ?? option?.[2] ?? option?.[3]?.replace(/[.,;:!?]{1,4}$|(?<!\$\(\w{1,40})\)$/, ""),
      lines,
    );
    // `args:` of Proxmox belongs to its own format.
    if (text === undefined || NO_MODEL.test(text) || /^\s*args:/.test(whole)) continue;
    // With two dashes other programs have it, too, and people who speak of it.
    if (/(?:^|[\s"'`])--cpu[ =]/.test(whole) && !/\bqemu|\bkvm\b/i.test(whole)) continue;
    const name = /-name (?:guest=)?([\w.-]{1,80})/.exec(whole)?.[1];
    found.push({
      ...guestFromCpuText(text),
      format: "qemu",
      ...(name === undefined ? {} : { name }),
      emulated: TCG.test(whole) && !KVM.test(whole),
      line: first + 1,
    });
  }
  return found;
}

/** What a variable of a script or a Makefile is set to, where it is the whole CPU option; of several the longest. */
function settingOf(text: string | undefined, lines: readonly string[]): string | undefined {
  const name = text === undefined ? undefined : /^\$[({]?(\w{1,40})[)}]?$/.exec(text)?.[1];
  if (name === undefined) return text;
  const values = lines.flatMap((line) => {
    const [, variable, value] =
      /^\s{0,16}(?:export |local )?(\w{1,40})\s{0,4}[?:+]?=\s{0,4}["']?([\w.,=+-]{2,4000})/.exec(line) ?? [];
    return variable === name && value !== undefined ? [value] : [];
  });
  return values.sort((a, b) => b.length - a.length)[0] ?? text;
}

// ---- Proxmox ----

const PROXMOX_KEY =
  /^(?:\S+:\s?)?(agent|args|balloon|bios|boot|cores|cpu|kvm|machine|memory|name|numa|ostype|scsihw|smbios1|sockets|vmgenid|scsi\d+|net\d+|ide\d+|sata\d+|virtio\d+): ?(.{0,4000})$/;
/** Lines that only the configuration of a machine of Proxmox has. */
const PROXMOX_OWN: readonly string[] = ["ostype", "scsihw", "vmgenid", "smbios1", "sockets", "balloon"];
/** Values that only Proxmox writes so: a part of the configuration is enough. */
const PROXMOX_VALUES: readonly (readonly [key: RegExp, value: RegExp])[] = [
  [/^cpu$/, /^[\w.-]{2,40},(?:flags|hidden|phys-bits|reported-model|hv-vendor-id)=/],
  [/^args$/, /^-cpu /],
  [/^boot$/, /^order=/],
  [/^net\d/, /^(?:virtio|e1000|vmxnet3|rtl8139)=[0-9A-F]{2}:/i],
  [/^(?:scsi|ide|sata|virtio)\d/, /^[\w-]{1,40}:(?:\d{1,9}\/)?(?:vm|base)-\d/],
];
/** A command that shows the CPU alone. */
const PROXMOX_ASKED = /\bqm config \d{1,9} ?\| ?e?grep (?:-\w{1,3} )?["'^]{0,2}cpu/;
/** What Proxmox gives a machine whose configuration names no CPU. */
const PROXMOX_DEFAULT = "kvm64";

function proxmoxGuests(lines: readonly string[]): GuestCpu[] {
  const found: GuestCpu[] = [];
  let keys = new Map<string, { readonly value: string; readonly line: number }>();
  const close = (): void => {
    const own =
      PROXMOX_OWN.some((key) => keys.has(key)) ||
      [...keys].some(([key, { value }]) => PROXMOX_VALUES.some((row) => row[0].test(key) && row[1].test(value)));
    const first = [...keys.values()][0];
    if (own && keys.size >= 3 && first !== undefined) found.push(proxmoxGuest(keys, first.line));
    keys = new Map();
  };
  for (const [at, line] of lines.entries()) {
    if (PROXMOX_ASKED.test(lines[at - 1] ?? "") && /^cpu: ?\S/.test(line))
      found.push(proxmoxGuest(new Map([["cpu", { value: line.slice(4).trim(), line: at + 1 }]]), at + 1));
    const key = PROXMOX_KEY.exec(line);
    if (key === null) {
      if (line.trim() !== "" && !/^[#[]|^\w[\w.-]{0,40}: /.test(line)) close();
      continue;
    }
    const [, name, value] = key as unknown as [string, string, string];
    if (keys.has(name)) close();
    keys.set(name, { value: value.trim(), line: at + 1 });
  }
  close();
  return found;
}

const ofHost = (cpu: string): boolean => /^(?:cputype=)?(?:host|max)$/.test(cpu);

function proxmoxGuest(
  keys: ReadonlyMap<string, { readonly value: string; readonly line: number }>,
  line: number,
): GuestCpu {
  const [cpu = PROXMOX_DEFAULT, ...settings] = (keys.get("cpu")?.value ?? PROXMOX_DEFAULT).split(",");
  const features = new Map<string, GuestFeature>();
  for (const flag of settings.flatMap((one) => /^flags=(.*)$/.exec(one)?.[1]?.split(";") ?? [])) {
    const sign = /^([+-])([\w.-]{1,60})$/.exec(flag.trim());
    if (sign !== null) features.set(sign[2] as string, sign[1] === "+" ? "on" : "off");
  }
  const args = keys.get("args")?.value ?? "";
  const option = CPU_OPTION.exec(args);
  // The last -cpu of a command line counts, and args come last.
  const own = option === null ? undefined : guestFromCpuText((option[1] ?? option[2] ?? option[3]) as string);
  const name = keys.get("name")?.value;
  return {
    format: "proxmox",
    ...(name === undefined || name === "" ? {} : { name }),
    ...(own ?? { model: ofHost(cpu) ? "host" : cpu.replace(/^cputype=/, ""), features, strict: !ofHost(cpu) }),
    emulated: keys.get("kvm")?.value === "0",
    line,
  };
}

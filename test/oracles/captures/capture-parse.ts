import { CPU_FEATURES, type CpuFacts } from "../../../src/host/host.js";
import { factsFromCpuid, vendorFromCpuid } from "../../../src/input/hosts/cpuid-facts.js";
import { type Release, resolveRelease } from "../../../src/rules/release.js";

/*
 * A capture: the serial console of a real kernel booted on an emulated CPU, with parts between `=== BEGIN name ===` and
 * `=== END name ===`. Parsing keeps what the replay can be held against.
 */

/** What a capture says of a machine and of what Linux made of it. */
export interface Capture {
  readonly name: string;
  readonly release: Release;
  readonly vendor: string;
  readonly cpus: readonly CapturedCpu[];
  /** VMX and SGX lines of the boot log. */
  readonly bootMessages: readonly string[];
  readonly scenarios: readonly Scenario[];
}

export interface CapturedCpu {
  readonly signature: number;
  readonly cpuid: CpuFacts;
  /** By index in hex; null: reading faults. IA32_FEAT_CTL is the value before the kernel came, as far as known. */
  readonly msrs: Readonly<Record<string, string | null>>;
  /** IA32_FEAT_CTL after boot. */
  readonly featCtl: string | null;
  /** The `flags` line, reduced to what boot decides because of VMX. */
  readonly flags: readonly string[];
  /** The `vmx flags` line; null without one. */
  readonly vmxFlags: string | null;
  /** Memory from where cpuinfo_x86.vmx_capability[] lies in 6.1. */
  readonly words?: readonly string[];
}

/** One loading of kvm and kvm_intel. */
export interface Scenario {
  readonly name: string;
  readonly given: { readonly kvm: Record<string, string>; readonly kvm_intel: Record<string, string> };
  /** What insmod returned: 0, or an errno. */
  readonly exit: number;
  /** After loading, by module. */
  readonly params: { readonly kvm: Record<string, string>; readonly kvm_intel: Record<string, string> };
  /** Lines of the log during the load that come from kvm or kvm_intel. */
  readonly messages: readonly string[];
  /** struct vmcs_config from memory, as 32-bit words by offset. */
  readonly vmcsConfig?: Readonly<Record<number, string>>;
  readonly capability?: { readonly ept: string; readonly vpid: string };
  /** KVM_GET_MSRS on /dev/kvm for 0x480 to 0x491, by index in hex; empty when it offers none. */
  readonly features?: Readonly<Record<string, string>>;
}

const FLAGS = ["vmx", "tpr_shadow", "vnmi", "flexpriority", "ept", "vpid", "ept_ad", "sgx", "sgx_lc"];

/** Parses the text of a capture. Throws when a part that every capture has is missing. */
export function parseCapture(name: string, text: string): Capture {
  const parts = partsOf(text);
  const need = (part: string): readonly string[] => {
    const lines = parts.get(part);
    if (lines === undefined) throw new Error(`${name}: there is no part "${part}"`);
    return lines;
  };
  const uname = /^Linux \S+ (\S+) /m.exec(need("uname").join("\n"))?.[1] ?? "";
  // `uname -v` has the stable release that a distribution's kernel is: 5.10.0-32-amd64 is Debian 5.10.223-1.
  const debian = /Debian (\d+\.\d+\.\d+)-/.exec(need("uname").join("\n"))?.[1];
  const { release } = resolveRelease(debian ?? uname);
  if (release === undefined) throw new Error(`${name}: "${uname}" is no kernel release`);
  const tscKhz = tscOf(text);
  const infos = need("cpuinfo").join("\n").trim().split(/\n\n+/);
  const words = capabilityWords(parts);
  const cpus = infos.map((info, cpu): CapturedCpu => {
    const leaves = leavesOf(need(`cpuid-cpu${cpu}`));
    const lookup = (leaf: number, subleaf: number) => leaves.get(`${leaf}:${subleaf}`);
    const all = msrsOf(need("msrs"), cpu);
    const featCtl = all["0x3a"] ?? null;
    const line = (label: string) => new RegExp(`^${label}\\s*: (.*)$`, "m").exec(info)?.[1];
    return {
      signature: lookup(1, 0)?.eax ?? 0,
      cpuid: completeFacts(factsFromCpuid(lookup), tscKhz),
      msrs: name.includes("featctl-unlocked") ? { ...all, "0x3a": "0x0" } : all,
      featCtl,
      flags: (line("flags") ?? "").split(" ").filter((flag) => FLAGS.includes(flag)),
      vmxFlags: line("vmx flags")?.trim() ?? null,
      ...(words === undefined || cpu > 0 ? {} : { words }),
    };
  });
  const cpuid0 = leavesOf(need("cpuid-cpu0"));
  return {
    name,
    release,
    vendor: vendorFromCpuid((leaf, subleaf) => cpuid0.get(`${leaf}:${subleaf}`)) ?? "",
    cpus,
    bootMessages: need("dmesg-boot")
      .map(withoutTime)
      .filter((message) => /^x86\/cpu: (VMX|SGX)/.test(message)),
    scenarios: scenariosOf(text, parts),
  };
}

function partsOf(text: string): ReadonlyMap<string, readonly string[]> {
  const parts = new Map<string, string[]>();
  for (const [, name, body] of text.matchAll(/^=== BEGIN (?!scenario )(.*?) ===\n([\s\S]*?)^=== END \1 ===$/gm)) {
    parts.set(name as string, (body as string).split("\n").slice(0, -1));
  }
  return parts;
}

/** The dump has every leaf that the CPU has, so a feature that is not found is not there. */
function completeFacts(facts: CpuFacts, tscKhz: number): CpuFacts {
  const features = Object.fromEntries(CPU_FEATURES.map((name) => [name, facts.features[name] ?? false]));
  return { cpuid12Eax: 0, ...facts, features, tscKhz };
}

const withoutTime = (line: string) => line.replace(/^\[ *\d+\.\d+\] /, "");

/** The frequency that the kernel settled on before the module was loaded. */
function tscOf(text: string): number {
  for (const pattern of [
    /Refined TSC clocksource calibration: (\d+)\.(\d{3}) MHz/,
    /tsc: Detected (\d+)\.(\d{3}) MHz TSC/,
    /tsc: Detected (\d+)\.(\d{3}) MHz processor/,
  ]) {
    const found = pattern.exec(text);
    if (found !== null) return Number(found[1]) * 1000 + Number(found[2]);
  }
  return 0;
}

function leavesOf(lines: readonly string[]) {
  const leaves = new Map<string, { eax: number; ebx: number; ecx: number; edx: number }>();
  const pattern = /^cpuid (0x[0-9a-f]+) (0x[0-9a-f]+): eax=(\w+) ebx=(\w+) ecx=(\w+) edx=(\w+)$/;
  for (const line of lines) {
    const found = pattern.exec(line);
    if (found === null) continue;
    const [eax, ebx, ecx, edx] = found.slice(3).map((digits) => Number.parseInt(digits, 16));
    leaves.set(`${Number(found[1])}:${Number(found[2])}`, {
      eax: eax as number,
      ebx: ebx as number,
      ecx: ecx as number,
      edx: edx as number,
    });
  }
  return leaves;
}

/** Registers of VMX and IA32_XSS of one CPU. */
function msrsOf(lines: readonly string[], cpu: number): Record<string, string | null> {
  const msrs: Record<string, string | null> = {};
  for (const line of lines) {
    const found = /^cpu(\d+) msr 0x([0-9a-f]+) \S+ (?:= 0x([0-9a-f]+)|: EIO)$/.exec(line);
    if (found === null || Number(found[1]) !== cpu) continue;
    const index = Number.parseInt(found[2] as string, 16);
    if (index !== 0x3a && index !== 0xda0 && (index < 0x480 || index > 0x493)) continue;
    msrs[`0x${index.toString(16)}`] = found[3] === undefined ? null : trimmed(found[3]);
  }
  return msrs;
}

const trimmed = (digits: string) => `0x${BigInt(`0x${digits}`).toString(16)}`;

function capabilityWords(parts: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const lines = parts.get("vmx-capability-words") ?? parts.get("kvmconf plain") ?? [];
  const words = lines.flatMap((line) => {
    const found = /^boot_cpu_data\.vmx_capability\[\d\] = 0x([0-9a-f]+)$/.exec(line);
    return found === null ? [] : [trimmed(found[1] as string)];
  });
  return words.length === 0 ? undefined : words;
}

function scenariosOf(text: string, parts: ReadonlyMap<string, readonly string[]>): Scenario[] {
  const scenarios: Scenario[] = [];
  const blocks = text.split(/^=== BEGIN scenario /m).slice(1);
  for (const block of blocks) {
    const name = /^(.*?) ===$/m.exec(block)?.[1] ?? "";
    const given = (module: string) =>
      argumentsOf(new RegExp(`^${module} arguments: (.*)$`, "m").exec(block)?.[1] ?? "");
    const exit = /^insmod kvm-intel .*-> exit (\d+)$/m.exec(block)?.[1];
    if (exit === undefined) continue;
    const config = vmcsConfigOf(parts.get(`kvmconf ${name}`));
    const features = parts.get(`kvmfeat ${name}`);
    const log = (parts.get(`dmesg-load ${name}`) ?? []).map(withoutTime).filter((line) => /^kvm(_intel)?: /.test(line));
    scenarios.push({
      name,
      given: { kvm: given("kvm"), kvm_intel: given("kvm_intel") },
      exit: Number(exit),
      params: { kvm: paramsOf(parts, name, "kvm"), kvm_intel: paramsOf(parts, name, "kvm_intel") },
      // insmod tries twice when loading fails, so everything is printed twice.
      messages: exit === "0" ? log : log.slice(0, log.length / 2),
      ...config,
      ...(features === undefined ? {} : { features: featuresOf(features) }),
    });
  }
  return scenarios;
}

function argumentsOf(text: string): Record<string, string> {
  const pairs = text.split(" ").filter((word) => word !== "");
  return Object.fromEntries(pairs.map((pair) => pair.split("=") as [string, string]));
}

function paramsOf(parts: ReadonlyMap<string, readonly string[]>, name: string, module: string): Record<string, string> {
  const found = (parts.get(`params ${name}`) ?? []).flatMap((line) => {
    const match = /^(kvm|kvm_intel)\/parameters\/(\S+) = (.*)$/.exec(line);
    return match === null || match[1] !== module ? [] : [[match[2] as string, match[3] as string]];
  });
  return Object.fromEntries(found) as Record<string, string>;
}

/** The labels are those of 6.1 whatever the release, so only their widths count: the memory is dumped in order. */
function vmcsConfigOf(lines: readonly string[] | undefined): Pick<Scenario, "vmcsConfig" | "capability"> {
  if (lines === undefined) return {};
  const vmcsConfig: Record<number, string> = {};
  const capability: Record<string, string> = {};
  let offset = 0;
  for (const line of lines) {
    const found = /^(vmcs_config|vmx_capability)\.(\S+) = 0x([0-9a-f]+)$/.exec(line);
    if (found === null) continue;
    const [, structure, label, digits] = found as unknown as [string, string, string, string];
    if (structure === "vmx_capability") capability[label] = trimmed(digits);
    else {
      // A 64-bit value has its low word first in memory.
      for (let end = digits.length; end > 0; end -= 8, offset += 4) {
        vmcsConfig[offset] = trimmed(digits.slice(end - 8, end));
      }
    }
  }
  return { vmcsConfig, capability: capability as { ept: string; vpid: string } };
}

function featuresOf(lines: readonly string[]): Record<string, string> {
  const found = lines.flatMap((line) => {
    const match = /^feature msr 0x0*([0-9a-f]+) = 0x([0-9a-f]+)$/.exec(line);
    if (match === null) return [];
    const index = Number.parseInt(match[1] as string, 16);
    return index >= 0x480 && index <= 0x493 ? [[`0x${match[1]}`, trimmed(match[2] as string)]] : [];
  });
  return Object.fromEntries(found) as Record<string, string>;
}

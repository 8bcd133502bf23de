import { CPUID_FEATURES, type CpuidFeature, qemuNameOf } from "../../registers/cpuid-features.js";
import { type CpuidRegisters, factsFromCpuid, nameFromCpuid, vendorFromCpuid } from "../hosts/cpuid-facts.js";
import { signatureFromCpuinfo } from "../hosts/cpuinfo.js";
import type { CpuStatement, FactSink } from "../hosts/evidence.js";
import { featureBitAt, featureBits, offered } from "../hosts/feature-bits.js";
import type { XmlReader } from "../hosts/reader.js";
import type { Place } from "../text/diagnostic.js";
import type { XmlHandler } from "../text/xml-scan.js";

/** libvirt's XML: its CPUID and MSR data, CPU definitions of hosts and guests, domain capabilities. */
export const libvirtXml: XmlReader = {
  kind: "xml",
  name: "libvirt",
  knows:
    "libvirt XML: masks of the named VMX bits that QEMU and KVM offer (cpudata, host-model of the domain capabilities, CPU " +
    "definitions), which is the nested view and not the CPU; CPUID of the host where it is raw; CPUID features, signature " +
    "and microcode of the capabilities. A feature that is not listed may be there. A domain's CPU is one guest's.",
  elements: [
    "cpudata",
    "cpuid",
    "msr",
    "capabilities",
    "host",
    "domainCapabilities",
    "domain",
    "domstatus",
    "mode",
    "cpu",
    "model",
    "vendor",
    "feature",
    "signature",
    "microcode",
  ],
  open: openXml,
};

/** Elements that decide what the ones inside them mean; the others are leaves. */
const CONTAINERS = new Set([
  "cpudata",
  "capabilities",
  "host",
  "domainCapabilities",
  "domain",
  "domstatus",
  "mode",
  "cpu",
]);
const MAX_DEPTH = 32;
const MAX_LEAVES = 512;

/** Control words were in the lower half up to libvirt 11.3 and are in the upper one since. */
const ONE_HALF = new Set([0x48b, 0x48d, 0x48e, 0x48f, 0x490]);

/** libvirt's names of the CPUID features that a host has; most are QEMU's. */
const CPUID_NAMES: { readonly [name: string]: CpuidFeature } = {
  ...Object.fromEntries(
    CPUID_FEATURES.flatMap((row) => [
      [row.name, row.name],
      [qemuNameOf(row) ?? row.name, row.name],
    ]),
  ),
  pclmuldq: "pclmulqdq",
  "sgx-lc": "sgx_lc",
};

type Meaning = "nested" | "host" | "guest" | "none";

function openXml(sink: FactSink): XmlHandler & { claims: () => number; end: () => void } {
  let claims = 0;
  const stack: { readonly name: string; readonly attributes: ReadonlyMap<string, string> }[] = [];
  let comment = "";
  let emulated = false;
  let cpudata: Cpudata | undefined;
  let signature: { family?: number; model?: number; stepping?: number } | undefined;
  let notedDefinition = false;

  const within = (name: string): ReadonlyMap<string, string> | undefined =>
    stack.findLast((element) => element.name === name)?.attributes;
  const meaning = (): Meaning => {
    if (within("domain") !== undefined || within("domstatus") !== undefined) return "guest";
    const mode = within("mode");
    if (mode !== undefined) {
      const offers = mode.get("name") === "host-model" || mode.get("name") === "maximum";
      return offers ? (emulated ? "guest" : "nested") : "none";
    }
    const cpu = within("cpu");
    if (cpu === undefined) return "none";
    if (within("host") !== undefined) return "host";
    // A check attribute, or a mode without a model of its own, belongs to the definition of a guest.
    const guest = cpu.has("check") || (cpu.has("mode") && cpu.get("mode") !== "custom");
    return guest ? "guest" : "nested";
  };

  const feature = (attributes: ReadonlyMap<string, string>, at: Place): void => {
    const name = attributes.get("name");
    const policy = attributes.get("policy");
    if (name === undefined) return;
    const what = meaning();
    if (what === "host") {
      claims++;
      const known = Object.hasOwn(CPUID_NAMES, name) ? CPUID_NAMES[name] : undefined;
      // The list holds what the CPU has beyond its model, so only a name that is there proves something.
      if (known !== undefined && policy !== "disable") sink.cpu("unnamed", { features: { [known]: true } }, at);
      return;
    }
    if (!name.startsWith("vmx-")) return;
    claims++;
    const yes = policy === "require" || policy === "force" || policy === undefined;
    if (!yes && policy !== "disable" && policy !== "forbid") return;
    if (what === "guest") sink.guest(`feature ${name}`, policy ?? "listed", at);
    if (what !== "nested") return;
    const bits = featureBits("libvirt", name);
    const known = bits.length > 0 ? bits : featureBits("qemu", name);
    if (known.length === 1) for (const bit of known) sink.nested(bit.index, offered(bit, yes), at);
    if (within("mode") === undefined && !notedDefinition) {
      notedDefinition = true;
      sink.log.note(
        at,
        "a CPU definition alone may be what libvirt found that QEMU and KVM offer, or what a user asked for; it is treated as the former",
      );
    }
  };

  const leaf = (name: string, attributes: ReadonlyMap<string, string>, at: Place): void => {
    if (name === "feature") feature(attributes, at);
    else if (name === "cpuid" && cpudata !== undefined) takeCpuid(cpudata, attributes);
    else if (name === "msr" && cpudata !== undefined) {
      claims++;
      takeMask(sink, cpudata, attributes, at);
    } else if (name === "signature" && meaning() === "host") {
      const [family, model, stepping] = ["family", "model", "stepping"].map((key) => integer(attributes.get(key)));
      signature = {
        ...(family === undefined ? {} : { family }),
        ...(model === undefined ? {} : { model }),
        ...(stepping === undefined ? {} : { stepping }),
      };
      const eax = signatureFromCpuinfo({ cpu: 0, flags: new Set(), ...signature });
      if (eax !== undefined) sink.cpu("unnamed", { signature: eax }, at);
      claims++;
    } else if (name === "microcode" && meaning() === "host") {
      const microcode = integer(attributes.get("version"));
      if (microcode !== undefined && microcode > 0) sink.cpu("unnamed", { microcode }, at);
      claims++;
    }
  };

  const closeCpudata = (): void => {
    if (cpudata !== undefined) {
      rawCpuid(sink, cpudata);
      offeredMasks(sink, cpudata);
    }
    cpudata = undefined;
  };

  return {
    open(name, attributes, at) {
      // The domain type of the domain capabilities is an element of the same name without attributes.
      if (name === "domain" && within("domainCapabilities") !== undefined) return;
      if (!CONTAINERS.has(name)) {
        leaf(name, attributes, at);
        return;
      }
      if (stack.length >= MAX_DEPTH) stack.shift();
      stack.push({ name, attributes });
      if (name === "domainCapabilities") emulated = false;
      if (name === "cpudata") {
        closeCpudata();
        cpudata = { at, said: saidBy(comment), leaves: new Map(), masks: [] };
        claims++;
      }
    },
    close(name, text, at) {
      if (name === "domain" && within("domainCapabilities") !== undefined) {
        emulated = text !== "kvm" && text !== "";
        return;
      }
      if (name === "vendor" && meaning() === "host" && text === "Intel") sink.machine({ vendor: "GenuineIntel" }, at);
      if (name === "cpudata") closeCpudata();
      if (!CONTAINERS.has(name)) return;
      const position = stack.findLastIndex((element) => element.name === name);
      if (position >= 0) stack.length = position;
    },
    comment(text) {
      comment = text;
    },
    claims: () => claims,
    end: closeCpudata,
  };
}

interface Cpudata {
  readonly at: Place;
  /** What the comment above says that the bits are. */
  readonly said: "enabled" | "disabled" | undefined;
  readonly leaves: Map<number, CpuidRegisters>;
  readonly masks: { readonly index: number; readonly hi: number; readonly lo: number; readonly at: Place }[];
}

function saidBy(comment: string): Cpudata["said"] {
  if (/\bdisabled by QEMU\b/i.test(comment)) return "disabled";
  return /\benabled by QEMU\b/i.test(comment) ? "enabled" : undefined;
}

function takeCpuid(cpudata: Cpudata, attributes: ReadonlyMap<string, string>): void {
  const [leaf, subleaf, eax, ebx, ecx, edx] = ["eax_in", "ecx_in", "eax", "ebx", "ecx", "edx"].map((key) =>
    hex32(attributes.get(key)),
  );
  if (leaf === undefined || eax === undefined || ebx === undefined || ecx === undefined || edx === undefined) return;
  const key = leaf * 65_536 + (subleaf ?? 0);
  if (cpudata.leaves.size < MAX_LEAVES && !cpudata.leaves.has(key)) cpudata.leaves.set(key, { eax, ebx, ecx, edx });
}

function takeMask(sink: FactSink, cpudata: Cpudata, attributes: ReadonlyMap<string, string>, at: Place): void {
  const [index, edx, eax] = ["index", "edx", "eax"].map((key) => hex32(attributes.get(key)));
  if (index === undefined || edx === undefined || eax === undefined || index < 0x480 || index > 0x491) return;
  if (cpudata.masks.length >= MAX_LEAVES) return;
  if (!ONE_HALF.has(index)) cpudata.masks.push({ index, hi: edx, lo: eax, at });
  else if (edx === 0 || eax === 0) cpudata.masks.push({ index, hi: (edx | eax) >>> 0, lo: 0, at });
  else {
    const message = `both halves of the mask for MSR 0x${index.toString(16)} are filled; it is not used`;
    sink.log.error(at, message, "eax or edx 0");
  }
}

/** MSR bitmaps, which KVM always offers: a mask with it is not one of what is missing. */
const ALWAYS_OFFERED = { index: 0x48e, bit: 28 } as const;

/** A bit that is not in a mask may only be without a name in that version of libvirt. */
function offeredMasks(sink: FactSink, { at, said, masks }: Cpudata): void {
  if (masks.length === 0) return;
  const enabled = masks.some(({ index, hi }) => index === ALWAYS_OFFERED.index && (hi >>> ALWAYS_OFFERED.bit) & 1);
  if (said === undefined && !enabled) {
    const message = "nothing shows whether these masks are what QEMU enabled or what it did not; they are not used";
    sink.log.warning(at, message, "<!-- Features enabled by QEMU --> above <cpudata>");
    return;
  }
  for (const { index, hi, lo, at: place } of masks) {
    for (let bit = 0; bit < 64; bit++) {
      if (!(((bit < 32 ? lo : hi) >>> (bit & 31)) & 1)) continue;
      const feature = featureBitAt(index, bit);
      if (feature !== undefined) sink.nested(index, offered(feature, said !== "disabled"), place);
    }
  }
}

/** CPUID is the host's own only where it is whole: what QEMU enabled begins with leaf 1 and has no signature. */
function rawCpuid(sink: FactSink, { at, said, leaves, masks }: Cpudata): void {
  const lookup = (leaf: number, subleaf: number): CpuidRegisters | undefined => leaves.get(leaf * 65_536 + subleaf);
  const vendor = vendorFromCpuid(lookup);
  const signature = lookup(1, 0)?.eax;
  if (said !== undefined || masks.length > 0 || vendor === undefined || signature === undefined || signature === 0)
    return;
  const name = nameFromCpuid(lookup);
  sink.machine({ vendor, ...(name === undefined ? {} : { name }) }, at);
  const facts: CpuStatement = { ...factsFromCpuid(lookup), signature };
  sink.cpu("unnamed", facts, at);
}

function hex32(text: string | undefined): number | undefined {
  return text !== undefined && /^0x[0-9a-fA-F]{1,8}$/.test(text) ? Number.parseInt(text, 16) : undefined;
}

function integer(text: string | undefined): number | undefined {
  return text !== undefined && /^(?:0x[0-9a-fA-F]{1,8}|\d{1,9})$/.test(text) ? Number(text) : undefined;
}

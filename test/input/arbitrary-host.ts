import fc from "fast-check";
import { word } from "../../src/bits/word.js";
import { type CoreGroup, CPU_FEATURES, type CpuFacts, type Host } from "../../src/host/host.js";
import { ABSENT, type Msr, UNREAD } from "../../src/host/msr.js";

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const wordArb = fc.tuple(u32, fc.oneof(fc.constant(0), u32)).map(([value, unknown]) => word(value, unknown));
const msr: fc.Arbitrary<Msr> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ state: fc.constant("value" as const), hi: wordArb, lo: wordArb }) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(u32, u32)
      .map(([hi, lo]): Msr => ({ state: "value", hi: word(0, hi), lo: word(0, lo), mayBeAbsent: true })),
  },
  { weight: 1, arbitrary: fc.constant(ABSENT) },
  { weight: 1, arbitrary: fc.constant(UNREAD) },
);
const index = fc.oneof(fc.constant(0x3a), fc.integer({ min: 0x480, max: 0x493 }), u32);

const facts: fc.Arbitrary<CpuFacts> = fc.record(
  {
    features: fc.record(Object.fromEntries(CPU_FEATURES.map((f) => [f, fc.boolean()])), { requiredKeys: [] }),
    maxLeaf: u32,
    cpuid0a: fc.record({ eax: u32, ecx: u32, edx: u32 }),
    cpuid12Eax: u32,
    cpuid15: fc.record({ eax: u32, ebx: u32, ecx: u32 }),
    tscKhz: u32,
    physAddrBits: fc.integer({ min: 0, max: 255 }),
    linAddrBits: fc.integer({ min: 0, max: 255 }),
  },
  { requiredKeys: ["features"] },
) as fc.Arbitrary<CpuFacts>;

const msrs = fc
  .uniqueArray(fc.tuple(index, msr), { selector: ([i]) => i, maxLength: 24 })
  .map((pairs) => new Map(pairs));

const core: fc.Arbitrary<CoreGroup> = fc.record(
  {
    coreTypes: fc.uniqueArray(fc.constantFrom("P", "E", "LP-E")),
    logicalCpus: fc.constantFrom("0", "0-3", "0-1,8,10-15"),
    signature: u32,
    microcode: u32,
    msrs,
    cpuid: facts,
  },
  { requiredKeys: ["coreTypes", "msrs", "cpuid"] },
) as fc.Arbitrary<CoreGroup>;

const text = fc.string({ unit: "grapheme", maxLength: 40 });
const params = fc.dictionary(text, text, { noNullPrototype: true });

const names = fc.array(text, { maxLength: 5 });
const observed = fc.record(
  {
    vmxFlags: names,
    cpuFlags: names,
    nestedMsrs: msrs,
    xenFeatures: names,
    messages: names,
    vmx: fc.boolean(),
    modules: fc.record({ kvm: fc.boolean(), kvm_intel: fc.boolean(), kvm_amd: fc.boolean() }, { requiredKeys: [] }),
    loadError: text,
    outer: text,
    arch: text,
  },
  { requiredKeys: [] },
);

/** Any host that the model allows. */
export const anyHost: fc.Arbitrary<Host> = fc.record(
  {
    id: text,
    name: text,
    vendor: text,
    codename: text,
    kernel: text,
    params: fc.record({ kvm: params, kvm_intel: params }, { requiredKeys: [] }),
    paramsAsked: fc.record({ kvm: params, kvm_intel: params }, { requiredKeys: [] }),
    observed,
    source: text,
    cores: fc.array(core, { minLength: 1, maxLength: 4 }),
  },
  { requiredKeys: ["cores"] },
) as unknown as fc.Arbitrary<Host>;

import * as v from "valibot";
import { CPUID_FEATURES, type CpuidFeature } from "../../registers/cpuid-features.js";

/** Value of `format` in every snapshot of this shape. */
export const SNAPSHOT_FORMAT = "vmxlens-snapshot/1";

/** valibot accepts an array as an object, or as a record, whose members may all be missing. JSON does not. */
const notList = v.custom<object>((value) => !Array.isArray(value), "expected an object");

function object<const E extends v.ObjectEntries>(entries: E) {
  return v.pipe(notList, v.strictObject(entries));
}

const hex64 = v.pipe(v.string(), v.regex(/^0x[0-9a-fA-F]{1,16}$/, "expected a hex string of up to 16 digits"));
const hex32 = v.pipe(v.string(), v.regex(/^0x[0-9a-fA-F]{1,8}$/, "expected a hex string of up to 8 digits"));
const cpuList = v.pipe(
  v.string(),
  v.regex(/^[0-9]{1,4}(?:-[0-9]{1,4})?(?:,[0-9]{1,4}(?:-[0-9]{1,4})?)*$/, "expected CPU ranges such as 0-3,8"),
);
const bits = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(255));
const u32 = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xffff_ffff));

const msr = v.pipe(
  v.union(
    [
      hex64,
      v.picklist(["absent", "unknown"]),
      object({ value: hex64, unknown: hex64, mayBeAbsent: v.optional(v.literal(true)) }),
    ],
    'expected a hex string, "absent", "unknown" or {"value", "unknown"}',
  ),
  v.description(
    'The value; "absent" when reading faults; an object when single bits, those set in `unknown`, were not read. ' +
      "With `mayBeAbsent` reading may as well fault, which gives 0 too. " +
      'An MSR that is not listed, or "unknown", was not read at all.',
  ),
);

const features = object(
  Object.fromEntries(CPUID_FEATURES.map(({ name }) => [name, v.optional(v.boolean())])) as {
    [F in CpuidFeature]: v.OptionalSchema<v.BooleanSchema<undefined>, undefined>;
  },
);

const cpuid = object({
  features: v.pipe(
    v.optional(features, {}),
    v.description("CPUID features by the kernel's names. One that is missing is not known."),
  ),
  maxLeaf: v.pipe(v.optional(hex32), v.description("CPUID.0:EAX")),
  cpuid0a: v.pipe(
    v.optional(object({ eax: hex32, ecx: hex32, edx: hex32 })),
    v.description("CPUID.0AH, the performance counters, where all CPUs of the machine agree"),
  ),
  cpuid12Eax: v.pipe(v.optional(hex32), v.description("CPUID.12H.0:EAX")),
  cpuid15: v.pipe(
    v.optional(object({ eax: hex32, ebx: hex32, ecx: hex32 })),
    v.description("CPUID.15H, the TSC to crystal ratio"),
  ),
  tscKhz: v.pipe(v.optional(u32), v.description("TSC frequency in kHz; 0 if the kernel does not know it")),
  physAddrBits: v.pipe(v.optional(bits), v.description("CPUID.80000008H:EAX[7:0]")),
  linAddrBits: v.pipe(v.optional(bits), v.description("CPUID.80000008H:EAX[15:8]")),
});

/** The error for a key that is not an MSR index. */
export const BAD_INDEX = "expected the index of an MSR, a hex string of up to 8 digits";
/** Keys that valibot leaves out of a record without a word. */
export const UNSEEN_KEYS = ["__proto__", "prototype", "constructor"] as const;

const msrs = v.pipe(notList, v.record(v.pipe(v.string(), v.regex(/^0x[0-9a-fA-F]{1,8}$/, BAD_INDEX)), msr));

const core = object({
  coreTypes: v.pipe(
    v.optional(v.array(v.picklist(["P", "E", "LP-E"])), []),
    v.description("Types of the cores in this group; empty if the CPU does not report it"),
  ),
  logicalCpus: v.pipe(v.optional(cpuList), v.description("Numbers of the logical CPUs in this group")),
  signature: v.pipe(v.optional(hex32), v.description("CPUID.1:EAX")),
  microcode: v.pipe(v.optional(hex32), v.description("Microcode revision")),
  msrs: v.pipe(v.optional(msrs, {}), v.description("By MSR index")),
  cpuid: v.optional(cpuid, {}),
});

const names = v.array(v.string());

const observed = object({
  vmxFlags: v.pipe(v.optional(names), v.description("Names on the `vmx flags` line of /proc/cpuinfo")),
  cpuFlags: v.pipe(v.optional(names), v.description("Names on the `flags` line that have to do with VMX")),
  nestedMsrs: v.pipe(v.optional(msrs), v.description("What KVM offers a nested hypervisor, by MSR index")),
  xenFeatures: v.pipe(v.optional(names), v.description("Features of Xen's boot log")),
  messages: v.pipe(v.optional(names), v.description("Kernel messages about VMX, without time stamps")),
  vmx: v.pipe(v.optional(v.boolean()), v.description("Whether `vmx` is among the flags of /proc/cpuinfo")),
  svm: v.pipe(v.optional(v.boolean()), v.description("Whether `svm` is among those flags; false only of a whole list")),
  modules: v.pipe(
    v.optional(
      object({ kvm: v.optional(v.boolean()), kvm_intel: v.optional(v.boolean()), kvm_amd: v.optional(v.boolean()) }),
    ),
    v.description("Whether a module of KVM is loaded"),
  ),
  loadError: v.pipe(
    v.optional(v.string()),
    v.description("Error with which the kernel refused kvm_intel, as EOPNOTSUPP"),
  ),
  arch: v.pipe(v.optional(v.string()), v.description("What uname -m prints, for a machine that is not x86")),
  outer: v.pipe(v.optional(v.string()), v.description("What the machine runs in, as it calls itself")),
});

const params = v.pipe(notList, v.record(v.string(), v.string()));

/** The snapshot as it is in the file. `schema/snapshot.schema.json` is generated from this. */
export const SNAPSHOT_SCHEMA = object({
  $schema: v.optional(v.string()),
  format: v.literal(SNAPSHOT_FORMAT),
  comment: v.pipe(v.optional(v.string()), v.description("Free text, not read")),
  id: v.optional(v.string()),
  name: v.pipe(v.optional(v.string()), v.description("CPUID brand string")),
  vendor: v.pipe(v.optional(v.string()), v.description("CPUID vendor string, twelve characters")),
  codename: v.optional(v.string()),
  kernel: v.pipe(v.optional(v.string()), v.description("Kernel release as uname -r prints it")),
  params: v.pipe(
    v.optional(object({ kvm: v.optional(params), kvm_intel: v.optional(params) })),
    v.description("Module parameters as /sys/module/MODULE/parameters shows them"),
  ),
  paramsAsked: v.pipe(
    v.optional(object({ kvm: v.optional(params), kvm_intel: v.optional(params) })),
    v.description("Module parameters that the kernel's command line or modprobe.d asks for"),
  ),
  observed: v.pipe(
    v.optional(observed),
    v.description("What the machine or a tool reported about later layers; a replay is checked against it"),
  ),
  source: v.pipe(v.optional(v.string()), v.description("Where the facts come from")),
  cores: v.pipe(
    v.array(core),
    v.minLength(1),
    v.description("Groups of logical CPUs that are equal; that of the boot CPU first"),
  ),
});

export type SnapshotFile = v.InferOutput<typeof SNAPSHOT_SCHEMA>;

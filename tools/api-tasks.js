/**
 * What people do with the names of each entry: by these tasks the API reference lists them (tools/typedoc-tasks.js). The
 * table is here, and not in a tag of each docstring, so that an entry can be read at a glance; test/public/names.test.ts
 * holds it to the names.
 */

/** @type {Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>} Entry, task, names. */
export const TASKS = {
  "./registers": {
    "Look up a register or a bit": ["findRegister", "findBits", "REGISTERS", "RegisterRow", "BitRow"],
    "Values and unknown bits": ["U64", "formatU64", "parseHexU64", "fromBigInt", "toBigInt", "Word", "Tri"],
  },
  "./input": {
    "Read a host": ["readHost", "readHostStream", "ReadOptions", "ReadResult", "Diagnostic", "collectScript"],
    "Read a guest": ["readGuests"],
    "Take a CPU from the atlas": ["findCpu", "atlas", "atlasHost", "AtlasEntry"],
    "What is known of a host": ["Host", "CoreGroup", "CpuFacts", "writeSnapshot"],
    "The value of a register": ["Msr", "ABSENT", "UNREAD", "msrValue", "msrBit", "formatMsr"],
    "Decode and check registers": ["decodeCore", "decodeRegister", "DecodedRegister", "findings", "Finding"],
  },
  "./situation": {
    "Say what to replay": ["situation", "Asked", "Situation"],
    "Assume what was not read": ["ASSUMPTIONS", "Assumption", "AssumptionId"],
    Replay: ["replays", "Replays", "vmxFlags", "CpuinfoLines", "nested", "Nested", "NestedMsr"],
  },
  "./why": {
    "Why a feature is there or not": ["why", "WhyAnswer", "layers", "FeatureLayers", "LayerAnswer"],
    "Features and layers": ["findFeature", "FEATURE_LIST", "Feature", "LAYERS", "Layer"],
    "What changed between kernels": ["diffKernels", "KernelDiff"],
  },
  "./vmcs": {
    "Read and audit a VMCS": ["readVmcs", "VmcsDump", "Vmcs", "auditVmcs", "AuditOptions", "AuditResult"],
    "Mend it": ["proposeFix", "Fix"],
    "Fields and checks": [
      "findField",
      "FIELDS",
      "decodeField",
      "DecodedField",
      "describeQualification",
      "CHECKS",
      "Check",
    ],
    Values: ["known64", "Value64"],
  },
  "./messages": {
    "Explain a log or a message": ["explain", "explainStream", "ExplainOptions", "Explanation", "desktopMessages"],
  },
  "./compare": {
    "Compare hosts": ["diffHosts", "HostDifference", "changesOf", "Changes", "verify", "Verification"],
    "What all hosts have": ["capabilities", "CapabilitySet", "baseline", "Baseline", "diffSets", "RegisterDifference"],
    "Move a guest": [
      "migrate",
      "MigrateOptions",
      "MigrateResult",
      "qemuCpu",
      "QemuResult",
      "libvirtCpu",
      "LibvirtResult",
    ],
    "What a guest requires": ["startsOn"],
    "What a product requires": ["runsOn", "PackResult", "PACKS", "Pack"],
    "Controls for a hypervisor": ["readWanted", "chooseControls", "ChosenControls"],
  },
  "./report": {
    "Print an answer": [
      "showReport",
      "layersReport",
      "whyReport",
      "nestedReport",
      "replayReport",
      "verifyReport",
      "explainReport",
      "kernelDiffReport",
    ],
    "Print an audit": ["auditReport", "auditJson", "auditJunit", "AuditedDump"],
    "Lines to text": ["renderLines", "Line"],
  },
  "./replay": {
    "Replay one kernel": [
      "replay",
      "ReplayOptions",
      "MachineFacts",
      "DEBIAN_CONFIG",
      "Replay",
      "CoreReplay",
      "CpuState",
    ],
    "Module parameters": ["PARAMS", "ParamRow", "paramsOf", "paramText"],
    "Names and controls by kernel": ["CPU_FLAGS", "VMX_FLAGS", "WANTED_CONTROLS"],
    "Set the VMX MSRs of a vCPU": ["checkRestore", "restoreAll", "RestoreContext", "RestoreVerdict"],
  },
  "./rules": {
    Kernels: ["RELEASES", "DEFAULT_RELEASE", "Release", "resolveRelease"],
    "Rules and what they did": ["Rule", "Condition", "Effect", "WordName", "TraceEvent", "Refusal"],
  },
  "./prove": {
    "Run the kernel's own code": ["loadProver", "ProofFiles", "ProveOptions", "Prover", "Proof", "Comparison"],
  },
};

import { shared, type Tri } from "../bits/tri.js";
import { startsOn } from "../compare/guest-start.js";
import { guestText, startText } from "../compare/guest-text.js";
import { isSvmVendor } from "../host/host.js";
import { atlas, entryHost } from "../input/atlas/atlas.js";
import { readGuests } from "../input/guests/guest-cpu.js";
import { parseBool } from "../kvm/load/parse-param.js";
import { replay } from "../kvm/replay.js";
import { assume } from "../situation/assume.js";
import type { Situation } from "../situation/situation.js";
import { FEATURE_LIST } from "../why/features.js";
import type { Question, QuestionAnswer } from "../why/questions/answer.js";
import { outerStep } from "../why/questions/next-steps.js";
import { answerTo } from "../why/questions/questions.js";
import { type Explanation, isOfLoading, type TextVerdict } from "./answer.js";
import { askedVerdict, asksOnly } from "./asked-params.js";
import type { Step } from "./message.js";
import { NO_DEVICE, otherCpuVerdict } from "./other-cpus.js";
import type { OwnMachine } from "./own-machine.js";
import { crashLine, fatalLine } from "./stopped.js";
import { windowsVerdict } from "./windows-check.js";

/** The answer to the whole text, where it holds a message or describes a machine. */
export function verdictOf(
  explanations: readonly Explanation[],
  machine: OwnMachine | undefined,
  text: string | undefined,
): TextVerdict | undefined {
  const found = answerOf(explanations, machine, text);
  const [contradiction, ...more] = machine?.situation.contradictions ?? [];
  if (found === undefined || contradiction === undefined) return found;
  // The first one may be the answer.
  const left = found.says.toLowerCase().includes(contradiction.toLowerCase()) ? more : [contradiction, ...more];
  return { ...found, evidence: [...left, ...found.evidence] };
}

function answerOf(
  explanations: readonly Explanation[],
  machine: OwnMachine | undefined,
  text: string | undefined,
): TextVerdict | undefined {
  const recognised = explanations.filter(({ message }) => message !== undefined);
  const windows = recognised.every(({ message }) => message === "windows-requirements")
    ? windowsVerdict(text)
    : undefined;
  if (windows !== undefined) return { ...windows, covers: recognised.map(({ message }) => message as string) };
  const isShort = text !== undefined && text.length <= LONGEST_CONFIGURATION;
  const fatal = fatalLine(recognised, text) ?? (isShort ? crashLine(recognised, text) : undefined);
  if (fatal !== undefined) return fatal;
  const blocking = recognised.filter(({ gravity }) => gravity === "blocks");
  const ofLoading = blocking.filter(isOfLoading);
  // Where Linux shows no vmx, whatever program complains, complains about that.
  const noVmx = machine?.situation.host.observed?.vmx === false;
  if (recognised.length === 0) {
    const guest = guestVerdict(machine, text);
    if (guest !== undefined) return guest;
  }
  // WSL itself says that nothing below Linux can help.
  const wsl = recognised.find(({ message, gravity }) => message === "wsl-nested-machine" && gravity === "blocks");
  if (wsl !== undefined) return rowVerdict(wsl, recognised.filter(isOfLoading));
  const other = otherCpuVerdict(recognised, machine, isShort ? text : undefined);
  if (other !== undefined) return other;
  if (machine !== undefined && (ofLoading.length > 0 || noVmx || recognised.length === 0)) {
    const failed = ofLoading.length > 0 || (noVmx && recognised.length > 0);
    const usable = recognised.length === 0 && works(text);
    const found = machineVerdict(machine, failed, usable ? "known" : "any");
    const covers = ofLoading.map(({ message }) => message as string);
    if (found !== undefined) return { ...withNamedOuter(found, machine, text), covers };
  }
  // On an AMD CPU what is said about VMX is said about another module.
  const ofLinux = recognised.every(({ product }) => product === "KVM" || product === "Linux" || product === "kmod");
  if (machine !== undefined && isSvmVendor(machine.situation.host.vendor) && ofLinux) {
    const found = machineVerdict(machine, false);
    if (found !== undefined) return { ...found, covers: recognised.map(({ message }) => message as string) };
  }
  // Messages that only inform say less than what the machine is like.
  const shown = machine?.situation.host.params !== undefined;
  const saysLess = ({ gravity, message }: Explanation) =>
    gravity === "informs" || (shown && GENERAL.has(message as string));
  if (machine !== undefined && recognised.every(saysLess)) {
    const found = machineVerdict(machine, false, "known");
    if (found !== undefined) return { ...found, covers: [] };
  }
  // HAXM is not what accelerates anything on Linux: what is said about KVM counts for more.
  const ofKvm = blocking.find(({ product }) => product === "KVM user space" || product === "KVM");
  // Where one line only says that an instruction failed and another one why, the other one answers.
  const said = recognised[0]?.message ?? "";
  const reasons = NO_DEVICE.test(recognised[0]?.what ?? "") ? WHY_NO_DEVICE : INSTEAD[said];
  const reason = GENERAL.has(said)
    ? blocking.find(({ message }) => !GENERAL.has(message ?? ""))
    : recognised.find(({ message }) => reasons?.includes(message as string));
  const first = reason ?? (recognised[0]?.product === "HAXM" ? (ofKvm ?? recognised[0]) : recognised[0]);
  if (first === undefined) return works(text) ? WORKS : undefined;
  const found = rowVerdict(first, []);
  const noDevice = NO_DEVICE.test(first.what);
  const asks = isShort && (noDevice || NO_VMX_HERE.has(first.message ?? ""));
  const named = asks ? namedOuter(text, machine) : undefined;
  // Where a device is missing, any hypervisor may be named that runs beside; some are always below.
  if (named === undefined || (noDevice && !named.isBelow)) return found;
  return { ...found, says: `${found.says}${named.says}`, steps: [named.step, ...found.steps] };
}

const NO_VMX_HERE: ReadonlySet<string> = new Set(["kvm-no-hardware-support", "kvm-vmx-not-supported"]);

function rowVerdict(row: Explanation, covered: readonly Explanation[]): TextVerdict {
  return {
    says: `${row.what}${refusedText(row)}`,
    steps: row.steps.slice(0, 2),
    evidence: [],
    line: row.lines[0],
    covers: covered.map(({ message }) => message as string),
  };
}

const WITH_REASON = [
  "vmx-entry-words",
  "vmx-instruction-error",
  "vmx-entry-error",
  "kvm-fail-entry",
  "kvm-spurious-fault",
];

/** Messages that say no more than that something failed, and those that say why: these answer, where they are there. */
const INSTEAD: { readonly [message: string]: readonly string[] | undefined } = {
  "vmx-intrinsic-status": WITH_REASON,
  "generic-vmlaunch-failed": WITH_REASON,
  "fail-entry-bare": WITH_REASON,
  "kvm-kernel-bug": WITH_REASON,
  "modprobe-config-line": ["modprobe-builtin"],
  "windows-requirements": ["hyperv-launch-failed"],
  "qemu-internal-error": ["kvm-unexpected-exit"],
  "qemu-reset-required": ["qemu-internal-error", "qemu-entry-failed"],
};
const WHY_NO_DEVICE = ["wsl-unknown-key", "kvm-no-hardware-support", "kvm-vmx-not-supported"];
/** Programs that only pass on that another one failed, or that no virtualization was found: a line with the reason answers. */
const GENERAL: ReadonlySet<string> = new Set(["no-vtx-generic", "vbox-in-vagrant"]);

/** Hypervisors that a text can name in passing, and how they pass VT-x. */
const NAMED_OUTER = [
  [/\bWSL ?2?\b|microsoft-standard/, "WSL"],
  [/\bHyper-?V\b/i, "Hyper-V"],
  [/\bVMware\b/i, "VMware"],
  [/\bVirtual ?Box\b/i, "VirtualBox"],
  [/\bAWS\b|\bEC2\b/, "Amazon EC2"],
  [/\bGCP\b|\bGoogle (?:Cloud|Compute Engine)\b/, "Google Compute Engine"],
] as const;

const ALWAYS_BELOW: readonly string[] = ["WSL", "Amazon EC2", "Google Compute Engine"];

const WSL_NESTED: Step = {
  text: "WSL2 passes VT-x on Windows 11 on an Intel CPU, unless nestedVirtualization is false in .wslconfig; on Windows 10 it does not.",
  commands: ["# %USERPROFILE%\\.wslconfig", "[wsl2]", "nestedVirtualization=true", "wsl --shutdown"],
};

/** What the machine runs in, or, where nothing shows that, the one hypervisor that the text names. */
function namedOuter(
  text: string,
  machine: OwnMachine | undefined,
): { readonly isBelow: boolean; readonly says: string; readonly step: Step } | undefined {
  const { observed, cores } = machine?.situation.host ?? {};
  const outer = observed?.outer;
  if (outer !== undefined) {
    const says = ` This is a virtual machine (${outer}): without nested virtualization it has no VT-x.`;
    return { isBelow: true, says, step: outerStep(outer) };
  }
  if (cores?.[0].cpuid.features.hypervisor === false) return undefined;
  const [first, ...more] = NAMED_OUTER.filter(([words]) => words.test(text)).map(([, name]) => name);
  // WSL runs in Hyper-V.
  if (first === undefined || more.some((name) => first !== "WSL" || name !== "Hyper-V")) return undefined;
  const inWsl = first === "WSL";
  return {
    isBelow: ALWAYS_BELOW.includes(first),
    says: ` The text names ${first}: in ${inWsl ? "it" : "a machine that runs in it"}, ${inWsl ? "Hyper-V of Windows" : first} has to pass VT-x.`,
    step: inWsl ? WSL_NESTED : outerStep(first),
  };
}

/** Where no vmx is shown, the hypervisor that the text names comes first. */
function withNamedOuter(
  found: Omit<TextVerdict, "covers">,
  machine: OwnMachine,
  text: string | undefined,
): Omit<TextVerdict, "covers"> {
  const { observed } = machine.situation.host;
  if (observed?.vmx !== false || observed.outer !== undefined) return found;
  const named = text !== undefined && text.length <= LONGEST_CONFIGURATION ? namedOuter(text, machine) : undefined;
  return named === undefined
    ? found
    : { ...found, says: `${found.says}${named.says}`, steps: [named.step, ...found.steps] };
}

/** The guest whose configuration the text holds, and whether it may start on the machine that the text describes, too. */
function guestVerdict(machine: OwnMachine | undefined, text: string | undefined): TextVerdict | undefined {
  if (text === undefined || text.length > LONGEST_CONFIGURATION) return undefined;
  const [guest, ...others] = readGuests(text);
  if (guest === undefined) return undefined;
  if (machine?.hasRegisters === true) {
    const start = startsOn({ ...machine.situation, guest });
    return {
      says: startText(start, "the machine of this text"),
      steps: [],
      evidence: [],
      line: guest.line,
      covers: [],
    };
  }
  const asksVmx =
    guest.features.get("vmx") === "on" || [...guest.features.keys()].some((name) => name.startsWith("vmx-"));
  const who = guestText(guest, asksVmx);
  const more =
    others.length === 0 ? "" : ` There ${others.length === 1 ? "is 1 other" : `are ${others.length} others`}.`;
  return {
    says: `This is what a guest is configured with, and says nothing about a host: ${who}.${more}`,
    steps: [
      {
        text: "Save the text and ask whether the guest may start on a host.",
        commands: ["vmxlens migrate FILE HOST", "vmxlens runs HOST FILE"],
      },
    ],
    evidence: [],
    line: guest.line,
    covers: [],
  };
}

const LONGEST_CONFIGURATION = 1_000_000;

/** Checks where all is well: no message, and an answer all the same. */
const KVM_OK = /^\s{0,8}KVM acceleration can be used\s*$/m;
/** virt-host-validate, with whatever a page puts around PASS. */
const VALIDATED =
  /QEMU: Checking for hardware virtualization\s{0,60}[:|][^\n]{0,30}\bPASS\b[^\0]{0,200}\/dev\/kvm'?(?: exists| is accessible)?\s{0,60}[:|][^\n]{0,30}\bPASS\b/;
const works = (text: string | undefined): boolean =>
  text !== undefined && (KVM_OK.test(text) || (text.length <= LONGEST_CONFIGURATION && VALIDATED.test(text)));
const WORKS: TextVerdict = {
  says: "KVM can be used here: the check finds vmx or svm among the flags, and /dev/kvm.",
  steps: [],
  evidence: [],
  covers: [],
};

/** The bits that were refused for certain, by name. */
function refusedText({ bits }: Explanation): string {
  const refused = bits.filter(
    ({ role, reason }) => (role === "refused" || role === "must be 1") && reason === undefined,
  );
  if (refused.length === 0 || refused.length > 3) return "";
  const names = refused.map(
    ({ register, bit, sdm }) => `bit ${bit} of ${register}${sdm === undefined ? "" : ` (${sdm})`}`,
  );
  return ` Refused: ${names.join(", ")}.`;
}

/** What the registers, flags and messages of a machine come to; with a failure, only what explains it. */
function machineVerdict(
  { situation }: OwnMachine,
  failed: boolean,
  wanted: "known" | "any" = "any",
): Omit<TextVerdict, "covers"> | undefined {
  const { host } = situation;
  if (asksOnly(host)) return wanted === "any" ? askedVerdict(situation) : undefined;
  const { observed, params } = host;
  const question: Question =
    failed || params !== undefined || observed?.modules !== undefined || observed?.loadError !== undefined
      ? "kvm"
      : "vmx";
  const answer = answerTo(question, situation);
  if (failed && answer.answer !== "no") return undefined;
  if (wanted === "known" && answer.answer === "unknown") return undefined;
  const insights = failed ? [] : paramInsights(situation);
  const nested = !failed && params?.kvm_intel?.nested !== undefined ? answerTo("nested", situation) : undefined;
  const says = [
    plain(answer),
    ...insights.slice(0, 1),
    ...(nested === undefined || answer.answer !== "yes" ? [] : [plain(nested)]),
    ...(failed || insights.length > 0 ? [] : paramsOn(situation)),
  ];
  return {
    says: says.join(" "),
    steps: [...answer.steps, ...(nested?.answer === "no" ? nested.steps : [])],
    evidence: [...answer.evidence, ...insights.slice(1)],
  };
}

/** The sentences without the word that answers a question: here there was none. */
function plain({ says }: QuestionAnswer): string {
  const rest = says.replace(/^(?:Yes|No|Not known): /, "");
  // A module's name stays as it is written.
  return /^\w+_/.test(rest) ? rest : rest.charAt(0).toUpperCase() + rest.slice(1);
}

// ---- Parameters ----

/** Parameters whose N people ask about. */
const ASKED_ABOUT = [
  "ept",
  "unrestricted_guest",
  "vpid",
  "flexpriority",
  "eptad",
  "enable_apicv",
  "pml",
  "enable_shadow_vmcs",
  "enable_ipiv",
  "preemption_timer",
];

/** The parameters that people ask about and that are on, where none of them is off. */
function paramsOn({ host }: Situation): string[] {
  const shown = host.params?.kvm_intel ?? {};
  const on = ASKED_ABOUT.filter((name) => shown[name] !== undefined && parseBool(shown[name] as string) === true);
  const names = on.length > 4 ? `${on.slice(0, 3).join(", ")} and ${on.length - 3} more` : on.join(", ");
  return on.length === 0 ? [] : [`On: ${names}; KVM shows what is left of a parameter after its checks.`];
}

/** Whether a parameter that is off is off because of the CPU, going by its model in the atlas, or because of something else. */
function paramInsights({ host, candidates }: Situation): string[] {
  const shown = host.params?.kvm_intel ?? {};
  const off = ASKED_ABOUT.filter((name) => shown[name] !== undefined && parseBool(shown[name] as string) === false);
  if (off.length === 0) return [];
  const { outer } = host.observed ?? {};
  if (host.cores[0].cpuid.features.hypervisor === true || outer !== undefined) {
    const below = `the hypervisor below${outer === undefined ? "" : ` (${outer})`}`;
    return [
      `Off: ${off.join(", ")}. This is a virtual machine: ${below} does not pass what they need, or they were switched off.`,
    ];
  }
  const { signature } = host.cores[0];
  const alike = signature === undefined ? [] : atlas().filter((entry) => entry.signature === signature);
  const replayed = alike.map((entry) =>
    replay(assume(entryHost(entry), "registers=sdm").host, { release: candidates[0].release }),
  );
  const inSilicon = (name: string): Tri => {
    const feature = FEATURE_LIST.find(({ param }) => param === name);
    if (feature === undefined || replayed.length === 0) return "unknown";
    return shared(replayed.map((one) => one.cpu.holds(feature.silicon ?? { all: [] })));
  };
  const groups = { yes: [] as string[], no: [] as string[], unknown: [] as string[] };
  for (const name of off) groups[inSilicon(name)].push(name);
  const { no: lacking, yes: having, unknown: open } = groups;
  return [
    ...(lacking.length === 0 ? [] : [`Off because CPUs of this model lack what it takes: ${lacking.join(", ")}.`]),
    ...(having.length === 0
      ? []
      : [
          `Off although CPUs of this model have what it takes: ${having.join(", ")}; a parameter, the kernel's default, or another parameter that is off.`,
        ]),
    ...(open.length === 0
      ? []
      : [`Off: ${open.join(", ")}; \`vmxlens why ${open[0]} HOST\` with the registers says by what.`]),
  ];
}

import { parseBool } from "../../kvm/load/parse-param.js";
import type { Situation } from "../../situation/situation.js";
import type { Question, QuestionAnswer } from "../../why/questions/answer.js";
import { answerTo } from "../../why/questions/questions.js";
import type { TextVerdict } from "../answer.js";
import type { OwnMachine } from "../own-machine.js";
import { askedVerdict, asksOnly } from "./asked-only.js";
import { ofModel } from "./cpu-model.js";

/** What the registers, flags and messages of a machine come to; with a failure, only what explains it. */
export function machineVerdict(
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
function paramInsights(situation: Situation): string[] {
  const { host } = situation;
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
  const has = ofModel(situation);
  const groups = { yes: [] as string[], no: [] as string[], unknown: [] as string[] };
  for (const name of off) groups[has(({ param }) => param === name)].push(name);
  const { no: lacking, yes: having, unknown: open } = groups;
  return [
    ...(lacking.length === 0 ? [] : [`Off because CPUs of this model lack what it needs: ${lacking.join(", ")}.`]),
    ...(having.length === 0
      ? []
      : [
          `Off although CPUs of this model have what it needs: ${having.join(", ")}; a parameter, the kernel's default, or another parameter that is off.`,
        ]),
    ...(open.length === 0
      ? []
      : [`Off: ${open.join(", ")}; \`vmxlens why ${open[0]} HOST\` with the registers says by what.`]),
  ];
}

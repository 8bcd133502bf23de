import { FEAT_CTL_AT_BOOT } from "../../linux/changes.js";
import { releaseOf } from "../../rules/held.js";
import { cpusNamed } from "../../why/cpus/named-cpu.js";
import { definitionOf } from "../../why/definition.js";
import type { Feature } from "../../why/features.js";
import type { TextVerdict } from "../answer.js";
import { featuresIn, HAS_IT } from "./asked-feature.js";

/*
 * "How do I see whether my CPU has APICv?" No machine is in the text: what the feature is, and where a machine shows it.
 */

const CHECKS =
  /\b(?:how (?:can|do|could|would|to|should)|ways? to|easy to|hard to|need to|want to|like to|possible to|trying to|command to)\b[^?.\n]{0,20}\b(?:check|know|find out|see|tel[l]|determine|verify|learn|detect|test|confirm|look up|figure out|understand)\b[^?.\n]{0,20}\b(?:whether|if|that|which|what|support\w{0,3})\b[^?.\n]{0,80}|\b(?:does|do|is|are|which|what) (?:my |the |this |these |your |intel )?(?:\w{2,12} ){0,3}(?:CPUs?|processors?|Xeons?)\b[^?.\n]{0,60}\b(?:supports?|have|has|with|capable)\b[^?\n]{0,60}\?/gi;
/** What a sentence names, and the next one asks about. */
const CHECKS_IT =
  /([^.?!\n]{1,160})[.!] {1,2}how (?:do|can|could|would|should) (?:I|we|you|one) (?:check|verify|see|know|find out)(?: (?:for )?(?:it|this|that))?\?/gi;
/** Programs of AMD's virtualization and of other hypervisors have the same names. */
const OTHER = /\b(?:AMD|SVM|Ryzen|EPYC|ARM|Apple|macOS|Windows|Hyper-?V|VMware|VirtualBox)\b/i;
/** A longer text has more than this question. */
const LONGEST = 1_500;
const SHORT = 160;
const MOST = 2;

/** Where a machine shows the features about which a text asks whether a CPU has them. */
export function featureChecked(text: string | undefined): Omit<TextVerdict, "covers"> | undefined {
  if (text === undefined || text.length > LONGEST || OTHER.test(text) || cpusNamed(text).length > 0) return undefined;
  const named = [
    ...[...text.matchAll(CHECKS)].map(([sentence]) => sentence),
    ...[...text.matchAll(CHECKS_IT)].map(([, sentence = ""]) => sentence),
  ].flatMap(featuresIn);
  const asked = named.length === 0 && text.length <= SHORT && HAS_IT.test(text) ? featuresIn(text) : named;
  const features = [...new Map(asked.map((feature) => [feature.id, feature])).values()];
  if (features.length === 0 || features.length > MOST) return undefined;
  return {
    says: features.map(whereShown).join(" "),
    steps: [
      { text: "See it on the machine.", commands: features.flatMap(commandsOf) },
      {
        text: "For a CPU by its name, or with the registers of a machine.",
        commands: features.map(({ id }) => `vmxlens why ${id} 'CPU NAME'`),
      },
    ],
    evidence: [],
  };
}

function whereShown({ id, flag, param }: Feature): string {
  const short = definitionOf(id)?.short ?? "";
  const flags =
    flag === undefined
      ? ""
      : ` Linux ${releaseOf(FEAT_CTL_AT_BOOT)} and later lists it as ${flag} on the line \`vmx flags\` of /proc/cpuinfo, where VT-x is on.`;
  const read =
    param === undefined
      ? ""
      : ` KVM shows what is left of it in the parameter ${param} of kvm_intel: Y is in use; N is lacking or switched off.`;
  return `${short}${flags}${read}`.trim();
}

const commandsOf = ({ id, flag, param }: Feature): readonly string[] => [
  ...(flag === undefined ? [] : [`grep -m1 'vmx flags' /proc/cpuinfo | grep -ow ${flag}`]),
  ...(param === undefined ? [] : [`cat /sys/module/kvm_intel/parameters/${param}`]),
  ...(flag === undefined && param === undefined ? [`vmxlens why ${id} HOST`] : []),
];

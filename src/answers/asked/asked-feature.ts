import type { Tri } from "../../bits/tri.js";
import { msrOf } from "../../host/host.js";
import { msrBit } from "../../host/msr.js";
import { parseBool } from "../../kvm/load/parse-param.js";
import { besideMachine, type OwnMachine } from "../../situation/evidence/own-machine.js";
import { replays } from "../../situation/replays.js";
import { cpusNamed, generationsNamed, hasOf, OF_PRODUCT } from "../../why/cpus/named-cpu.js";
import { ofModel } from "../../why/cpus/of-model.js";
import { type Feature, LAYER_TITLES, LAYERS } from "../../why/features.js";
import { featureNamed } from "../../why/find-feature.js";
import { type FeatureLayers, layersUnder } from "../../why/layers.js";
import { ASKED_ABOUT } from "../../why/params/why-off.js";
import type { FoundVerdict } from "../answer.js";
import type { Step } from "../message.js";

/*
 * People paste what they have and ask below it: "why is posted_intr missing?". What the machine of the text makes of the
 * feature answers them before anything else.
 */

/** Prose with a question, or with something that is wished or missing. */
const ASKS =
  /\?|\b(?:why|how|no|not|cannot|can't|\w{2,6}n['’]t|without|missing|lacks?|absent|off|disabled?|enabled?|unsupported|supports?|supported)\b/i;
/** A command, its prompt, or a line of a listing. */
const NO_PROSE =
  /^\s{0,40}(?:[#$>%]|\(XEN\)|[\w.-]{1,40}@[\w.-]{1,60}[:~]|\[\s{0,8}\d{1,8}\.\d{1,8}\]|[\w -]{1,40}\t|\w{1,60}\s{0,20}[:=]|-\w)/;
/** The path of a file in a command or before its value; in a sentence it is only named. */
const OF_FILE = /\/sys\/|\/proc\//;
const COMMAND = /^\s{0,8}(?:sudo |cat |[ef]?grep |find |ls |echo |awk |sed |head )/;
const WORD = /\b[a-z]{2,14}(?=[ ,.?])/gi;
const FEWEST_WORDS = 6;
const isProse = (line: string): boolean =>
  !NO_PROSE.test(line) &&
  (!OF_FILE.test(line) || (!COMMAND.test(line) && (line.match(WORD)?.length ?? 0) >= FEWEST_WORDS));
const LONGEST_LINE = 400;
const MOST_LINES = 400;
const MOST_FEATURES = 4;
/** Of a name: `mode-based execute control for EPT`. */
const MOST_WORDS = 6;

/** "How do I know if I have it?": the feature was named before. */
export const HAS_IT =
  /\bhow (?:do|can|could|would|to) (?:I |we |you )?(?:know|check|see|tel[l]|find out|verify)(?: if| whether| that) (?:I|we|my \w{2,12}|it|this) (?:have|has|is|supports?)\b/i;

/** Names that are words of other subjects as well. */
const OTHER_SUBJECTS: ReadonlySet<string> = new Set([
  "ve",
  "pt",
  "ug",
  "urg",
  "vid",
  "pat",
  "efer",
  "cet",
  "sgx",
  "mpx",
  "umip",
  "encls",
  "rdtscp",
  "invpcid",
  "xsaves",
]);

/**
 * The features that the prose of a text asks about, in the order of their names in it; none where it names more than four.
 *
 * @internal Exported for its test.
 */
export function featuresAsked(text: string, taken: ReadonlySet<number>): readonly Feature[] {
  const found = new Map<string, Feature>();
  const lines = text.split("\n").slice(0, MOST_LINES);
  for (const [at, line] of lines.entries()) {
    if (line.length > LONGEST_LINE) continue;
    const prose = taken.has(at + 1) ? questionsOf(line) : line;
    if (!ASKS.test(prose) || !isProse(prose)) continue;
    for (const feature of featuresIn(prose)) found.set(feature.id, feature);
  }
  return found.size > MOST_FEATURES ? [] : [...found.values()];
}

/** The sentences with a question mark, but the first, which has a value. */
const questionsOf = (line: string): string =>
  line
    .split(/(?<=[.!;:])\s/)
    .slice(1)
    .filter((sentence) => sentence.includes("?"))
    .join(" ");

/** The features that the lines of a text name, asked about or not. */
export function featuresNamed(text: string): readonly Feature[] {
  const lines = text.split("\n").slice(0, MOST_LINES);
  return [...new Set(lines.flatMap((line) => (line.length > LONGEST_LINE ? [] : featuresIn(line))))];
}

/** A feature by one word that can be nothing else, or by two to six words. */
export function featuresIn(line: string): readonly Feature[] {
  const words = line
    .split(/[\s,;:?!()"'`=]+/)
    .filter((word) => word !== "")
    // VMware's setting for a guest, and no question about EPT.
    .map((word) => (/^VT-?x\/EPT\b/i.test(word) ? "" : word.replace(/\.$/, "")))
    .flatMap((word) => (word.includes("/") && featureNamed(word) === undefined ? word.split("/") : [word]));
  const found: Feature[] = [];
  for (let at = 0; at < words.length; at++) {
    for (let length = Math.min(MOST_WORDS, words.length - at); length > 0; length--) {
      const name = words.slice(at, at + length).join("-");
      if (length === 1 && (name.length < 3 || OTHER_SUBJECTS.has(name.toLowerCase()))) continue;
      const feature = featureNamed(name);
      if (feature === undefined || OTHER_SUBJECTS.has(feature.id)) continue;
      found.push(feature);
      at += length - 1;
      break;
    }
  }
  return found;
}

/** A parameter of KVM is shown off, and the prose asks about it: what else goes wrong there counts for less. */
export function asksWhatIsOff(machine: OwnMachine, text: string): boolean {
  const shown = machine.situation.host.params?.kvm_intel ?? {};
  const off = ASKED_ABOUT.filter((name) => shown[name] !== undefined && parseBool(shown[name]) === false);
  if (off.length === 0) return false;
  const asked = featuresAsked(text, machine.lines);
  // Named in one sentence, and asked about in another.
  const named = /[?？]/.test(text) ? [...asked, ...featuresNamed(besideMachine(text, machine))] : asked;
  return named.some(({ param }) => off.some((name) => name === param));
}

const SGX = /\bSGX\b[^\n]{0,40}\?|intel_sgx: FLC\b/;

/** What IA32_FEAT_CTL says about SGX. */
function sgxOf({ situation: { read } }: OwnMachine): string | undefined {
  const msr = msrOf(read.cores[0], 0x3a);
  const [on, launch] = [msrBit(msr, 18), msrBit(msr, 17)];
  if (on === "unknown" || launch === "unknown") return undefined;
  return on === "yes"
    ? `The firmware has SGX on: bit 18 of IA32_FEAT_CTL is 1, and ${launch === "yes" ? "bit 17 as well, so that Linux may launch enclaves of its choice" : "bit 17 (launch control) is 0, so that Linux gives it to guests at most"}.`
    : "The firmware has SGX off: bit 18 of IA32_FEAT_CTL is 0.";
}

/**
 * The verdict, preceded by the answer about the features that the prose asks about. `below` is the hypervisor that the machine
 * runs in.
 */
export function withAskedFeatures(
  verdict: FoundVerdict,
  machine: OwnMachine,
  text: string | undefined,
  below: string | undefined,
  isKnown = true,
): FoundVerdict {
  if (text === undefined) return verdict;
  // What the features come to is then the answer.
  const { claim: _, ...rest } = verdict;
  const sgx = SGX.test(text) ? sgxOf(machine) : undefined;
  if (sgx !== undefined) return { ...rest, says: `${sgx} ${verdict.says}` };
  const features = featuresAsked(text, machine.lines);
  if (features.length === 0) return verdict;
  const replayed = replays(machine.situation);
  const rows = features.map((feature) => layersUnder(replayed, feature));
  const says = rows
    .map(
      (row) =>
        (below === undefined ? hidden(row, machine, text) : undefined) ??
        sentence(row, below) ??
        ofAlike(row.feature, machine, text),
    )
    .filter((one) => one !== undefined);
  const [{ id }] = features as [Feature];
  const layers: Step = {
    text: "See each layer and the rule that decides, once the text is saved.",
    commands: [`vmxlens why ${id} FILE`],
  };
  const isAnswered = machine.hasRegisters && says.length === features.length;
  // Whether VT-x is on was not asked, and is not known.
  const found: FoundVerdict = rows.some((row) => isHidden(row, below)) ? { ...rest, claim: "not passed on" } : rest;
  if (isAnswered && !isKnown && !STATE.test(besideMachine(text, machine)))
    return { ...found, says: says.join(" "), steps: [layers] };
  return {
    ...(says.length === 0 ? verdict : found),
    says: [...says, verdict.says].join(" "),
    steps: isAnswered ? [layers, ...verdict.steps] : [...verdict.steps, layers],
  };
}

const STATE = /\b(?:enabl|disabl|activ|lock)\w{0,4}\b|\b(?:BIOS|UEFI|firmware|turned on|switched on)\b/i;

/** What the CPUs of the model have, or those of the die that the text names, by the atlas. */
function ofAlike(feature: Feature, { situation }: OwnMachine, text: string): string | undefined {
  // What KVM shows of itself has an answer of its own.
  if (situation.host.params !== undefined) return undefined;
  const has = alikeHas(feature, situation, text);
  return has === "unknown"
    ? undefined
    : `${titleOf(feature)}: CPUs of this model have ${has === "yes" ? "it" : "none"} (by the atlas).`;
}

function alikeHas(feature: Feature, situation: OwnMachine["situation"], text: string): Tri {
  const ofModels = ofModel(situation)(({ id }) => id === feature.id);
  if (ofModels !== "unknown") return ofModels;
  const cpus = cpusNamed(text);
  const [named, ...others] = cpus.length === 0 ? generationsNamed(text) : cpus;
  return named !== undefined && others.length === 0 ? hasOf(named)(feature) : "unknown";
}

/** A feature that the registers do not show, and that the CPU has by its model. */
function hidden({ feature, lostAt }: FeatureLayers, { situation }: OwnMachine, text: string): string | undefined {
  if (lostAt !== "silicon" || OF_PRODUCT.has(feature.id) || situation.host.cores[0].cpuid.features.hypervisor === false)
    return undefined;
  return alikeHas(feature, situation, text) === "yes"
    ? `${titleOf(feature)}: the registers of the text do not show it, and CPUs of this model have it (by the atlas). So they are those of a virtual machine, whose hypervisor does not pass it on, or the firmware or microcode hides it.`
    : undefined;
}

const titleOf = ({ id, name }: Feature) => (name === id ? id : `${id} (${name})`);

/** Whether the virtual CPU lacks it. */
const isHidden = ({ lostAt }: FeatureLayers, below: string | undefined): boolean =>
  lostAt === "silicon" && below !== undefined;

/** Where the feature gets lost, or that it does not; nothing where that is not known. */
function sentence(row: FeatureLayers, below: string | undefined): string | undefined {
  const { feature, cells, lostAt, unknownAt } = row;
  const who = titleOf(feature);
  if (isHidden(row, below)) return `${who}: no, the virtual CPU does not have it: ${below} does not pass it on.`;
  if (lostAt === "silicon") return `${who}: no, the CPU does not have it.`;
  if (lostAt !== undefined && unknownAt === undefined) {
    const had = LAYERS.slice(0, LAYERS.indexOf(lostAt)).filter((layer) => cells[layer] === "yes");
    const upTo = had.includes("silicon") ? "the CPU has it; " : "";
    return lostAt === "nested"
      ? `${who}: KVM has it, and does not offer it to guests.`
      : `${who}: no, ${upTo}it is lost at ${LAYER_TITLES[lostAt]}.`;
  }
  if (unknownAt !== undefined || lostAt !== undefined)
    return cells.silicon === "yes" ? `${who}: the CPU has it.` : undefined;
  return `${who}: yes, KVM has it${cells.nested === "yes" ? " and offers it to guests" : ""}.`;
}

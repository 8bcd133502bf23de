import { atlas, entryHost } from "../../input/atlas/atlas.js";
import { replay } from "../../kvm/replay.js";
import { sourceNamesCalled } from "../../kvm/source-names.js";
import { shellOperand } from "../../messages/shell-word.js";
import { foldName } from "../../registers/edit-distance.js";
import type { Line } from "../../report/text.js";
import { type WhyInput, whyReport } from "../../report/why-report.js";
import { assume } from "../../situation/assume.js";
import type { Feature, Layer } from "../../why/features.js";
import { findFeature } from "../../why/find-feature.js";
import { layerCell } from "../../why/layers.js";
import { questionNamed } from "../../why/questions/questions.js";
import { bitsOfFeature } from "../../why/run-part.js";
import { why as explain } from "../../why/why.js";
import { type ModuleRaw, type ReadyByModule, withModule } from "../by-module.js";
import { ready, show } from "../command.js";
import { EXIT, knownExit } from "../exit-code.js";
import type { FoundHost } from "../host.js";
import type { RawOptions } from "../options.js";
import { showJson } from "../outlet.js";
import { namedFeature } from "../shell/feature-option.js";
import { layerOption } from "../shell/layer-option.js";
import { complain } from "../shell/problems.js";
import { eachHost } from "../shell/several-hosts.js";
import type { World } from "../world.js";

interface WhyOptions extends RawOptions, ModuleRaw {
  readonly layer?: string;
}

/** `vmxlens why FEATURE [HOST...] [--layer LAYER]`: exit code 0 for yes, 1 for no and not known. */
export async function why(
  [name, ...queries]: readonly (string | undefined)[],
  raw: WhyOptions,
  world: World,
): Promise<number> {
  const [query] = queries;
  const question = raw.layer === undefined ? questionNamed(name ?? "") : undefined;
  if (question !== undefined) {
    const hosts = queries.filter((host) => host !== undefined);
    const { answerQuestion } = await import("./why-question.js");
    return answerQuestion(question, hosts, raw, world);
  }
  // A name as the source has it, such as SECONDARY_CTLS, is meant as that, whatever else has words like it.
  const inSource =
    sourceNamesCalled(name ?? "").length > 0 ? await whyPlace(name ?? "", queries, raw, world) : undefined;
  if (inSource !== undefined) return inSource;
  const named = namedFeature(name ?? "");
  if ("problems" in named) {
    const swapped = query !== undefined && "feature" in namedFeature(query);
    const problems = swapped
      ? [`FEATURE comes first: vmxlens why ${shellOperand(query)} ${shellOperand(name ?? "")}`]
      : named.problems;
    const place = await whyPlace(name ?? "", queries, raw, world);
    if (place !== undefined) return place;
    return complain(world, swapped ? problems : ((await elsewhere(name ?? "")) ?? problems));
  }
  let goal: Layer | undefined;
  if (raw.layer !== undefined) {
    const found = layerOption(raw.layer);
    if ("problem" in found) return complain(world, [found.problem]);
    goal = found.layer;
  }
  const about = `${named.feature.id} ${goal === undefined ? "reaches nested guests" : `at the layer ${goal}`}`;
  return eachHost(
    queries,
    raw,
    world,
    about,
    ({ reached }) => String(reached),
    (...host) => whyFeature(named, goal, ...host),
  );
}

/** Features and modules of AMD's CPUs, as Linux names them. */
const OF_AMD = ["svm", "kvm_amd", "npt", "avic", "sev", "vgif", "vls", "amd-v", "vmcb", "vmrun", "dump_invalid_vmcb"];

/** Sentences on a word that another command explains. */
async function elsewhere(name: string): Promise<readonly string[] | undefined> {
  if (OF_AMD.some((word) => foldName(word) === foldName(name)))
    return [`${name} belongs to AMD's CPUs (SVM, kvm_amd); vmxlens is about VMX`];
  const { findFields } = await import("../../vmcs/fields/field-names.js");
  if (findFields(name).length > 0) return [`${name} is a field of the VMCS: vmxlens vmcs ${shellOperand(name)}`];
  const { explainPieces } = await import("../../messages/explain.js");
  const pieces = async function* () {
    yield name;
  };
  const { explanations, verdict } = await explainPieces(pieces());
  return verdict === undefined && explanations.every(({ message }) => message === undefined)
    ? undefined
    : [`what ${name} means: vmxlens explain ${shellOperand(name)}`];
}

async function whyFeature(
  named: { readonly feature: Feature; readonly note?: string },
  goal: Layer | undefined,
  query: string | undefined,
  raw: WhyOptions,
  world: World,
  before?: FoundHost,
): Promise<number> {
  const asked = await ready(query, raw, world, before);
  if (typeof asked === "number") return asked;
  const prepared = await withModule(asked, raw, world);
  if (typeof prepared === "number") return prepared;
  const { situation, settings, found } = prepared;
  const result = explain(situation, named.feature, goal);
  const blamed = result.each.some(({ remedies }) =>
    remedies.some((remedy) => remedy.some(({ kind }) => kind === "silicon")),
  );
  const input = {
    situation,
    why: result,
    ...(named.note === undefined ? {} : { note: named.note }),
    ...(blamed ? { atlas: inAtlas(named.feature) } : {}),
  };
  const decided = prepared.prover === undefined ? undefined : await decidedOf(prepared as ReadyByModule, named.feature);
  if (settings.json) {
    const { whyJson } = await import("../../report/json/json-why.js");
    showJson(whyJson(input, decided?.json()), world);
  } else
    await show(
      [...whyReport(input.situation, input.why, settings.width, input), ...(decided?.lines() ?? [])],
      prepared,
      world,
    );
  // An example answers nothing about this machine.
  return result.reached === "yes" && found.example === undefined ? EXIT.ok : EXIT.no;
}

/** What the module's own code did to the bits of a feature, for people and for programs. */
async function decidedOf(
  { situation, prover, proof, settings }: ReadyByModule,
  feature: Feature,
): Promise<{ lines(): readonly Line[]; json(): unknown }> {
  const { decidedBits } = await import("../../prove/decided-bits.js");
  const { decidedLines } = await import("../../report/prove/decided-report.js");
  const { decidedJson } = await import("../../report/json/json-module.js");
  const bits = decidedBits(situation, prover, proof, bitsOfFeature(feature));
  return {
    lines: () => decidedLines(situation, bits, settings.width),
    json: () => decidedJson(situation, prover.kernel, bits),
  };
}

/** A name that is not a feature's, but has a place: in the run, among the registers. Undefined for any other name. */
async function whyPlace(
  name: string,
  [query, ...others]: readonly (string | undefined)[],
  raw: WhyOptions,
  world: World,
): Promise<number | undefined> {
  const { findPlace } = await import("../../why/find-place.js");
  const isFeature = sourceNamesCalled(name).length === 0 && findFeature(name).kind !== "none";
  const place = isFeature ? undefined : findPlace(name);
  if (place === undefined) return undefined;
  const problems = [
    ...(raw.layer === undefined ? [] : [`--layer: ${name} is not a feature, so it does not reach a layer`]),
    ...(raw.json === true ? [`--json: ${name} is not a feature; see vmxlens replay --fn and vmxlens show`] : []),
    ...(others.length === 0 ? [] : [`${name} is not a feature, so it is shown on one HOST`]),
  ];
  if (problems.length > 0) return complain(world, problems);
  const prepared = await ready(query, raw, world);
  if (typeof prepared === "number") return prepared;
  const { placeReport } = await import("../../report/place-report.js");
  await show(placeReport(prepared.situation, place, prepared.settings.width), prepared, world);
  return knownExit(prepared.situation.read);
}

/** Ids of the atlas' CPUs that have a feature in silicon, the newest first, and how many may have it. */
function inAtlas(feature: Feature): NonNullable<WhyInput["atlas"]> {
  const entries = atlas();
  const cells = entries.map((entry) =>
    layerCell(replay(assume(entryHost(entry), "registers=sdm").host), feature, "silicon"),
  );
  const having = entries
    .filter((_, at) => cells[at] === "yes")
    .sort((a, b) => (b.launchYear ?? 0) - (a.launchYear ?? 0))
    .map(({ id }) => id);
  return { having, unknown: cells.filter((cell) => cell === "unknown").length, total: entries.length };
}

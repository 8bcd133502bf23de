import type { Step } from "../../answers/message.js";
import type { OwnMachine } from "../../situation/evidence/own-machine.js";
import type { Situation } from "../../situation/situation.js";
import { cpusNamed, hasOf } from "../../why/cpus/named-cpu.js";
import { type FeatureRow, machineHas, ofModel } from "../../why/cpus/of-model.js";
import { FEATURE_LIST } from "../../why/features.js";

/** The CPU of a text, where it has no unrestricted guest: by its model, or by the one name in the text. */
export function withoutUnrestricted(text: string, situation: Situation | undefined): string | undefined {
  const feature = FEATURE_LIST.find(({ id }) => id === "unrestricted-guest") as FeatureRow;
  const byModel = situation === undefined ? "unknown" : ofModel(situation)((one) => one === feature);
  if (byModel !== "unknown") return byModel === "no" ? (situation?.host.name ?? "This CPU") : undefined;
  const [named, ...others] = cpusNamed(text);
  return named !== undefined && others.length === 0 && hasOf(named)(feature) === "no"
    ? (situation?.host.name ?? named.name)
    : undefined;
}

const FAILS =
  /\b(?:fail\w{0,4}|errors?|not (?:seem to )?(?:work\w{0,3}|start|run)|crash\w{0,3}|exits?)\b|n['’]t (?:seem to )?(?:work|start|run|boot)\b/i;

/** A CPU with VT-x and without EPT, where something does not work. */
export function withoutEpt(
  text: string,
  machine: OwnMachine | undefined,
): { readonly says: string; readonly steps: readonly Step[] } | undefined {
  if (machine === undefined || !FAILS.test(text)) return undefined;
  const own = machineHas(machine.situation, "ept");
  const has = own === "unknown" ? ofModel(machine.situation)(({ id }) => id === "ept") : own;
  return has === "no"
    ? {
        says: "It has no EPT and no unrestricted guest: what needs one of them does not run on it.",
        steps: [],
      }
    : undefined;
}

import { useEffect, useState } from "preact/hooks";
import { formatWord, type Word } from "../../bits/word.js";
import { howToTell } from "../../report/layers-report.js";
import { LAYER_NAMES } from "../../report/verdict.js";
import { unknownSources } from "../../report/why-report.js";
import { type ConditionText, conditionText } from "../../report/wording/condition-text.js";
import { decisiveBits, reasonText, ruleOf, stepText } from "../../report/wording/reason-text.js";
import { instructions } from "../../report/wording/remedy-text.js";
import { fileOf, functionOf } from "../../rules/effect.js";
import { formatHeld } from "../../rules/held.js";
import { kernelName } from "../../rules/release.js";
import type { Rule } from "../../rules/rule.js";
import { type Feature, LAYER_TITLES, LAYERS, type Layer } from "../../why/features.js";
import { type LayerStep, layerStep } from "../../why/layer-step.js";
import { featureLayers } from "../../why/layers.js";
import type { BitReason } from "../../why/reason.js";
import { holdsBefore } from "../../why/state-before.js";
import type { TracedReplay } from "../../why/traced-replay.js";
import { type WhyAnswer, why } from "../../why/why.js";
import type { Model } from "../model.js";
import { t } from "../texts.js";
import { MARKS } from "./layers-view.js";
import { Command, Spans } from "./spans.js";

interface WhyProps {
  readonly model: Model;
  readonly feature: Feature;
  readonly layer: Layer | undefined;
  readonly choose: (feature: string, layer: Layer | undefined) => void;
}

/** Why a feature is there or not: the chain of layers, then the layer that is looked at with its rules. */
export function WhyView({ model, feature, layer, choose }: WhyProps) {
  const [traced] = model.traces;
  const row = featureLayers(traced.replayed, feature);
  const steps = LAYERS.map((one) => layerStep(traced, feature, one, row.cells[one]));
  const silicon = steps[0] as LayerStep;
  const at = layer ?? row.lostAt ?? row.unknownAt ?? "nested";
  const step = steps.find((one) => one.layer === at) as LayerStep;
  const several = model.traces.length > 1;
  return (
    <section class="why" aria-labelledby="why-title">
      <h2 id="why-title">
        {feature.id}: {feature.name}
      </h2>
      {several ? <p class="note">{kernelName(traced.replayed.release)}</p> : null}
      <table class="chain">
        <caption class="vh">{t("chain_caption")}</caption>
        <thead class="vh">
          <tr>
            <th scope="col">{t("layer")}</th>
            <th scope="col">{t("answer")}</th>
            <th scope="col">{t("reason")}</th>
          </tr>
        </thead>
        <tbody>
          {steps.map((one) => (
            <tr key={one.layer} class={one.layer === at ? "chosen" : undefined}>
              <th scope="row">
                <button type="button" aria-pressed={one.layer === at} onClick={() => choose(feature.id, one.layer)}>
                  {LAYER_TITLES[one.layer]}
                </button>
              </th>
              <td class={`c-${one.cell}${one.layer === row.lostAt ? " thief" : ""}`}>
                <span aria-hidden="true">{MARKS[one.cell][0]}</span> {MARKS[one.cell][1]}
              </td>
              <td>{stepText(traced, one, silicon)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <Reasons traced={traced} step={step} />
      <Remedies model={model} feature={feature} />
    </section>
  );
}

/** The bits that a layer's answer rests on, each followed back, with the rules on the way. */
function Reasons({ traced, step }: { readonly traced: TracedReplay; readonly step: LayerStep }) {
  const bits = decisiveBits(step);
  if (bits.length === 0) return null;
  const rules = new Map<string, Rule>();
  const collect = (found: BitReason, depth: number): void => {
    const rule = ruleOf(found);
    if (rule !== undefined) rules.set(rule.id, rule);
    if (depth < 6) for (const earlier of found.because) collect(earlier, depth + 1);
  };
  for (const one of bits) collect(one, 0);
  return (
    <>
      <h3>{LAYER_NAMES[step.layer]}</h3>
      <ul class="reasons">
        {bits.map((one) => (
          <Because key={`${one.word} ${one.bit}`} traced={traced} found={one} depth={0} />
        ))}
      </ul>
      {[...rules.values()].slice(0, 4).map((rule) => (
        <RuleText key={rule.id} traced={traced} rule={rule} />
      ))}
    </>
  );
}

function Because({ traced, found, depth }: { traced: TracedReplay; found: BitReason; depth: number }) {
  return (
    <li>
      <code>
        {found.word}[{found.bit}]
      </code>{" "}
      <b class={`s-${found.value}`}>{found.value === "yes" ? 1 : found.value === "no" ? 0 : "?"}</b>{" "}
      {reasonText(traced, found)}
      {found.because.length === 0 || depth > 5 ? null : (
        <ul>
          {found.because.slice(0, 8).map((earlier) => (
            <Because key={`${earlier.word} ${earlier.bit}`} traced={traced} found={earlier} depth={depth + 1} />
          ))}
        </ul>
      )}
    </li>
  );
}

/** A rule with its function, the kernels it is in, and its condition with the value of each leaf. */
export function RuleText({ traced, rule }: { readonly traced: TracedReplay; readonly rule: Rule }) {
  const { release, config } = traced.replayed;
  const condition = rule.when === undefined ? undefined : conditionText(rule.when, config, holdsBefore(traced, rule));
  return (
    <div class="rule">
      <p>
        <code>{functionOf(rule, release)}</code> <span class="s-dim">{fileOf(rule, release)}</span>{" "}
        <span class="s-dim">
          {t("kernels_of_rule")} {formatHeld(rule.held)}
        </span>
        <br />
        {rule.says}
      </p>
      {changesOf(traced, rule).map(({ word, before, after }) => (
        <p key={word} class="change">
          <code>
            {word}: {formatWord(before)} → {formatWord(after)}
          </code>
        </p>
      ))}
      {condition === undefined ? null : (
        <ul class="condition">
          <Leaf of={condition} />
        </ul>
      )}
    </div>
  );
}

/** What a rule did to each word: before its first change, and after its last. */
function changesOf({ events }: TracedReplay, rule: Rule) {
  const words = new Map<string, { readonly word: string; readonly before: Word; readonly after: Word }>();
  for (const event of events) {
    if (event.kind !== "change" || event.rule !== rule) continue;
    const { word, before, after } = event;
    words.set(word, { word, before: words.get(word)?.before ?? before, after });
  }
  return [...words.values()];
}

const CONNECTIVES = { all: "if all of these hold", any: "if one of these holds", one: "if exactly one of these holds" };

function Leaf({ of }: { readonly of: ConditionText }) {
  const value = of.value === "yes" ? t("holds") : of.value === "no" ? t("holds_not") : t("holds_unknown");
  const mark = <b class={`s-${of.value}`}>{value}</b>;
  if ("statement" in of) {
    return (
      <li>
        {mark} {of.statement}
      </li>
    );
  }
  return (
    <li>
      {mark} <span class="s-dim">{CONNECTIVES[of.of]}</span>
      <ul>
        {of.parts.map((part, index) => (
          <Leaf key={String(index)} of={part} />
        ))}
      </ul>
    </li>
  );
}

/** What would bring a feature back. The search replays many times, so it runs when the rest has been painted. */
function Remedies({ model, feature }: { readonly model: Model; readonly feature: Feature }) {
  const [found, setFound] = useState<{ readonly of: Model; readonly id: string; readonly answer: WhyAnswer }>();
  useEffect(() => {
    const timer = setTimeout(() => {
      setFound({ of: model, id: feature.id, answer: why(model.situation, feature) });
    }, 120);
    return () => clearTimeout(timer);
  }, [model, feature]);
  const current = found !== undefined && found.of === model && found.id === feature.id ? found.answer : undefined;
  if (current === undefined) return <p class="note remedies">{t("remedy_search")}</p>;
  const [first] = current.each;
  const params = model.situation.candidates[0].options.params ?? {};
  if (current.reached === "yes") return <p class="note remedies">{t("remedy_reached")}</p>;
  return (
    <div class="remedies">
      {current.reached === "unknown" || first.mayHelp !== undefined ? (
        <>
          <h3>{t("needed")}</h3>
          {howToTell(unknownSources(first), 100).map((line, at) => (
            <p key={String(at)}>
              <Spans of={line} />
            </p>
          ))}
        </>
      ) : null}
      {first.remedies.length === 0 && current.reached === "no" && first.mayHelp === undefined ? (
        <p>{t("remedy_none")}</p>
      ) : null}
      {first.remedies.length === 0 ? null : <h3>{t("remedy")}</h3>}
      <ol>
        {first.remedies.map((remedy, at) => (
          <li key={String(at)}>
            {instructions(remedy, first.replayed.host, params).map(({ text, details = [], commands }) => (
              <div key={text}>
                {text}
                {details.map((detail) => (
                  <div key={detail} class="s-dim">
                    {detail}
                  </div>
                ))}
                {commands.map((command) => (
                  <Command key={command} text={command} />
                ))}
              </div>
            ))}
          </li>
        ))}
      </ol>
    </div>
  );
}

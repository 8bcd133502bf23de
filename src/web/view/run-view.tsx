import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { bitAt, formatWord } from "../../bits/word.js";
import {
  type BitChange,
  isListed,
  laneName,
  msrBitOf,
  PATHS,
  type Path,
  pathOf,
  type Station,
  stationsOf,
} from "../../report/page/lanes.js";
import { type Change, type Flip, flipped, type PageState } from "../../report/page/state.js";
import { functionOf } from "../../rules/effect.js";
import { kernelName } from "../../rules/release.js";
import type { Model } from "../model.js";
import { pictureText } from "../picture-text.js";
import { t } from "../texts.js";
import { LanesPicture } from "./lanes-picture.js";
import { rove } from "./rove.js";
import { Copy } from "./spans.js";
import { RuleText } from "./why-view.js";

interface RunProps {
  readonly model: Model;
  readonly state: PageState;
  readonly update: (change: Change) => void;
}

const NARROW = "(max-width: 760px)";

/** Whether the page is too narrow for lanes that run down. */
function useNarrow(): boolean {
  const query = useMemo(() => matchMedia(NARROW), []);
  const [narrow, setNarrow] = useState(query.matches);
  useEffect(() => {
    const follow = () => setNarrow(query.matches);
    query.addEventListener("change", follow);
    return () => query.removeEventListener("change", follow);
  }, [query]);
  return narrow;
}

/** A register on its way through the code, step by step. */
export function RunView({ model, state, update }: RunProps) {
  const narrow = useNarrow();
  const [idle, setIdle] = useState(false);
  const [traced] = model.traces;
  const path = pathOf(state.path);
  const stations = useMemo(() => stationsOf(traced, path), [traced, path]);
  const end = stations.length - 1;
  const at = Math.min(state.step ?? end, end);
  const go = (to: number) => update({ step: to >= end ? undefined : Math.max(0, to) });
  const flip = (bit: number) => update({ flips: flipped(state.flips, msrBitOf(path, bit)) });
  const picture = useRef<HTMLDivElement>(null);
  const station = stations[at] as Station;
  return (
    <section class="run" aria-labelledby="run-title">
      <h2 id="run-title">
        {t("run")}: {path.title}, {kernelName(traced.replayed.release)}
      </h2>
      <div class="row">
        <label>
          {t("run_path")}{" "}
          <select
            id="path"
            value={path.id}
            onChange={(event) => update({ path: event.currentTarget.value, step: undefined })}
          >
            {PATHS.map(({ id, title }) => (
              <option key={id} value={id}>
                {title}
              </option>
            ))}
          </select>
        </label>
        <fieldset class="steps">
          <legend class="vh">{t("run_step")}</legend>
          <button type="button" disabled={at === 0} onClick={() => go(0)}>
            {t("run_first")}
          </button>
          <button type="button" id="step-back" disabled={at === 0} onClick={() => go(at - 1)}>
            ← {t("run_back")}
          </button>
          <button type="button" id="step-on" disabled={at === end} onClick={() => go(at + 1)}>
            {t("run_on")} →
          </button>
          <button type="button" disabled={at === end} onClick={() => go(end)}>
            {t("run_last")}
          </button>
        </fieldset>
        <label>
          <input type="checkbox" checked={idle} onChange={() => setIdle(!idle)} /> {t("run_idle")}
        </label>
        <Copy text={() => pictureText(picture.current?.querySelector("svg") ?? undefined)}>{t("share_svg")}</Copy>
      </div>
      <div class="station-text" role="status">
        <p>
          {t("run_step")} {at} {t("run_of")} {end}: <code>{station.fn ?? station.word}</code>{" "}
          <span class="s-dim">{station.file ?? ""}</span> {station.fn === undefined ? "" : station.word} ={" "}
          <code>{formatWord(station.value)}</code>
          {station.happens === undefined || station.happens === "yes" ? "" : ` (${station.happens})`}
        </p>
        {station.rule === undefined ? null : <RuleText traced={traced} rule={station.rule} />}
        <Changes station={at === end ? { ...station, ends: [] } : station} />
        {at === end ? <Lost stations={stations} /> : null}
      </div>
      {idle ? <IdleSteps station={station} model={model} /> : null}
      {stations.length < 2 ? <p class="note">{t("run_empty")}</p> : null}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and has to be reached by keyboard for that */}
      <section class="scroll" tabIndex={0} aria-label={path.title}>
        <div ref={picture}>
          <LanesPicture path={path} stations={stations} at={at} turned={narrow} flip={flip} go={go} />
        </div>
      </section>
      <p class="legend">{t("run_legend")}</p>
      <LaneTable path={path} stations={stations} flips={state.flips} flip={flip} />
    </section>
  );
}

function Changes({ station: { ends, begins } }: { readonly station: Station }) {
  const texts = (of: readonly BitChange[], sign: string) =>
    of
      .filter((one) => one.returns || isListed(one))
      .map(({ bit, name, text, to, returns }) => (
        <li key={bit}>
          <b class={sign === "−" && !returns ? "s-no" : "s-unknown"}>
            {to === "unknown" ? "?" : sign}
            {name ?? `bit ${bit}`}
          </b>{" "}
          {text}
          {returns ? ` (${t("run_back_again")})` : ""}
        </li>
      ));
  if (ends.length + begins.length === 0) return null;
  return (
    <ul class="reasons">
      {texts(ends, "−")}
      {texts(begins, "+")}
    </ul>
  );
}

/** At the end: what did not get there. */
function Lost({ stations }: { readonly stations: readonly Station[] }) {
  const lost = stations.flatMap(({ ends, fn, word }) =>
    ends.filter(isListed).map((one) => ({ ...one, at: fn ?? word })),
  );
  if (lost.length === 0) return <p class="note">{t("run_nothing_lost")}</p>;
  return (
    <ul class="reasons">
      {lost.map(({ bit, name, text, from, at }) => (
        <li key={bit}>
          {t(from === "unknown" ? "run_lost_if" : "run_lost")}:{" "}
          <b class={from === "unknown" ? "s-unknown" : "s-no"}>{name ?? `bit ${bit}`}</b> (<code>{at}</code>) {text}
        </li>
      ))}
    </ul>
  );
}

/** The steps before this one that leave the words alone. */
function IdleSteps({ station, model }: { readonly station: Station; readonly model: Model }) {
  const [{ replayed }] = model.traces;
  return (
    <div class="idle">
      <p class="note">
        {station.idle.length} {t("run_folded")}
      </p>
      <ol>
        {station.idle.map(({ rule }, index) => (
          <li key={String(index)}>
            <code>{functionOf(rule, replayed.release)}</code> {rule.says}
          </li>
        ))}
      </ol>
    </div>
  );
}

interface TableProps {
  readonly path: Path;
  readonly stations: readonly Station[];
  readonly flips: readonly Flip[];
  readonly flip: (bit: number) => void;
}

const SIGN = { yes: "1", no: "0", unknown: "?" } as const;

/** The same facts as the picture, a row for each bit that has a name or is 1 somewhere. */
function LaneTable({ path, stations, flips, flip }: TableProps) {
  const words = [...new Set(stations.map(({ word }) => word))];
  const lastOf = (word: string) => stations.findLast((one) => one.word === word) as Station;
  const bits = Array.from({ length: 32 }, (_, bit) => 31 - bit).filter(
    (bit) => laneName(path, bit) !== undefined || stations.some(({ value }) => bitAt(value, bit) === "yes"),
  );
  return (
    <section class="scroll" aria-label={t("run_caption")}>
      <table class="lane-table">
        <caption>{t("run_caption")}</caption>
        <thead>
          <tr>
            <th scope="col">{t("run_bit")}</th>
            <th scope="col">{t("run_name")}</th>
            {words.map((word) => (
              <th scope="col" key={word}>
                {word}
              </th>
            ))}
            <th scope="col">{t("run_fate")}</th>
          </tr>
        </thead>
        <tbody onKeyDown={(event) => rove(event, "down", false)}>
          {bits.map((bit, row) => {
            const turned = msrBitOf(path, bit);
            const isTurned = flips.some((one) => one.msr === turned.msr && one.bit === turned.bit);
            return (
              <tr key={bit}>
                <th scope="row">{bit}</th>
                <td>{laneName(path, bit) ?? "–"}</td>
                {words.map((word, index) => {
                  const value = bitAt(lastOf(word).value, bit);
                  return (
                    <td key={word} class={`v-${value}`}>
                      {index > 0 ? (
                        SIGN[value]
                      ) : (
                        <button
                          type="button"
                          tabIndex={row === 0 ? 0 : -1}
                          aria-pressed={isTurned}
                          aria-label={`${t("run_turn")}: ${laneName(path, bit) ?? bit}, ${SIGN[value]}`}
                          onClick={() => flip(bit)}
                        >
                          {SIGN[value]}
                        </button>
                      )}
                    </td>
                  );
                })}
                <td>{fateOf(stations, bit)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}

/** What becomes of a bit, in words. */
function fateOf(stations: readonly Station[], bit: number): string {
  const parts = stations.flatMap(({ ends, begins, forced, fn, word }) => {
    const at = fn ?? word;
    const end = ends.find((one) => one.bit === bit);
    const begin = begins.find((one) => one.bit === bit);
    return [
      ...(end === undefined
        ? []
        : [
            `${end.to === "unknown" ? "?" : t(end.from === "unknown" ? "run_lost_if" : "run_lost")} (${at}): ${end.text}`,
          ]),
      ...(begin === undefined ? [] : [`${begin.to === "unknown" ? "?" : "+"} (${at}): ${begin.text}`]),
      ...((forced >>> bit) & 1 ? [`${t("run_forced")} (${at})`] : []),
    ];
  });
  if (parts.length > 0) return parts.join("; ");
  return t(stations.some(({ value }) => bitAt(value, bit) !== "no") ? "run_kept" : "run_never");
}

import { Component } from "preact";
import { GROUP_TITLES, type Group, groupOf } from "../../report/feature-groups.js";
import { LAYER_HEADS, type Shown, shownCell } from "../../report/layers-report.js";
import { LAYERS, type Layer } from "../../why/features.js";
import type { FeatureLayers, LayerAnswer } from "../../why/layers.js";
import { t } from "../texts.js";
import { rove } from "./rove.js";

/** A shape and a word for each answer; a narrow page shows the letter for the word. */
export const MARKS: { readonly [S in Shown]: readonly [shape: string, word: string, letter: string] } = {
  yes: ["●", "yes", "y"],
  no: ["✕", "no", "n"],
  unknown: ["?", "unknown", "u"],
  none: ["–", "none", "-"],
  emulated: ["◐", "emul", "e"],
};

interface RowProps {
  readonly row: FeatureLayers;
  readonly chosen: boolean;
  readonly layer: Layer | undefined;
  /** Layers whose answer the last knob changed. */
  readonly moved: readonly Layer[];
  /** What a chosen model of QEMU makes of it; undefined before that is known. */
  readonly model: LayerAnswer | undefined;
}

/** One feature. A row is drawn again only when something in it changed. */
class Row extends Component<RowProps> {
  override shouldComponentUpdate(next: RowProps): boolean {
    const { row, chosen, layer, moved, model } = this.props;
    return (
      chosen !== next.chosen ||
      (next.chosen && layer !== next.layer) ||
      moved.join() !== next.moved.join() ||
      model !== next.model ||
      row.lostAt !== next.row.lostAt ||
      LAYERS.some((one) => row.cells[one] !== next.row.cells[one])
    );
  }

  override render({ row, chosen, layer, moved, model }: RowProps) {
    const { feature, lostAt } = row;
    const lost = lostAt === undefined ? LAYERS.length : LAYERS.indexOf(lostAt);
    return (
      <tr class={chosen ? "chosen" : undefined} data-feature={feature.id}>
        <th scope="row">
          <button type="button" tabIndex={chosen ? 0 : -1} aria-pressed={chosen} title={feature.name}>
            {feature.id}
          </button>
        </th>
        {LAYERS.map((one, at) => {
          const shown = shownCell(row, one);
          const [shape, word, letter] = MARKS[shown];
          const place = at === lost ? " thief" : at > lost && shown !== "emulated" ? " drained" : "";
          const now = chosen && layer === one ? " now" : "";
          return (
            <td key={one} data-layer={one} class={`c-${shown}${place}${now}${moved.includes(one) ? " moved" : ""}`}>
              <span aria-hidden="true">{shape}</span>
              <span class="word">{word}</span>
              <span class="letter" aria-hidden="true">
                {letter}
              </span>
            </td>
          );
        })}
        <td class={`c-${model ?? "none"} model`}>
          {model === undefined ? null : (
            <>
              <span aria-hidden="true">{MARKS[model][0]}</span>
              <span class="word">{MARKS[model][1]}</span>
              <span class="letter" aria-hidden="true">
                {MARKS[model][2]}
              </span>
            </>
          )}
        </td>
      </tr>
    );
  }
}

export interface LayersProps {
  readonly matrix: readonly FeatureLayers[];
  readonly feature: string;
  readonly layer: Layer | undefined;
  readonly moved: ReadonlyMap<string, readonly Layer[]>;
  readonly models: ReadonlyMap<string, LayerAnswer> | undefined;
  readonly modelName: string;
  readonly choose: (feature: string, layer: Layer | undefined) => void;
}

const NONE: readonly Layer[] = [];

/** The matrix of features and layers. */
export function LayersView({ matrix, feature, layer, moved, models, modelName, choose }: LayersProps) {
  const click = (event: MouseEvent) => {
    const target = event.target as Element;
    const id = target.closest("tr")?.dataset.feature;
    const at = target.closest("td")?.dataset.layer as Layer | undefined;
    if (id !== undefined) choose(id, at);
  };
  return (
    <table class="matrix" onClick={click} onKeyDown={(event) => rove(event, "down")}>
      <caption>{t("layers_caption")}</caption>
      <thead>
        <tr>
          <th scope="col">{t("feature")}</th>
          {LAYERS.map((one) => (
            <th scope="col" key={one}>
              <span class="word">{LAYER_HEADS[one][0]}</span>
              <abbr class="letter" title={LAYER_HEADS[one][0]}>
                {LAYER_HEADS[one][1]}
              </abbr>
            </th>
          ))}
          <th scope="col" title={modelName}>
            <span class="word">QEMU</span>
            <abbr class="letter" title="QEMU">
              Q
            </abbr>
          </th>
        </tr>
      </thead>
      {(Object.keys(GROUP_TITLES) as Group[]).map((group) => (
        <tbody key={group}>
          <tr class="group">
            <th scope="rowgroup" colSpan={LAYERS.length + 2}>
              {GROUP_TITLES[group]}
            </th>
          </tr>
          {matrix
            .filter((row) => groupOf(row.feature.id) === group)
            .map((row) => (
              <Row
                key={row.feature.id}
                row={row}
                chosen={row.feature.id === feature}
                layer={layer}
                moved={moved.get(row.feature.id) ?? NONE}
                model={models?.get(row.feature.id)}
              />
            ))}
        </tbody>
      ))}
    </table>
  );
}

/** Which cells differ between two matrices, by feature. */
export function movedCells(
  before: readonly FeatureLayers[] | undefined,
  now: readonly FeatureLayers[],
): ReadonlyMap<string, readonly Layer[]> {
  const moved = new Map<string, readonly Layer[]>();
  for (const [at, row] of now.entries()) {
    const old = before?.[at];
    if (old === undefined) continue;
    const layers = LAYERS.filter((one) => shownCell(old, one) !== shownCell(row, one));
    if (layers.length > 0) moved.set(row.feature.id, layers);
  }
  return moved;
}

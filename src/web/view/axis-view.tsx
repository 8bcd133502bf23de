import { useEffect, useState } from "preact/hooks";
import type { Feature } from "../../why/features.js";
import { type KernelColumn, kernelColumns, type Reach } from "../axis.js";
import type { Model } from "../model.js";
import { t } from "../texts.js";
import { rove } from "./rove.js";

const REACH: {
  readonly [R in Reach]: readonly [letter: string, text: "axis_l1" | "axis_kvm" | "axis_no" | "axis_unknown"];
} = {
  l1: ["L", "axis_l1"],
  kvm: ["K", "axis_kvm"],
  no: ["n", "axis_no"],
  unknown: ["?", "axis_unknown"],
};

interface AxisProps {
  readonly model: Model;
  readonly feature: Feature;
  readonly choose: (kernel: string) => void;
}

/** One feature under every kernel. The replays are made when the knob has been painted. */
export function AxisView({ model, feature, choose }: AxisProps) {
  const [columns, setColumns] = useState<readonly KernelColumn[]>([]);
  useEffect(() => {
    const timer = setTimeout(() => setColumns(kernelColumns(model.situation, feature)), 60);
    return () => clearTimeout(timer);
  }, [model, feature]);
  const now = model.situation.candidates.map(({ release }) => release);
  // One of them is in the order of the Tab key.
  const stop = now.find((one) => columns.some(({ release }) => release === one)) ?? columns[0]?.release;
  const lines = [...new Set(columns.map(({ line }) => line))];
  return (
    <section class="axis" aria-labelledby="axis-title">
      <h2 id="axis-title">
        {t("axis")}: {feature.id}
      </h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and has to be reached by keyboard for that */}
      <section class="scroll" tabIndex={0} aria-label={t("axis_caption")}>
        <table>
          <caption>{t("axis_caption")}</caption>
          <thead>
            <tr>
              <td />
              {lines.map((line) => (
                <th key={line} scope="colgroup" colSpan={columns.filter((one) => one.line === line).length}>
                  {line}
                </th>
              ))}
            </tr>
            <tr onKeyDown={(event) => rove(event, "across")}>
              <td />
              {columns.map(({ release }) => (
                <th key={release} scope="col" class={`kernel${now.includes(release) ? " now" : ""}`}>
                  <button
                    type="button"
                    tabIndex={release === stop ? 0 : -1}
                    aria-pressed={now.includes(release)}
                    onClick={() => choose(release)}
                  >
                    {release}
                  </button>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            <tr>
              <th scope="row">{feature.id}</th>
              {columns.map(({ release, reach, sure }) => (
                <td
                  key={release}
                  class={`r-${reach}${sure === "derived" ? " derived" : ""}`}
                  title={`${release}: ${t(REACH[reach][1])}${sure === "derived" ? ` (${t("axis_derived")})` : ""}`}
                >
                  <i aria-hidden="true" />
                  <span>{REACH[reach][0]}</span>
                </td>
              ))}
            </tr>
          </tbody>
        </table>
      </section>
      <p class="legend">
        {(Object.keys(REACH) as Reach[]).map((reach) => `${REACH[reach][0]} ${t(REACH[reach][1])}`).join(" · ")} · ’{" "}
        {t("axis_derived")}
      </p>
    </section>
  );
}

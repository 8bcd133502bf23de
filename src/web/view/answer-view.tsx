import { Component, type ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { basisLines } from "../../report/basis.js";
import { situationVerdict } from "../../report/layers-report.js";
import { type Change, FIRST_STATE, type HostId, type PageState } from "../../report/page/state.js";
import { FEATURE_LIST, type Feature, type Layer } from "../../why/features.js";
import type { LayerAnswer } from "../../why/layers.js";
import { commandOf } from "../command-line.js";
import type { Model, PageHost } from "../model.js";
import type { Reading } from "../reading.js";
import type { SecondScript } from "../second-script.js";
import { t } from "../texts.js";
import { AxisView } from "./axis-view.js";
import { KnobsView } from "./knobs-view.js";
import { LayersView } from "./layers-view.js";
import { Command, Folded, Lines, Spans } from "./spans.js";
import { WhyView } from "./why-view.js";

interface AnswerProps {
  readonly model: Model;
  readonly state: PageState;
  readonly update: (change: Change) => void;
  /** Cells that the last knob moved, by feature. */
  readonly moved: ReadonlyMap<string, readonly Layer[]>;
  /** Whether there was an answer for this host before. */
  readonly changed: boolean;
  readonly reading: Reading | undefined;
  readonly second: SecondScript | undefined;
  readonly hostOf: (id: HostId) => PageHost;
}

const NO_HOSTS: readonly PageHost[] = [];

/** The answer: the verdict, the knobs, and the part of the page that is looked at. */
export function AnswerView(props: AnswerProps) {
  const { model, state, update, reading, second, hostOf } = props;
  const { view } = state;
  // What explains and audits a text has a verdict of its own on it.
  if (view === "explain" || view === "audit") {
    return (
      <Guard key={view}>
        {second === undefined ? (
          <p class="note">{t("loading")}</p>
        ) : view === "explain" ? (
          <second.ExplainView model={model} reading={reading} />
        ) : (
          <second.AuditView model={model} reading={reading} />
        )}
      </Guard>
    );
  }
  return (
    <>
      <section class="verdict" id="answer" tabIndex={-1} aria-label={t("verdict")}>
        {state.host === FIRST_STATE.host && model.page.origin === "atlas" ? <p class="note">{t("example")}</p> : null}
        <p role="status">
          <Spans of={situationVerdict(model.situation)} />
        </p>
        <Command text={commandOf(model, state)} />
        <Folded title={t("basis")}>{() => <Lines of={basisLines(model.situation, 96)} label={t("basis")} />}</Folded>
      </section>
      <KnobsView model={model} state={state} update={update}>
        <MovedText {...props} />
      </KnobsView>
      <Guard key={view}>
        {view === "layers" ? (
          <LayersPart {...props} />
        ) : second === undefined ? (
          <p class="note">{t("loading")}</p>
        ) : view === "run" ? (
          <second.RunView model={model} state={state} update={update} />
        ) : view === "registers" ? (
          <second.RegistersView model={model} state={state} update={update} />
        ) : (
          <second.CompareView
            model={model}
            state={state}
            update={update}
            hostOf={hostOf}
            own={reading?.hosts ?? NO_HOSTS}
          />
        )}
      </Guard>
    </>
  );
}

/** What the last knob moved. */
function MovedText({ moved, changed }: AnswerProps) {
  const texts = [...moved].map(([id, layers]) => `${id} (${layers.join(", ")})`);
  const text =
    texts.length === 0
      ? t("moved_none")
      : `${t("moved")}: ${texts.slice(0, 12).join(", ")}${texts.length > 12 ? " …" : ""}`;
  return (
    <p class="moved-text" role="status">
      {changed ? text : ""}
    </p>
  );
}

/** The matrix, with the reasons for what is chosen in it and the kernels beside it. */
function LayersPart({ model, state, update, moved, second }: AnswerProps) {
  // What a model of QEMU makes of it comes when the rest has been painted.
  const [models, setModels] = useState<ReadonlyMap<string, LayerAnswer>>();
  useEffect(() => {
    if (second === undefined) return;
    const timer = setTimeout(() => setModels(second.modelCells(model.situation, state.model ?? "host")), 90);
    return () => clearTimeout(timer);
  }, [model, second, state.model]);
  const feature = (FEATURE_LIST.find(({ id }) => id === state.feature) ?? FEATURE_LIST[0]) as Feature;
  const choose = (id: string, layer: Layer | undefined) => update({ feature: id, layer });
  return (
    <div class="columns">
      <div>
        <LayersView
          matrix={model.matrix}
          feature={feature.id}
          layer={state.layer}
          moved={moved}
          models={models}
          modelName={state.model ?? "host"}
          choose={choose}
        />
        <p class="legend">{t("legend")}</p>
        {second === undefined ? null : (
          <label class="legend">
            {t("qemu_model")}{" "}
            <select
              id="model"
              value={state.model ?? "host"}
              onChange={(event) => {
                const { value } = event.currentTarget;
                update({ model: value === "host" ? undefined : value });
              }}
            >
              {second.qemuModels().map((name) => (
                <option key={name} value={name}>
                  {name}
                </option>
              ))}
            </select>
          </label>
        )}
      </div>
      <div class="beside">
        <WhyView model={model} feature={feature} layer={state.layer} choose={choose} />
        <AxisView model={model} feature={feature} choose={(kernel) => update({ kernel })} />
      </div>
    </div>
  );
}

/** A part of the page that fails takes nothing else with it. */
class Guard extends Component<{ readonly children: ComponentChildren }, { readonly failed?: string }> {
  override componentDidCatch(error: unknown): void {
    this.setState({ failed: error instanceof Error ? error.message : String(error) });
  }

  override render() {
    const { failed } = this.state;
    return failed === undefined ? (
      this.props.children
    ) : (
      <p role="alert">
        {t("failed")} ({failed})
      </p>
    );
  }
}

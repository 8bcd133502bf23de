import { Component, type ComponentChildren } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { basisLines, hostName } from "../../report/basis.js";
import { situationVerdict } from "../../report/layers-report.js";
import type { Case } from "../../report/page/case.js";
import { type FromHash, fromHash, toHash } from "../../report/page/hash.js";
import { pathOf, stationsOf } from "../../report/page/lanes.js";
import { type Change, changed, type HostId, type PageState, START, VIEWS, withHost } from "../../report/page/state.js";
import { kernelLabel } from "../../report/wording/kernel-text.js";
import { FEATURE_LIST, type Feature, LAYERS, type Layer } from "../../why/features.js";
import type { Cell } from "../../why/layers.js";
import { commandOf } from "../command-line.js";
import { atlasPageHost, type Model, modelOf, type PageHost } from "../model.js";
import { unpack } from "../packed.js";
import type { Reading } from "../reading.js";
import { type SecondScript, secondScript } from "../second-script.js";
import { LANGUAGES, type LanguageId, t } from "../texts.js";
import { AxisView } from "./axis-view.js";
import { PasteView, PickView } from "./input-view.js";
import { KnobsView, neighbour } from "./knobs-view.js";
import { LayersView, movedCells } from "./layers-view.js";
import { Command, Folded, Spans } from "./spans.js";
import { WhyView } from "./why-view.js";

interface AppProps {
  readonly start: FromHash;
  readonly given: Case | string | undefined;
  readonly language: LanguageId;
}

const NO_HOSTS: readonly PageHost[] = [];
const STANDARD = atlasPageHost(START.host as string) as PageHost;

/** The host of a state; the standard one until the text that describes it has been read. */
function hostOf(id: HostId, reading: Reading | undefined): PageHost {
  const found = typeof id === "number" ? reading?.hosts[id] : atlasPageHost(id);
  return found ?? STANDARD;
}

/** By how much a key moves the step that is looked at. */
const STEP_KEYS: { readonly [key: string]: number } = { ArrowLeft: -1, ArrowRight: 1, Home: -1e6, End: 1e6 };

/** Does a key belong to what is typed into. */
function isTyping(event: KeyboardEvent): boolean {
  const [target] = event.composedPath() as Element[];
  return target instanceof HTMLElement && /^(?:INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
}

export function App({ start, given, language }: AppProps) {
  const [state, setState] = useState(start.state);
  const [bad, setBad] = useState(start);
  const [text, setText] = useState(typeof given === "object" ? given.text : "");
  const [reading, setReading] = useState<Reading>();
  const [busy, setBusy] = useState(false);
  const [pasting, setPasting] = useState(typeof given === "object" && given.text !== "");
  const [problems, setProblems] = useState<readonly string[]>(
    typeof given === "string" ? [`${t("case_bad")}: ${given}`] : [],
  );
  const [help, setHelp] = useState(false);
  const [sharing, setSharing] = useState(false);
  const [second, setSecond] = useState<SecondScript>();
  const update = (change: Change) => setState((now) => changed(now, change));
  const choose = (host: HostId) => setState((now) => withHost(now, host));

  const page = useMemo(() => hostOf(state.host, reading), [state.host, reading]);
  const made = useMemo(() => modelOf(page, state), [page, ...questionOf(state)]);
  const last = useRef<Model>(undefined);
  const before = useRef<Model>(undefined);
  // What cannot be asked leaves the last answer on the page, with the problem above it.
  const problem = "argument" in made ? made.text : undefined;
  if (!("argument" in made) && made !== last.current) {
    before.current = last.current?.page.id === made.page.id ? last.current : undefined;
    last.current = made;
  }
  const model = last.current ?? (modelOf(STANDARD, START) as Model);
  const moved = useMemo(() => movedCells(before.current?.matrix, model.matrix), [model]);

  // Reading: whatever was asked for last counts.
  const turn = useRef(0);
  const own = useRef(state.host);
  own.current = state.host;
  useEffect(() => {
    const mine = ++turn.current;
    if (text.trim() === "") {
      setReading(undefined);
      setBusy(false);
      return;
    }
    setBusy(true);
    const timer = setTimeout(async () => {
      const { readText } = await secondScript();
      const name = typeof given === "object" && given.text === text ? given.name : "pasted text";
      const found = await readText(text, name, () => turn.current === mine);
      if (found === undefined) return;
      setReading(found);
      setBusy(false);
      if (found.hosts.length > 0 && typeof own.current !== "number") choose(0);
      else if (found.hosts.length === 0 && found.dumps.length > 0) update({ view: "audit" });
      else if (found.hosts.length === 0 && found.errors.length > 0) update({ view: "explain" });
    }, 150);
    return () => clearTimeout(timer);
  }, [text]);

  const addFiles = async (files: readonly File[]) => {
    const refused: string[] = [];
    let all = text;
    for (const file of files) {
      if (file.size > 64 * 1024 * 1024) {
        refused.push(`${file.name} ${t("too_large")}`);
        continue;
      }
      const bytes = new Uint8Array(await file.arrayBuffer());
      const wide = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
      if (!wide && bytes.subarray(0, 4096).includes(0)) {
        refused.push(`${file.name} ${t("binary")}`);
        continue;
      }
      const piece = new TextDecoder(wide ? (bytes[0] === 0xff ? "utf-16le" : "utf-16be") : "utf-8").decode(bytes);
      all += (all === "" || all.endsWith("\n") ? "" : "\n") + piece;
    }
    setProblems(refused);
    if (all !== text) {
      setText(all);
      setPasting(true);
    }
  };

  useEffect(() => {
    if (start.own !== undefined) {
      void unpack(start.own).then((found) => {
        if (found === undefined) setProblems([t("hash_bad")]);
        else {
          setText(found);
          setPasting(true);
        }
      });
    }
    // The rest is there before somebody asks for it.
    const load = () => void secondScript().then(setSecond, (error) => setProblems([String(error)]));
    const timer = setTimeout(load, state.view === "layers" ? 400 : 0);
    const follow = () => {
      const read = fromHash(location.hash);
      setBad(read);
      if (toHash(read.state) !== toHash(shown.current)) setState(read.state);
    };
    addEventListener("hashchange", follow);
    return () => {
      clearTimeout(timer);
      removeEventListener("hashchange", follow);
    };
  }, []);

  const shown = useRef(state);
  shown.current = state;
  useEffect(() => {
    const hash = toHash(state);
    if (hash === location.hash.replace(/^#/, "")) return;
    // A page in a file may not have its address changed as often as a knob moves.
    const timer = setTimeout(() => history.replaceState(null, "", `#${hash}`), 300);
    return () => clearTimeout(timer);
  }, [state]);

  const files = useRef(addFiles);
  files.current = addFiles;
  const pasteOpen = useRef(pasting);
  pasteOpen.current = pasting;
  useEffect(() => {
    const over = (event: DragEvent) => event.preventDefault();
    const drop = (event: DragEvent) => {
      event.preventDefault();
      const dropped = event.dataTransfer;
      if (dropped === null) return;
      if (dropped.files.length > 0) void files.current([...dropped.files]);
      else {
        setText(dropped.getData("text/plain"));
        setPasting(true);
      }
    };
    const paste = (event: ClipboardEvent) => {
      const [target] = event.composedPath() as Element[];
      if (target instanceof HTMLElement && /^(?:INPUT|TEXTAREA)$/.test(target.tagName)) return;
      const data = event.clipboardData;
      if (data === null) return;
      if (data.files.length > 0) void files.current([...data.files]);
      else {
        setText(data.getData("text/plain"));
        setPasting(true);
      }
    };
    document.addEventListener("dragover", over);
    document.addEventListener("drop", drop);
    document.addEventListener("paste", paste);
    return () => {
      document.removeEventListener("dragover", over);
      document.removeEventListener("drop", drop);
      document.removeEventListener("paste", paste);
    };
  }, []);

  useEffect(() => {
    const key = (event: KeyboardEvent) => {
      if (event.key === "Escape") {
        setHelp(false);
        setSharing(false);
      }
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return;
      const now = shown.current;
      const view = VIEWS[Number(event.key) - 1];
      const ids = FEATURE_LIST.map(({ id }) => id as string);
      const row = ids.indexOf(now.feature);
      const move = (by: number) =>
        update({ feature: ids[Math.min(ids.length - 1, Math.max(0, row + by))] as string, layer: undefined });
      const release = last.current?.situation.candidates[0].release;
      if (event.key === "?") setHelp((open) => !open);
      else if (view !== undefined && event.key !== " ") update({ view });
      else if ((event.key === "[" || event.key === "]") && release !== undefined) {
        update({ kernel: neighbour(release, event.key === "[" ? -1 : 1) });
      } else if (event.key === "/") document.getElementById("cpu")?.focus();
      else if (event.key === "p") setPasting(true);
      else if (event.key === "s") setSharing((open) => !open);
      else if (now.view === "layers" && event.key === "j") move(1);
      else if (now.view === "layers" && event.key === "k") move(-1);
      else if (now.view === "layers" && (event.key === "ArrowLeft" || event.key === "ArrowRight")) {
        const at = now.layer === undefined ? -1 : LAYERS.indexOf(now.layer);
        const next = Math.min(LAYERS.length - 1, Math.max(0, at + (event.key === "ArrowRight" ? 1 : -1)));
        update({ layer: LAYERS[next] as Layer });
      } else if (now.view === "run" && event.key in STEP_KEYS) {
        const { length } = stationsOf((last.current as Model).traces[0], pathOf(now.path));
        const at = Math.min(now.step ?? length, length - 1) + (STEP_KEYS[event.key] as number);
        update({ step: at >= length - 1 ? undefined : Math.max(0, at) });
      } else return;
      event.preventDefault();
    };
    document.addEventListener("keydown", key);
    return () => document.removeEventListener("keydown", key);
  }, []);

  // What a model of QEMU makes of it comes when the rest has been painted.
  const [models, setModels] = useState<ReadonlyMap<string, Cell>>();
  useEffect(() => {
    if (second === undefined || state.view !== "layers") return;
    const timer = setTimeout(() => setModels(second.modelCells(model.situation, state.model ?? "host")), 90);
    return () => clearTimeout(timer);
  }, [model, second, state.model, state.view]);

  const feature = (FEATURE_LIST.find(({ id }) => id === state.feature) ?? FEATURE_LIST[0]) as Feature;
  const movedText = [...moved].map(([id, layers]) => `${id} (${layers.join(", ")})`);
  return (
    <>
      <button type="button" class="skip" onClick={() => document.getElementById("answer")?.focus()}>
        {t("skip")}
      </button>
      <header>
        <h1>{t("title")}</h1>
        <span>
          {hostName(model.situation)} · {kernelLabel(model.situation)}
        </span>
        <nav aria-label={t("views")}>
          {VIEWS.map((view) => (
            <button
              key={view}
              type="button"
              aria-current={state.view === view ? "page" : undefined}
              onClick={() => update({ view })}
            >
              {t(`view_${view}`)}
            </button>
          ))}
          <button type="button" id="share" aria-expanded={sharing} onClick={() => setSharing(!sharing)}>
            {t("share")}
          </button>
          <button type="button" aria-expanded={help} onClick={() => setHelp(!help)}>
            ? {t("keys")}
          </button>
          {(Object.keys(LANGUAGES) as LanguageId[])
            .filter((one) => one !== language)
            .map((one) => (
              <a key={one} href={`?lang=${one}${location.hash}`} lang={one} hrefLang={one}>
                {one === "zh" ? "中文" : "English"}
              </a>
            ))}
        </nav>
      </header>
      {help ? <Keys close={() => setHelp(false)} /> : null}
      {sharing && second !== undefined ? (
        <second.ShareView model={model} state={state} reading={reading} close={() => setSharing(false)} />
      ) : null}
      <main>
        <div class="input">
          <PickView host={page} reading={reading} choose={choose} />
          <button type="button" id="paste" aria-expanded={pasting} onClick={() => setPasting(!pasting)}>
            {t("paste")}
          </button>
          <label class="file">
            {t("open")}
            <input
              type="file"
              multiple
              onChange={(event) => {
                void addFiles([...(event.currentTarget.files ?? [])]);
                event.currentTarget.value = "";
              }}
            />
          </label>
        </div>
        {pasting ? (
          <PasteView text={text} reading={reading} busy={busy} change={setText} close={() => setPasting(false)} />
        ) : null}
        <Problems bad={bad} problems={problem === undefined ? problems : [...problems, problem]} />
        <section class="verdict" id="answer" tabIndex={-1} aria-label={t("verdict")}>
          <p role="status">
            <Spans of={situationVerdict(model.situation)} />
          </p>
          <Command text={commandOf(model, state)} />
          <Folded title={t("basis")}>
            {() => (
              <pre class="report">
                {basisLines(model.situation, 96).map((line) => (
                  <>
                    <Spans of={line} />
                    {"\n"}
                  </>
                ))}
              </pre>
            )}
          </Folded>
        </section>
        <KnobsView model={model} state={state} update={update} />
        <p class="moved-text" role="status">
          {before.current === undefined
            ? ""
            : movedText.length === 0
              ? t("moved_none")
              : `${t("moved")}: ${movedText.slice(0, 12).join(", ")}${movedText.length > 12 ? " …" : ""}`}
        </p>
        <Guard key={state.view}>
          {state.view === "layers" ? (
            <div class="columns">
              <div>
                <LayersView
                  matrix={model.matrix}
                  feature={feature.id}
                  layer={state.layer}
                  moved={moved}
                  models={models}
                  modelName={state.model ?? "host"}
                  choose={(id, layer) => update({ feature: id, layer })}
                />
                <p class="legend">
                  {t("legend")}
                  {second === undefined ? null : (
                    <label>
                      {" "}
                      · {t("qemu_model")}{" "}
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
                </p>
              </div>
              <div class="beside">
                <WhyView
                  model={model}
                  feature={feature}
                  layer={state.layer}
                  choose={(id, layer) => update({ feature: id, layer })}
                />
                <AxisView model={model} feature={feature} choose={(kernel) => update({ kernel })} />
              </div>
            </div>
          ) : null}
          {state.view === "layers" ? null : second === undefined ? (
            <p class="note">{t("loading")}</p>
          ) : state.view === "run" ? (
            <second.RunView model={model} state={state} update={update} />
          ) : state.view === "registers" ? (
            <second.RegistersView model={model} state={state} update={update} />
          ) : state.view === "compare" ? (
            <second.CompareView
              model={model}
              state={state}
              update={update}
              hostOf={(id) => hostOf(id, reading)}
              own={reading?.hosts ?? NO_HOSTS}
            />
          ) : state.view === "explain" ? (
            <second.ExplainView model={model} reading={reading} />
          ) : (
            <second.AuditView model={model} reading={reading} />
          )}
        </Guard>
      </main>
    </>
  );
}

/** The parts of a state that the answer depends on. */
function questionOf({ kernel, params, config, machine, firmware, cpu, flips }: PageState): readonly unknown[] {
  return [kernel, params, config, machine, firmware, cpu, flips];
}

function Problems({ bad, problems }: { readonly bad: FromHash; readonly problems: readonly string[] }) {
  const all = [
    ...(bad.problem === "newer" ? [t("hash_newer")] : []),
    ...(bad.bad.length > 0 ? [`${t("hash_bad")}: ${bad.bad.slice(0, 5).join(" ")}`] : []),
    ...problems,
  ];
  return (
    <div role="alert" class="problems">
      {all.map((one) => (
        <p key={one}>{one}</p>
      ))}
    </div>
  );
}

const KEYS = [
  ["1 … 6", "key_views"],
  ["[ ]", "key_kernel"],
  ["j k", "key_rows"],
  ["← →", "key_cells"],
  ["Home End", "key_ends"],
  ["/", "key_pick"],
  ["p", "key_paste"],
  ["s", "key_share"],
  ["?", "key_help"],
  ["Esc", "key_close"],
] as const;

function Keys({ close }: { readonly close: () => void }) {
  return (
    <section class="keys" aria-label={t("help")}>
      <dl>
        {KEYS.map(([key, text]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{t(text)}</dd>
          </div>
        ))}
      </dl>
      <button type="button" onClick={close}>
        {t("close")}
      </button>
    </section>
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

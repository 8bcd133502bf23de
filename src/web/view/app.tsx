import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { hostName } from "../../report/basis.js";
import { fromHash, toHash } from "../../report/page/hash.js";
import { type Change, changed, FIRST_STATE, type HostId, type PageState, withHost } from "../../report/page/state.js";
import { kernelLabel } from "../../report/wording/kernel-text.js";
import { type Beginning, useIntake } from "../intake.js";
import { useKeys } from "../keys.js";
import { atlasPageHost, type Model, modelOf, type PageHost } from "../model.js";
import type { Reading } from "../reading.js";
import { type SecondScript, secondScript } from "../second-script.js";
import { type LanguageId, t } from "../texts.js";
import { AnswerView } from "./answer-view.js";
import { PasteView, PickView } from "./input-view.js";
import { movedCells } from "./layers-view.js";
import { Keys, Problems, Shell } from "./shell.js";

interface AppProps extends Beginning {
  readonly language: LanguageId;
}

const NO_HOSTS: readonly PageHost[] = [];
const STANDARD = atlasPageHost(FIRST_STATE.host as string) as PageHost;

/** The host of a state; the standard one until the text that describes it has been read. */
function hostOf(id: HostId, reading: Reading | undefined): PageHost {
  const found = typeof id === "number" ? reading?.hosts[id] : atlasPageHost(id);
  return found ?? STANDARD;
}

/** The parts of a state that the answer depends on. */
function questionOf({ kernel, params, config, machine, firmware, cpu, flips }: PageState): readonly unknown[] {
  return [kernel, params, config, machine, firmware, cpu, flips];
}

/**
 * The page. Its first rendering is the same for every address, and is in the file as HTML (tools/build-web.js); what is
 * computed comes with the second.
 */
export function App({ language, ...beginning }: AppProps) {
  const { start } = beginning;
  const [ready, setReady] = useState(false);
  const [state, setState] = useState(start.state);
  const [bad, setBad] = useState(start);
  const [help, setHelp] = useState(false);
  const [sharing, setSharing] = useState(false);
  const [second, setSecond] = useState<SecondScript>();
  const [failed, setFailed] = useState<string>();
  const update = (change: Change) => setState((now) => changed(now, change));
  const choose = (host: HostId) => setState((now) => withHost(now, host));

  const shown = useRef(state);
  shown.current = state;
  const intake = useIntake(beginning, ({ hosts, opens }, first) => {
    if (hosts.length > 0 && typeof shown.current.host !== "number") choose(0);
    const { view } = shown.current;
    // A link or a case that names a part of the page keeps it.
    if (first && view !== FIRST_STATE.view) return;
    if (opens !== "layers" || view === "explain" || view === "audit") update({ view: opens });
  });
  const { reading } = intake;

  const page = useMemo(() => (ready ? hostOf(state.host, reading) : undefined), [ready, state.host, reading]);
  const made = useMemo(() => (page === undefined ? undefined : modelOf(page, state)), [page, ...questionOf(state)]);
  const last = useRef<Model>(undefined);
  const before = useRef<Model>(undefined);
  // What cannot be asked leaves the last answer on the page, with the problem above it.
  const problem = made !== undefined && "argument" in made ? made.text : undefined;
  if (made !== undefined && !("argument" in made) && made !== last.current) {
    before.current = last.current?.page.id === made.page.id ? last.current : undefined;
    last.current = made;
  }
  const model = last.current ?? (ready ? (modelOf(STANDARD, FIRST_STATE) as Model) : undefined);
  const moved = useMemo(() => movedCells(before.current?.matrix, model?.matrix ?? []), [model]);

  useLayoutEffect(() => setReady(true), []);

  useEffect(() => {
    // A click from before the page could follow it.
    globalThis.vmxlensEarly?.clicked?.click();
    // The rest is there before somebody asks for it.
    const load = () => void secondScript().then(setSecond, (error) => setFailed(String(error)));
    const timer = setTimeout(load, start.state.view === "layers" ? 400 : 0);
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

  useEffect(() => {
    const hash = toHash(state);
    if (hash === location.hash.replace(/^#/, "")) return;
    // A page in a file may not have its address changed as often as a knob moves.
    const timer = setTimeout(() => history.replaceState(null, "", `#${hash}`), 300);
    return () => clearTimeout(timer);
  }, [state]);

  const toggleHelp = () => setHelp((open) => !open);
  const toggleShare = () => setSharing((open) => !open);
  const close = () => {
    setHelp(false);
    setSharing(false);
  };
  useKeys({ state, model, update, toggleHelp, toggleShare, close });

  const problems = [
    ...intake.problems,
    ...(problem === undefined ? [] : [problem]),
    ...(failed === undefined ? [] : [failed]),
  ];
  return (
    <Shell
      language={language}
      hash={ready ? location.hash : ""}
      about={model === undefined ? "" : `${hostName(model.situation)} · ${kernelLabel(model.situation)}`}
      view={ready ? state.view : FIRST_STATE.view}
      alone={ready && typeof beginning.given === "object" && location.protocol === "file:"}
      help={help}
      sharing={sharing}
      show={(view) => update({ view })}
      toggleHelp={toggleHelp}
      toggleShare={toggleShare}
      above={
        <>
          {help ? <Keys close={close} /> : null}
          {sharing && second !== undefined && model !== undefined ? (
            <second.ShareView model={model} state={state} reading={reading} close={close} />
          ) : null}
        </>
      }
    >
      <p class="note tagline">{t("tagline")}</p>
      <div class="input">
        <PasteView intake={intake} show={(view) => update({ view })} />
        <PickView
          host={page?.id ?? FIRST_STATE.host}
          hosts={reading?.hosts ?? NO_HOSTS}
          typed={beginning.typed.cpu}
          choose={choose}
          addFiles={intake.addFiles}
        />
      </div>
      {model === undefined ? (
        <p class="note">{t("starting")}</p>
      ) : (
        <>
          <Problems bad={bad} problems={problems} />
          <AnswerView
            model={model}
            state={state}
            update={update}
            moved={moved}
            changed={before.current !== undefined}
            reading={reading}
            second={second}
            hostOf={(id) => hostOf(id, reading)}
          />
        </>
      )}
    </Shell>
  );
}

import { useEffect, useRef } from "preact/hooks";
import { pathOf, stationsOf } from "../report/page/lanes.js";
import { type Change, type PageState, VIEWS } from "../report/page/state.js";
import { FEATURE_LIST, LAYERS, type Layer } from "../why/features.js";
import type { Model } from "./model.js";
import { neighbour } from "./view/knobs-view.js";

/** By how much a key moves the step that is looked at. */
const STEP_KEYS: { readonly [key: string]: number } = { ArrowLeft: -1, ArrowRight: 1, Home: -1e6, End: 1e6 };

/** Does a key belong to what has the focus: what is typed into, a slider that arrows move. */
function isTyping(event: KeyboardEvent): boolean {
  const [target] = event.composedPath() as Element[];
  if (target instanceof HTMLInputElement) {
    return target.type === "range" ? /^(?:Arrow|Home|End|Page)/.test(event.key) : target.type === "text";
  }
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;
}

export interface KeyTargets {
  readonly state: PageState;
  readonly model: Model | undefined;
  readonly update: (change: Change) => void;
  readonly toggleHelp: () => void;
  readonly toggleShare: () => void;
  readonly close: () => void;
}

/** The change of the state that a key asks for; undefined for a key that means nothing here. */
function changeFor({ key }: KeyboardEvent, state: PageState, model: Model): Change | undefined {
  const view = /^[1-9]$/.test(key) ? VIEWS[Number(key) - 1] : undefined;
  if (view !== undefined) return { view };
  if (key === "[" || key === "]") {
    return { kernel: neighbour(model.situation.candidates[0].release, key === "[" ? -1 : 1) };
  }
  if (state.view === "layers") {
    if (key === "j" || key === "k") {
      const ids = FEATURE_LIST.map(({ id }) => id as string);
      const row = Math.min(ids.length - 1, Math.max(0, ids.indexOf(state.feature) + (key === "j" ? 1 : -1)));
      return { feature: ids[row] as string, layer: undefined };
    }
    if (key === "ArrowLeft" || key === "ArrowRight") {
      const at = state.layer === undefined ? -1 : LAYERS.indexOf(state.layer);
      const next = Math.min(LAYERS.length - 1, Math.max(0, at + (key === "ArrowRight" ? 1 : -1)));
      return { layer: LAYERS[next] as Layer };
    }
  }
  const by = STEP_KEYS[key];
  if (state.view === "run" && by !== undefined) {
    const { length } = stationsOf(model.traces[0], pathOf(state.path));
    const at = Math.min(state.step ?? length, length - 1) + by;
    return { step: at >= length - 1 ? undefined : Math.max(0, at) };
  }
  return undefined;
}

/** The keys of the page, wherever the focus is, but for what is typed into. */
export function useKeys(targets: KeyTargets): void {
  const latest = useRef(targets);
  latest.current = targets;
  useEffect(() => {
    const key = (event: KeyboardEvent) => {
      const { state, model, update, toggleHelp, toggleShare, close } = latest.current;
      if (event.key === "Escape") {
        close();
        if (isTyping(event)) (event.target as HTMLElement).blur();
      }
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return;
      if (event.key === "?") toggleHelp();
      else if (event.key === "/") document.getElementById("cpu")?.focus();
      else if (event.key === "p") document.querySelector<HTMLElement>("#text, .marked")?.focus();
      else if (event.key === "s") toggleShare();
      else {
        const change = model === undefined ? undefined : changeFor(event, state, model);
        if (change === undefined) return;
        update(change);
      }
      event.preventDefault();
    };
    document.addEventListener("keydown", key);
    return () => document.removeEventListener("keydown", key);
  }, []);
}

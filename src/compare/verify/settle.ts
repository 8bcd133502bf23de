import type { Host, Params } from "../../host/host.js";
import { givenParam } from "../../kvm/load/params.js";
import { type ReplayOptions, replay } from "../../kvm/replay.js";
import type { VerifyItem } from "./item.js";
import { verifyItems } from "./items.js";

/** A parameter that somebody must have set: with it, the replay shows what the machine shows. */
export interface SetParam {
  readonly module: "kvm" | "kvm_intel";
  readonly name: string;
  readonly value: string;
  /** Id of the item that differs without it: most often of the parameter itself. */
  readonly item: string;
}

/** The outcome of finding out which parameters somebody set. */
export interface Settled {
  /** With the parameters that were found to be set. */
  readonly options: Omit<ReplayOptions, "trace">;
  readonly set: readonly SetParam[];
  readonly items: readonly VerifyItem[];
}

/** Parameters on which others depend come first among those that explain as much. */
const FIRST = ["kvm_intel.ept", "kvm_intel.enable_apicv", "kvm_intel.nested"];

/**
 * Takes a parameter for set when giving the value that the machine shows makes differences go and none come: repeatedly,
 * the one that explains most first. Such a parameter counts as one difference, with all that follows from it in agreement.
 */
export function settle(host: Host, options: Omit<ReplayOptions, "trace">): Settled {
  const found: { readonly param: SetParam; readonly item: VerifyItem }[] = [];
  let current = options;
  let items = verifyItems(host, replay(host, current));
  for (;;) {
    const before = differingIds(items);
    let best: { options: typeof current; items: VerifyItem[]; param: SetParam; gain: number } | undefined;
    for (const item of before.size === 0 ? [] : candidates(items)) {
      const { param } = item;
      if (param === undefined || givenParam(current.params, param.module, param.name) !== undefined) continue;
      const tried = withParam(current, param, item.said);
      const after = verifyItems(host, replay(host, tried));
      const still = differingIds(after);
      const gain = before.size - still.size;
      if (gain <= (best?.gain ?? 0) || still.has(item.id) || [...still].some((id) => !before.has(id))) continue;
      const explained = before.has(item.id) ? item.id : ([...before].find((id) => !still.has(id)) as string);
      best = { options: tried, items: after, param: { ...param, value: item.said, item: explained }, gain };
    }
    if (best === undefined) break;
    const { param } = best;
    found.push({ param, item: items.find(({ id }) => id === param.item) as VerifyItem });
    current = best.options;
    items = best.items;
  }
  // What differs is what somebody set, not what follows from it.
  const asFound = items.map((item) => found.find((one) => one.item.id === item.id)?.item ?? item);
  return { options: current, set: found.map(({ param }) => param), items: asFound };
}

/** Parameters that differ, and before them those that decide about others whatever they show. */
function candidates(items: readonly VerifyItem[]): VerifyItem[] {
  const params = items.filter(({ kind }) => kind === "param");
  const first = FIRST.flatMap((name) => params.find(({ id }) => id === name) ?? []);
  return [...first, ...params.filter((item) => isDifferent(item) && !first.includes(item))];
}

export const isDifferent = ({ verdict }: VerifyItem): boolean => verdict === "differ";

export function differingIds(items: readonly VerifyItem[]): ReadonlySet<string> {
  return new Set(items.filter(isDifferent).map(({ id }) => id));
}

function withParam(
  options: Omit<ReplayOptions, "trace">,
  { module, name }: Pick<SetParam, "module" | "name">,
  value: string,
): Omit<ReplayOptions, "trace"> {
  const params: Params = { ...options.params?.[module], [name]: value };
  return { ...options, params: { ...options.params, [module]: params } };
}

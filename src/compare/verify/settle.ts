import type { Host } from "../../host/host.js";
import { givenParam, withParam } from "../../kvm/load/params.js";
import { type ReplayOptions, replay } from "../../kvm/replay.js";
import type { VerifyItem } from "../../situation/evidence/item.js";
import { verifyItems } from "../../situation/evidence/items.js";

/** A parameter that a user must have set: with it, the replay shows what the machine shows. */
export interface SetParam {
  readonly module: "kvm" | "kvm_intel";
  readonly name: string;
  readonly value: string;
  /** Id of the item that differs without it: most often of the parameter itself. */
  readonly item: string;
}

/** Which parameters a user set, as far as the comparison shows it. */
export interface Settled {
  /** With the parameters that were found to be set. */
  readonly options: Omit<ReplayOptions, "trace">;
  readonly set: readonly SetParam[];
  readonly items: readonly VerifyItem[];
}

/** Parameters on which others depend come first among those that explain as much. */
const FIRST = ["kvm_intel.ept", "kvm_intel.enable_apicv", "kvm_intel.nested"];

/**
 * Treats a parameter as set by the user if replaying with the machine's value removes differences and adds none:
 * repeatedly, the one that explains most first. Such a parameter counts as one difference, with all that follows from
 * it in agreement.
 */
export function settle(host: Host, options: Omit<ReplayOptions, "trace">): Settled {
  const found: { readonly param: SetParam; readonly item: VerifyItem | undefined }[] = [];
  let current = options;
  let items: readonly VerifyItem[] = verifyItems(host, replay(host, current));
  for (;;) {
    const before = differingIds(items);
    let best: (Tried & { params: readonly SetParam[]; gain: number }) | undefined;
    for (const item of before.size === 0 ? [] : candidates(items)) {
      const { param } = item;
      if (param === undefined || givenParam(current.params, param.module, param.name) !== undefined) continue;
      const { also, ...tried } = tryParam(host, withParam(current, param.module, param.name, item.reported), before);
      const still = differingIds(tried.items);
      const gain = before.size - still.size;
      if (gain <= (best?.gain ?? 0) || still.has(item.id) || [...still].some((id) => !before.has(id))) continue;
      const explained = before.has(item.id) ? item.id : ([...before].find((id) => !still.has(id)) as string);
      best = { ...tried, params: [{ ...param, value: item.reported, item: explained }, ...also], gain };
    }
    if (best === undefined) break;
    for (const param of best.params) found.push({ param, item: items.find(({ id }) => id === param.item) });
    current = best.options;
    items = best.items;
  }
  // The difference is what the user set, not what follows from it.
  const asFound = items.map((item) => found.find((one) => one.item?.id === item.id)?.item ?? item);
  return { options: current, set: found.map(({ param }) => param), items: asFound };
}

interface Tried {
  readonly options: Omit<ReplayOptions, "trace">;
  readonly items: readonly VerifyItem[];
}

/**
 * The comparison with a parameter set. What it makes differ and can itself have been set is set as well: without
 * nesting KVM never asks the CPU for shadow VMCS, so enable_shadow_vmcs=N was given, too.
 */
function tryParam(
  host: Host,
  options: Omit<ReplayOptions, "trace">,
  before: ReadonlySet<string>,
): Tried & { readonly also: readonly SetParam[] } {
  const also: SetParam[] = [];
  let tried = options;
  for (;;) {
    const items = verifyItems(host, replay(host, tried));
    const next = items.find(
      ({ id, verdict, param }) =>
        verdict === "differ" &&
        !before.has(id) &&
        param !== undefined &&
        givenParam(tried.params, param.module, param.name) === undefined,
    );
    if (next?.param === undefined) return { options: tried, items, also };
    also.push({ ...next.param, value: next.reported, item: next.id });
    tried = withParam(tried, next.param.module, next.param.name, next.reported);
  }
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

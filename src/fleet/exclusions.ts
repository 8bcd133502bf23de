import { ALL, both, type FeatureMask, has, maskWhere } from "./feature-mask.js";
import { NESTED_FEATURES, type Shape } from "./shapes.js";

/*
 * What all hosts have in common, which of them force each loss, and what the fleet would gain without the worst of them.
 */

/** A feature that some hosts have and others lack. */
export interface LostFeature {
  readonly id: string;
  readonly have: number;
  readonly lack: number;
  /** Hosts for which it is not known. */
  readonly open: number;
  /** The shapes that lack it, the largest first. */
  readonly by: readonly Shape[];
}

/** Features gained by leaving hosts out. */
export interface Exclusion {
  /** How many hosts are left out. */
  readonly hosts: number;
  readonly wins: readonly string[];
  readonly shapes: readonly Shape[];
}

export interface Losses {
  /** Features that every host has for certain. */
  readonly common: readonly string[];
  readonly lost: readonly LostFeature[];
  /** The fewest hosts first; each gains more than the one before it. */
  readonly without: readonly Exclusion[];
  /** False if there are too many lost features to try every choice; then each step gains the cheapest one left. */
  readonly exact: boolean;
}

/** Every choice is tried of at most so many lost features. */
const MOST_TRIED = 14;

/** Of hosts that give nested guests VMX at all. */
export function losses(all: readonly Shape[]): Losses {
  const shapes = all.filter(({ verdict }) => verdict === "yes");
  const lost: LostFeature[] = [];
  for (const [index, { id }] of NESTED_FEATURES.entries()) {
    const sum = (state: string) =>
      shapes.filter(({ features }) => features[index] === state).reduce((n, { hosts }) => n + hosts, 0);
    const [have, lack, open] = [sum("yes"), sum("no"), sum("unknown")];
    if (have === 0 || lack === 0) continue;
    lost.push({ id, have, lack, open, by: shapes.filter(({ features }) => features[index] === "no") });
  }
  const yes = (shape: Shape) => maskWhere(shape.features.length, (index) => shape.features[index] === "yes");
  const common = shapes.reduce((mask, shape) => both(mask, yes(shape)), ALL);
  const names = (mask: FeatureMask) => NESTED_FEATURES.filter((_, index) => has(mask, index)).map(({ id }) => id);
  const groups = together(shapes, lost);
  const exact = groups.length <= MOST_TRIED;
  const cheapest = groups.toSorted((a, b) => costOf(a) - costOf(b)).slice(0, MOST_PLACES);
  const lackingThem = lacking(shapes, cheapest);
  return {
    common: shapes.length === 0 ? [] : names(common),
    lost: lost.toSorted((a, b) => a.lack - b.lack || (a.id < b.id ? -1 : 1)),
    without: front(exact ? tried(lackingThem, cheapest) : greedy(lackingThem, cheapest)),
    exact,
  };
}

const costOf = ([first]: Together): number => (first?.lack ?? 0) + (first?.open ?? 0);

/** Features that the same shapes are known to have: they are gained together or not at all. */
type Together = readonly LostFeature[];

function together(shapes: readonly Shape[], lost: readonly LostFeature[]): readonly Together[] {
  const found = new Map<string, LostFeature[]>();
  for (const feature of lost) {
    const at = NESTED_FEATURES.findIndex(({ id }) => id === feature.id);
    const key = shapes.map(({ features }) => (features[at] === "yes" ? "1" : "0")).join("");
    const group = found.get(key);
    if (group === undefined) found.set(key, [feature]);
    else group.push(feature);
  }
  return [...found.values()];
}

/** Shapes that lack the same features. Each bit of `lacks` is for a group of features that go together. */
interface Lacking {
  readonly lacks: number;
  readonly shapes: Shape[];
  hosts: number;
}

function lacking(shapes: readonly Shape[], lost: readonly Together[]): readonly Lacking[] {
  const places = lost.map(([first]) => NESTED_FEATURES.findIndex(({ id }) => id === first?.id));
  const found = new Map<number, Lacking>();
  for (const shape of shapes) {
    const lacks = places.reduce((mask, index, at) => (shape.features[index] === "yes" ? mask : mask | (1 << at)), 0);
    const group = found.get(lacks);
    if (group === undefined) found.set(lacks, { lacks, shapes: [shape], hosts: shape.hosts });
    else {
      group.shapes.push(shape);
      group.hosts += shape.hosts;
    }
  }
  return [...found.values()];
}

/** Without every host that is not known to have one of the wanted features. */
function leavingOut(groups: readonly Lacking[], wanted: number, lost: readonly Together[]): Exclusion {
  let open = 0;
  let stay = 0;
  let hosts = 0;
  for (const group of groups) {
    if ((group.lacks & wanted) === 0) {
      open |= group.lacks;
      stay += group.hosts;
    } else hosts += group.hosts;
  }
  const won = stay === 0 ? [] : lost.filter((_, at) => ((open >>> at) & 1) === 0);
  return {
    hosts,
    wins: won.flatMap((features) => features.map(({ id }) => id)),
    shapes: groups.filter(({ lacks }) => (lacks & wanted) !== 0).flatMap((group) => group.shapes),
  };
}

function tried(groups: readonly Lacking[], lost: readonly Together[]): Exclusion[] {
  const found: Exclusion[] = [];
  for (let wanted = 1; wanted < 2 ** lost.length; wanted++) found.push(leavingOut(groups, wanted, lost));
  return found;
}

function greedy(groups: readonly Lacking[], lost: readonly Together[]): Exclusion[] {
  const found: Exclusion[] = [];
  let wanted = 0;
  while (found.length < lost.length) {
    const options = lost.flatMap((_, at) =>
      (wanted >>> at) & 1 ? [] : [{ at, made: leavingOut(groups, wanted | (1 << at), lost) }],
    );
    const next = options.reduce((a, b) => (b.made.hosts < a.made.hosts ? b : a));
    wanted |= 1 << next.at;
    found.push(next.made);
  }
  return found;
}

/** Each group is a bit of a number, so of many lost groups only the cheapest are considered. */
const MOST_PLACES = 31;

/** Those that gain more than every cheaper one. */
function front(all: readonly Exclusion[]): readonly Exclusion[] {
  const found: Exclusion[] = [];
  for (const one of all.toSorted((a, b) => a.hosts - b.hosts || b.wins.length - a.wins.length)) {
    if (one.hosts > 0 && one.wins.length > (found.at(-1)?.wins.length ?? 0)) found.push(one);
  }
  return found;
}

import { nestedMsrs } from "../kvm/nested-msrs.js";
import { paramsOf } from "../kvm/programs.js";
import { type Replay, replay } from "../kvm/replay.js";
import { bitLabel, labelText } from "../registers/bit-label.js";
import type { Release } from "../rules/release.js";
import { replays } from "../situation/replays.js";
import type { Situation } from "../situation/situation.js";
import { linesOf } from "../situation/vmx-flags.js";

/**
 * What older states of a series that was named without its stable release do otherwise on this host: `up to 5.15.60: CR4.UMIP`.
 * Undefined where there are none, or none makes a difference here.
 */
export function olderStates(situation: Situation): string | undefined {
  const { kernel, host, candidates } = situation;
  const states = kernel.olderStates ?? [];
  if (states.length === 0 || candidates.length > 1) return undefined;
  const [now] = replays(situation).each;
  const last = new Map<string, Release>();
  for (const release of states) {
    const { startFromOffered: _, ...options } = candidates[0].options;
    for (const what of differences(now, replay(host, { ...options, release }))) last.set(what, release);
  }
  const texts = [...states].reverse().flatMap((state) => {
    const whats = [...last].filter(([, release]) => release === state).map(([what]) => what);
    return whats.length === 0 ? [] : [`up to ${state} ${listed(whats)}`];
  });
  const { release } = candidates[0];
  return texts.length === 0 ? undefined : `${release} is its newest known state; other here: ${texts.join("; ")}`;
}

const MOST = 4;

function listed(whats: readonly string[]): string {
  const more = whats.length > MOST ? ` and ${whats.length - MOST} more` : "";
  return `${whats.slice(0, MOST).join(", ")}${more}`;
}

/** What a host shows otherwise under two kernels: loading, printed names, what L1 is offered, parameters that exist. */
function differences(a: Replay, b: Replay): string[] {
  const found: string[] = [];
  if (a.loads !== b.loads) found.push("whether kvm_intel loads");
  const names = (one: Replay) =>
    linesOf(one)
      .vmxFlags.flags.filter(({ set }) => set === "yes")
      .map(({ flag }) => flag);
  for (const flag of changed(names(a), names(b))) found.push(`${flag} on the vmx flags line`);
  const [x, y] = [nestedMsrs(a.cpu), nestedMsrs(b.cpu)];
  const labels = new Set<string>();
  for (const [msr, pair] of x) {
    const other = y.get(msr) ?? pair;
    for (let bit = 0; bit < 64; bit++) {
      const half = bit < 32 ? "lo" : "hi";
      const [p, q] = [pair[half], other[half]];
      const mask = 1 << (bit & 31);
      if (((p.value ^ q.value) & ~(p.unknown | q.unknown) & mask) !== 0)
        labels.add(`${labelText(bitLabel(msr, bit))} for L1`);
    }
  }
  found.push(...labels);
  const params = (one: Replay) => paramsOf(one.release, one.config).map(({ module, name }) => `${module}.${name}`);
  for (const name of changed(params(a), params(b))) found.push(`parameter ${name}`);
  return found;
}

function changed(a: readonly string[], b: readonly string[]): string[] {
  return [...a.filter((name) => !b.includes(name)), ...b.filter((name) => !a.includes(name))];
}

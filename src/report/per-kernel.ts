import type { Release } from "../rules/release.js";
import { kernelName } from "../rules/release.js";
import { kernelsText } from "../situation/kernels-text.js";
import { type SplitAnswer, split } from "../situation/replays.js";
import type { Situation } from "../situation/situation.js";
import { wrap } from "./layout.js";
import { type Line, plainText, styled } from "./text.js";

/**
 * What a report says under each kernel that it can be: once where all say the same, else under the names of those that
 * say it. Kernels under which there is nothing to say are left out.
 */
export function perKernel(situation: Situation, width: number, render: (index: number) => readonly Line[]): Line[] {
  const { candidates } = situation;
  const rendered = candidates.map((_, index) => render(index));
  // Its own name does not count as a difference, and where a line is cut depends on the name.
  const keys = candidates.map(({ release }, index) => {
    const text = (rendered[index] as readonly Line[]).map(plainText).join(" ").replace(/\s+/g, " ");
    return text.replaceAll(kernelName(release), "it");
  });
  const groups = split(situation, (_, index) => keys[index] as string);
  return groups.flatMap(({ releases, answer }) => {
    const lines = rendered[keys.indexOf(answer)] as readonly Line[];
    if (lines.length === 0 || candidates.length === 1) return lines;
    const named =
      releases.length > 1 && lines.some((line) => plainText(line).includes(kernelName(releases[0] as Release)));
    const as = named ? ` (in the words for ${releases[0]})` : "";
    return [...wrap(styled("label", `Under ${kernelsText(releases)}${as}:`), width), ...lines];
  });
}

/** Members that some kernels give, each once, with the kernels that give it. */
export function perKernelJson<T extends object>(
  situation: Situation,
  itemsUnder: (index: number) => readonly T[],
): readonly (T & { readonly kernels: readonly string[] })[] {
  const found = new Map<string, { item: T; kernels: string[] }>();
  for (const [index, { release }] of situation.candidates.entries()) {
    for (const item of itemsUnder(index)) {
      const key = JSON.stringify(item);
      const one = found.get(key);
      if (one === undefined) found.set(key, { item, kernels: [release] });
      else if (!one.kernels.includes(release)) one.kernels.push(release);
    }
  }
  return [...found.values()].map(({ item, kernels }) => ({ ...item, kernels }));
}

/** Members that some kernels give, each once; the text of one names its kernels where others do not give it. */
export function perKernelText<T extends { readonly text: string }>(
  situation: Situation,
  itemsUnder: (index: number) => readonly T[],
): readonly T[] {
  return perKernelJson(situation, itemsUnder).map(({ kernels, ...item }) => {
    const where =
      kernels.length === situation.candidates.length ? "" : ` (${kernelsText(kernels as readonly Release[])})`;
    return { ...(item as unknown as T), text: `${item.text}${where}` };
  });
}

/** Answers of kernels that do not agree, for JSON; empty where they do. */
export function splitJson<T>(answers: readonly SplitAnswer<T>[] | undefined) {
  return (answers ?? []).map(({ releases, answer }) => ({ kernels: releases, answer }));
}

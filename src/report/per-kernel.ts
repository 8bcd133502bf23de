import { type SplitAnswer, split } from "../situation/replays.js";
import type { Situation } from "../situation/situation.js";
import { wrap } from "./layout.js";
import { type Line, plainText, styled } from "./text.js";

/**
 * What a report says under each kernel that it can be: once where all say the same, else under the names of those that
 * say it. Kernels under which there is nothing to say are left out.
 */
export function perKernel(situation: Situation, width: number, render: (index: number) => readonly Line[]): Line[] {
  const rendered = situation.candidates.map((_, index) => render(index));
  const texts = rendered.map((lines) => lines.map(plainText).join("\n"));
  const groups = split(situation, (_, index) => texts[index] as string);
  return groups.flatMap(({ releases, answer }) => {
    const lines = rendered[texts.indexOf(answer)] as readonly Line[];
    if (lines.length === 0 || groups.length === 1) return lines;
    return [...wrap(styled("label", `Under Linux ${releases.join(", ")}:`), width), ...lines];
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
    const where = kernels.length === situation.candidates.length ? "" : ` (Linux ${kernels.join(", ")})`;
    return { ...(item as unknown as T), text: `${item.text}${where}` };
  });
}

/** Answers of kernels that do not agree, for JSON; empty where they do. */
export function splitJson<T>(answers: readonly SplitAnswer<T>[] | undefined) {
  return (answers ?? []).map(({ releases, answer }) => ({ kernels: releases, answer }));
}

import type { Explanation } from "../../src/answers/answer.js";
import type { ExplainOptions } from "../../src/messages/context.js";
import * as product from "../../src/messages/explain.js";
import { DESKTOP } from "../../src/messages/rows/desktop/table.js";

/** `explain` as the command line calls it: with the messages of desktop products. */
export function explain(text: string, options: ExplainOptions = {}): readonly Explanation[] {
  return product.explain(text, { desktop: DESKTOP, ...options });
}

/** `explainStream` as the command line calls it. */
export function explainStream(
  pieces: AsyncIterable<string>,
  options: ExplainOptions = {},
): Promise<readonly Explanation[]> {
  return product.explainStream(pieces, { desktop: DESKTOP, ...options });
}

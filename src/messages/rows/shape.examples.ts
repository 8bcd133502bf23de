import type { MessageRow } from "../../answers/message.js";

/**
 * What a table of messages is held to, row by row: texts in which the row must be found, and texts that hold its words and
 * in which it must not. They are in a file beside the table and are not part of the package.
 */
export type ExamplesOf<T extends readonly MessageRow[]> = {
  readonly [Id in T[number]["id"]]: {
    readonly examples: readonly [string, ...string[]];
    readonly not?: readonly string[];
  };
};

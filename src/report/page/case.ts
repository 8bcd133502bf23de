/** What a case file holds: the text of a host and what is asked about it. */
export interface Case {
  readonly text: string;
  /** Name of the text, for people. */
  readonly name: string;
  /** As an address without the `#`. */
  readonly hash: string;
}

const CASE_FORMAT = "vmxlens-case/1";

/** Text that ends no script element, whatever is in it. */
export function caseText({ text, name, hash }: Case): string {
  return JSON.stringify({ format: CASE_FORMAT, name, hash, text }).replaceAll("<", "\\u003c");
}

/** The case of a page; undefined if it has none, a sentence if it was edited and cannot be read. */
export function readCase(json: string): Case | string | undefined {
  if (json.trim() === "") return undefined;
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  const { format, text, name, hash } = (typeof value === "object" && value !== null ? value : {}) as {
    [name: string]: unknown;
  };
  if (format !== CASE_FORMAT) return `format: ${JSON.stringify(format) ?? "none"}`;
  if (typeof text !== "string") return "text";
  if (typeof name !== "string") return "name";
  if (typeof hash !== "string") return "hash";
  return { text, name, hash };
}

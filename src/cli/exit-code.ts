/** Exit codes of every command. */
export const EXIT = {
  ok: 0,
  /** The answer is no, or not known. */
  no: 1,
  /** Bad input or usage. */
  usage: 2,
  /** A bug of vmxlens. */
  bug: 70,
} as const;

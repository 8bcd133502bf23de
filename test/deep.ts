/*
 * A run of the tests has to stay short enough to be made before every commit. What tries many cases of one kind tries a part
 * of them there, chosen the same way each time; `VMXLENS_DEEP=1 npm test` tries all, as the workflow on GitHub does.
 */

export const DEEP = process.env.VMXLENS_DEEP === "1";

/** How often a law is tried that is worth `deep` tries; a fifth of them in a short run. */
export const tries = (deep: number): number => (DEEP ? deep : Math.ceil(deep / 5));

/** One case in `step`, beginning with that at `first`; all in a deep run. */
export const oneIn = <T>(step: number, cases: readonly T[], first = 0): readonly T[] =>
  DEEP ? cases : cases.filter((_, at) => at % step === first % step);

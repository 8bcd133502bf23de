import fc from "fast-check";

/*
 * The same cases in every run, so that a red run is red for everybody. `SEED=random npm test` looks for new ones, and
 * SEED=NUMBER repeats what it found. A property that fails is narrowed down for some minutes at most; one that passes must not
 * be cut short on a loaded machine, as laws count what they tried.
 */
const asked = process.env.SEED;
const seed = asked === "random" ? undefined : Number(asked ?? 20_260_101);

fc.configureGlobal({ interruptAfterTimeLimit: 300_000, ...(seed === undefined ? {} : { seed }) });

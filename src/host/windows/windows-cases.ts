/* The Windows hosts that there are, by what decides whether VT-x (or AMD-V) is there, on, and used by Windows' own hypervisor. */

export interface WindowsCase {
  /** Windows is a guest itself. */
  readonly below: boolean;
  /** The CPU has VT-x (or AMD-V); in a guest, it is passed to it. */
  readonly has: boolean;
  /** The firmware has it on. */
  readonly on: boolean;
  /** A feature of Windows or memory integrity starts its hypervisor. */
  readonly starts: "nothing" | "feature" | "security";
  /** The boot entry lets it start. */
  readonly launch: boolean;
  readonly runs: boolean;
}

const EITHER = [false, true] as const;

export const CASES: readonly WindowsCase[] = EITHER.flatMap((below) =>
  EITHER.flatMap((has) =>
    (below ? [has] : EITHER).flatMap((on) =>
      (["nothing", "feature", "security"] as const).flatMap((starts) =>
        EITHER.flatMap((launch) =>
          // A feature that was switched on starts it with the next restart; memory integrity can be locked on by the firmware.
          (has && on && (starts === "security" || (launch && starts === "feature")) ? EITHER : [false]).map(
            (runs): WindowsCase => ({ below, has, on, starts, launch, runs }),
          ),
        ),
      ),
    ),
  ),
);

/** What keeps a program that uses VT-x itself from it. */
export type Direct = "free" | "held" | "firmware" | "CPU" | "outer";

/** What keeps one that runs on Windows' own hypervisor. */
export type Over = "runs" | "no feature" | "launch off" | "not started" | "firmware" | "CPU" | "outer";

export function directOf({ below, has, on, runs }: WindowsCase): Direct {
  if (!has) return below ? "outer" : "CPU";
  return on ? (runs ? "held" : "free") : "firmware";
}

export function overOf(one: WindowsCase): Over {
  const direct = directOf(one);
  if (direct !== "free" && direct !== "held") return direct;
  if (!one.launch) return "launch off";
  if (one.starts !== "feature") return "no feature";
  return one.runs ? "runs" : "not started";
}

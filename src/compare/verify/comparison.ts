import type { Host } from "../../host/host.js";
import type { ReplayOptions } from "../../kvm/replay.js";
import type { Release } from "../../rules/release.js";
import type { Settled } from "./settle.js";

/** Another release under which fewer items differ. */
export interface Fit {
  readonly release: Release;
  readonly differing: ReadonlySet<string>;
  /** How many differ under the release that was asked about. */
  readonly count: number;
}

/** A machine compared with its replay, as the rows of reasons see it. */
export interface Comparison {
  readonly host: Host;
  /** With the parameters that were found to be set. */
  readonly options: Omit<ReplayOptions, "trace">;
  readonly settled: Settled;
  readonly fits: readonly Fit[];
}

/** A case that would explain something, to be replayed. */
export interface Scenario {
  readonly host: Host;
  readonly options: Omit<ReplayOptions, "trace">;
  readonly says: string;
}

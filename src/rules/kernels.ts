import type { ConfigOption } from "./rule.js";

/*
 * The kernels that are modelled. A row is one state of one line: of the upstream line, in which a stable series can have
 * several states, or of a vendor's. What a kernel does is never in this table; the rows of the other tables say in which
 * kernels they hold (held.ts), and this table only places each kernel.
 */

/** A version of kernel.org: a series with the number of the stable release, `.0` for the first. */
export type Version = `${number}.${number}.${number}`;

/** Kernels that share a history: kernel.org's, or one that a vendor keeps. */
export const LINES = {
  upstream: "Linux",
  el8: "RHEL 8",
  el9: "RHEL 9",
  el10: "RHEL 10",
  "ubuntu-5.4": "Ubuntu 5.4",
  "ubuntu-5.15": "Ubuntu 5.15",
  "ubuntu-6.5": "Ubuntu 6.5",
  "ubuntu-6.8": "Ubuntu 6.8",
  "pop-6.9": "Pop!_OS 6.9",
  "wsl-6.1": "WSL2 6.1",
} as const;
export type Line = keyof typeof LINES;

/**
 * How a state is known. `run`: the functions of this tree were compiled and run over all inputs. `same`: run, and equal to
 * another state in all of them but for what the tables say. `derived`: no tree was at hand; the states beside it were run,
 * and the stable releases in which they part are on record.
 */
export type Certainty = "run" | "same" | "derived";

export interface KernelRow {
  /**
   * `6.1` is the newest known state of the series, `6.1.118` an older one by its last patch level, or by the one that was
   * run; `el9.4` a minor release of RHEL and its rebuilds.
   */
  readonly id: string;
  readonly line: Line;
  /** The upstream version whose rules it follows wherever no row of a table names its line; upstream, its own. */
  readonly base: Version;
  /** Upstream: the patch levels that behave alike, as far as is known. A missing last one: everything newer. */
  readonly patches?: readonly [first: number, last?: number];
  /** Vendor: position in its line, as 4 in RHEL 9.4, and the number of its builds (427 in 5.14.0-427.el9_4). */
  readonly at?: number;
  readonly build?: number;
  /** The kernel as `uname -r` begins, where it differs from the base. */
  readonly version?: string;
  readonly longterm?: true;
  /** What exactly was read or run. */
  readonly tree: string;
  readonly sure: Certainty;
  /** Build options that differ from Debian's amd64 kernels. */
  readonly config?: { readonly [O in ConfigOption]?: boolean };
}

const ALMA = "as AlmaLinux ships it";

/** Upstream by age, then the vendors'. */
export const KERNELS = [
  {
    id: "5.4.228",
    line: "upstream",
    base: "5.4.228",
    patches: [0, 228],
    tree: "5.4.291 without what came in 5.4.229 and 5.4.287",
    sure: "derived",
  },
  {
    id: "5.4.286",
    line: "upstream",
    base: "5.4.286",
    patches: [229, 286],
    tree: "5.4.291 without what came in 5.4.287",
    sure: "derived",
  },
  {
    id: "5.4",
    line: "upstream",
    base: "5.4.291",
    patches: [287],
    longterm: true,
    tree: "Ubuntu's 5.4.0-216",
    sure: "same",
  },
  { id: "5.6", line: "upstream", base: "5.6.4", patches: [0], tree: "upstream 5.6.4", sure: "run" },
  {
    id: "5.10.136",
    line: "upstream",
    base: "5.10.136",
    patches: [0, 136],
    tree: "5.10.223 without what came in 5.10.137; 5.10.13 in part",
    sure: "derived",
  },
  {
    id: "5.10.223",
    line: "upstream",
    base: "5.10.223",
    patches: [137, 230],
    tree: "Debian linux-source 5.10.223-1; 5.10.218 is the same",
    sure: "run",
  },
  {
    id: "5.10",
    line: "upstream",
    base: "5.10.262",
    patches: [231],
    longterm: true,
    tree: "Debian linux-source 5.10.262-1",
    sure: "same",
  },
  {
    id: "5.15.60",
    line: "upstream",
    base: "5.15.60",
    patches: [0, 60],
    tree: "5.15.135 without what came from 5.15.61 on",
    sure: "derived",
  },
  {
    id: "5.15.77",
    line: "upstream",
    base: "5.15.77",
    patches: [61, 77],
    tree: "5.15.135 without what came from 5.15.78 on",
    sure: "derived",
  },
  { id: "5.15.86", line: "upstream", base: "5.15.85", patches: [78, 86], tree: "5.15.85", sure: "same" },
  {
    id: "5.15.135",
    line: "upstream",
    base: "5.15.135",
    patches: [87, 173],
    tree: "upstream 5.15.135; 5.15.107 is the same",
    sure: "run",
  },
  {
    id: "5.15",
    line: "upstream",
    base: "5.15.200",
    patches: [174],
    longterm: true,
    tree: "Ubuntu's 5.15.0-185 and 5.15.0-138 (5.15.200, 5.15.178)",
    sure: "same",
  },
  { id: "5.19", line: "upstream", base: "5.19.0", patches: [0], tree: "upstream 5.19.0", sure: "run" },
  { id: "6.0.7", line: "upstream", base: "6.0.1", patches: [0, 7], tree: "upstream 6.0.1", sure: "run" },
  { id: "6.0", line: "upstream", base: "6.0.19", patches: [8], tree: "upstream 6.0.19", sure: "same" },
  {
    id: "6.1.3",
    line: "upstream",
    base: "6.1.3",
    patches: [0, 3],
    tree: "6.1.192 without what came from 6.1.4 on",
    sure: "derived",
  },
  {
    id: "6.1.12",
    line: "upstream",
    base: "6.1.12",
    patches: [4, 12],
    tree: "6.1.192 without what came from 6.1.13 on; 6.1.4 in part",
    sure: "derived",
  },
  {
    id: "6.1.19",
    line: "upstream",
    base: "6.1.19",
    patches: [13, 19],
    tree: "6.1.192 without what came from 6.1.20 on",
    sure: "derived",
  },
  {
    id: "6.1.118",
    line: "upstream",
    base: "6.1.118",
    patches: [20, 118],
    tree: "6.1.192 without what came in 6.1.119; WSL2's 6.1.21",
    sure: "derived",
  },
  {
    id: "6.1",
    line: "upstream",
    base: "6.1.192",
    patches: [119],
    longterm: true,
    tree: "Debian linux-source 6.1.192-2; 6.1.170 is the same",
    sure: "run",
  },
  { id: "6.2", line: "upstream", base: "6.2.1", patches: [0], tree: "upstream 6.2.1", sure: "run" },
  { id: "6.3", line: "upstream", base: "6.3.8", patches: [0], tree: "upstream 6.3.8", sure: "run" },
  { id: "6.4", line: "upstream", base: "6.4.4", patches: [0], tree: "upstream 6.4.4", sure: "run" },
  { id: "6.5", line: "upstream", base: "6.5.3", patches: [0], tree: "Ubuntu's 6.5.0-14 (6.5.3)", sure: "same" },
  {
    id: "6.6.62",
    line: "upstream",
    base: "6.6.62",
    patches: [0, 62],
    tree: "6.6.87 without what came in 6.6.63",
    sure: "derived",
  },
  { id: "6.6", line: "upstream", base: "6.6.87", patches: [63], longterm: true, tree: "upstream 6.6.87", sure: "run" },
  {
    id: "6.8",
    line: "upstream",
    base: "6.8.12",
    patches: [0],
    tree: "Ubuntu's 6.8.0-31 and 6.8.0-49 (6.8.1, 6.8.12)",
    sure: "same",
  },
  { id: "6.9", line: "upstream", base: "6.9.3", patches: [0], tree: "Pop!_OS 6.9.3", sure: "same" },
  {
    id: "6.11.9",
    line: "upstream",
    base: "6.11.9",
    patches: [0, 9],
    tree: "6.11.11 without what came in 6.11.10; RHEL 9.5",
    sure: "derived",
  },
  { id: "6.11", line: "upstream", base: "6.11.11", patches: [10], tree: "upstream 6.11.11", sure: "run" },
  { id: "6.12.1", line: "upstream", base: "6.12.0", patches: [0, 1], tree: "RHEL 10.0 (6.12.0-55)", sure: "same" },
  {
    id: "6.12",
    line: "upstream",
    base: "6.12.118",
    patches: [2],
    longterm: true,
    tree: "Debian linux-source 6.12.107-1 and 6.12.118-1; 6.12.95 is the same",
    sure: "run",
  },
  { id: "6.13", line: "upstream", base: "6.13.7", patches: [0], tree: "upstream 6.13.7", sure: "run" },
  { id: "6.14", line: "upstream", base: "6.14.0", patches: [0], tree: "upstream 6.14.0", sure: "same" },
  { id: "6.16", line: "upstream", base: "6.16.1", patches: [0], tree: "upstream 6.16.1", sure: "run" },
  { id: "6.17", line: "upstream", base: "6.17.0", patches: [0], tree: "upstream 6.17.0", sure: "run" },
  { id: "6.18.2", line: "upstream", base: "6.18.2", patches: [0, 2], tree: "upstream 6.18.2", sure: "same" },
  {
    id: "6.18",
    line: "upstream",
    base: "6.18.15",
    patches: [3],
    longterm: true,
    tree: "upstream 6.18.15",
    sure: "run",
  },
  { id: "6.19", line: "upstream", base: "6.19.9", patches: [0], tree: "upstream 6.19.9", sure: "run" },
  { id: "7.0", line: "upstream", base: "7.0.0", patches: [0], tree: "upstream 7.0.0", sure: "same" },
  { id: "7.1", line: "upstream", base: "7.1.5", patches: [0], tree: "upstream 7.1.5", sure: "run" },
  { id: "7.2", line: "upstream", base: "7.2.13", patches: [0], tree: "Debian linux-source 7.2.13-1", sure: "run" },
  {
    id: "7.3",
    line: "upstream",
    base: "7.3.4",
    patches: [0],
    tree: "Debian linux-source 7.3.4-1~bpo13+1",
    sure: "run",
  },

  {
    id: "el8.3",
    line: "el8",
    at: 3,
    build: 240,
    version: "4.18.0",
    base: "5.6.4",
    tree: `4.18.0-240.22.1.el8_3, ${ALMA}`,
    sure: "run",
  },
  {
    id: "el8.4",
    line: "el8",
    at: 4,
    build: 305,
    version: "4.18.0",
    base: "5.10.13",
    tree: `4.18.0-305.25.1.el8_4, ${ALMA}`,
    sure: "run",
  },
  {
    id: "el8.5",
    line: "el8",
    at: 5,
    build: 348,
    version: "4.18.0",
    base: "5.15.0",
    tree: `4.18.0-348.23.1.el8_5, ${ALMA}`,
    sure: "run",
  },
  {
    id: "el8.6",
    line: "el8",
    at: 6,
    build: 372,
    version: "4.18.0",
    base: "5.15.0",
    tree: `4.18.0-372.32.1.el8_6, ${ALMA}`,
    sure: "run",
  },
  {
    id: "el8.7",
    line: "el8",
    at: 7,
    build: 425,
    version: "4.18.0",
    base: "5.15.0",
    tree: `4.18.0-425.19.2.el8_7, ${ALMA}`,
    sure: "run",
  },
  {
    id: "el8.8",
    line: "el8",
    at: 8,
    build: 477,
    version: "4.18.0",
    base: "5.15.0",
    tree: `4.18.0-477.27.2.el8_8, ${ALMA}`,
    sure: "same",
  },
  {
    id: "el8.9",
    line: "el8",
    at: 9,
    build: 513,
    version: "4.18.0",
    base: "5.15.0",
    tree: `4.18.0-513.24.1.el8_9, ${ALMA}`,
    sure: "same",
  },
  {
    id: "el8.10",
    line: "el8",
    at: 10,
    build: 553,
    version: "4.18.0",
    base: "5.15.0",
    tree: `4.18.0-553.66.1.el8_10, ${ALMA}`,
    sure: "run",
  },
  {
    id: "el9.0",
    line: "el9",
    at: 0,
    build: 70,
    version: "5.14.0",
    base: "5.15.0",
    tree: `5.14.0-70.30.1.el9_0, ${ALMA}`,
    sure: "run",
  },
  {
    id: "el9.1",
    line: "el9",
    at: 1,
    build: 162,
    version: "5.14.0",
    base: "5.19.0",
    tree: `5.14.0-162.23.1.el9_1, ${ALMA}`,
    sure: "run",
  },
  {
    id: "el9.2",
    line: "el9",
    at: 2,
    build: 284,
    version: "5.14.0",
    base: "6.0.19",
    tree: `5.14.0-284.30.1.el9_2, ${ALMA}`,
    sure: "run",
  },
  {
    id: "el9.3",
    line: "el9",
    at: 3,
    build: 362,
    version: "5.14.0",
    base: "6.6.87",
    tree: `5.14.0-362.24.2.el9_3, ${ALMA}`,
    sure: "same",
  },
  {
    id: "el9.4",
    line: "el9",
    at: 4,
    build: 427,
    version: "5.14.0",
    base: "6.6.87",
    tree: `5.14.0-427.42.1.el9_4, ${ALMA}`,
    sure: "run",
  },
  {
    id: "el9.5",
    line: "el9",
    at: 5,
    build: 503,
    version: "5.14.0",
    base: "6.11.11",
    tree: `5.14.0-503.40.1.el9_5, ${ALMA}`,
    sure: "run",
  },
  {
    id: "el9.6",
    line: "el9",
    at: 6,
    build: 570,
    version: "5.14.0",
    base: "6.12.0",
    tree: `5.14.0-570.32.1.el9_6, ${ALMA}`,
    sure: "run",
  },
  {
    id: "el10.0",
    line: "el10",
    at: 0,
    build: 55,
    version: "6.12.0",
    base: "6.12.0",
    tree: `6.12.0-55.24.1.el10_0, ${ALMA}`,
    sure: "run",
  },

  {
    id: "ubuntu-5.4",
    line: "ubuntu-5.4",
    at: 216,
    build: 216,
    version: "5.4.0",
    base: "5.4.291",
    tree: "Ubuntu 20.04's 5.4.0-216.236",
    sure: "run",
  },
  {
    id: "ubuntu-5.15",
    line: "ubuntu-5.15",
    at: 185,
    build: 185,
    version: "5.15.0",
    base: "5.15.200",
    tree: "Ubuntu 22.04's 5.15.0-185.195",
    sure: "run",
  },
  {
    id: "ubuntu-6.5",
    line: "ubuntu-6.5",
    at: 14,
    build: 14,
    version: "6.5.0",
    base: "6.5.3",
    tree: "Ubuntu 23.10's 6.5.0-14",
    sure: "same",
  },
  {
    id: "ubuntu-6.8",
    line: "ubuntu-6.8",
    at: 31,
    build: 31,
    version: "6.8.0",
    base: "6.8.1",
    tree: "Ubuntu 24.04's 6.8.0-31.31; 6.8.0-49 (6.8.12) is the same",
    sure: "run",
  },
  {
    id: "pop-6.9",
    line: "pop-6.9",
    at: 0,
    version: "6.9.3",
    base: "6.9.3",
    tree: "Pop!_OS 6.9.3-76060903",
    sure: "run",
  },
  {
    id: "wsl-6.1",
    line: "wsl-6.1",
    at: 0,
    version: "6.1.21.2",
    base: "6.1.21",
    tree: "WSL2's 6.1.21.2, kvm built in",
    sure: "run",
    config: {
      CONFIG_X86_SGX: false,
      CONFIG_X86_SGX_KVM: false,
      CONFIG_INTEL_TXT: false,
      CONFIG_CPU_SUP_ZHAOXIN: false,
    },
  },
] as const satisfies readonly KernelRow[];

/** A modelled kernel by its id. */
export type Release = (typeof KERNELS)[number]["id"];

const BY_ID = new Map<string, KernelRow>(KERNELS.map((row) => [row.id, row]));

/** The row of a modelled kernel. Throws `RangeError` for an id that is not in the table. */
export function kernelRow(id: Release): KernelRow {
  const row = BY_ID.get(id);
  if (row === undefined) throw new RangeError(`no kernel "${id}" is modelled; KERNELS lists those that are`);
  return row;
}

export function isRelease(id: string): id is Release {
  return BY_ID.has(id);
}

import type { CoreGroup, Host } from "../../host/host.js";
import type { ReplayOptions } from "../../kvm/replay.js";

/** One host of a comparison, with the kernel and parameters it is looked at under. */
export interface FleetSubject {
  /** Who it is, for people; different for each subject of a comparison. */
  readonly label: string;
  /** Assumptions already applied. */
  readonly host: Host;
  readonly options?: Omit<ReplayOptions, "trace">;
  /** What was taken for granted where nobody read it. */
  readonly assumed?: readonly { readonly id: string; readonly text: string }[];
  /** What to know about how the host was read. */
  readonly notes?: readonly string[];
}

/** What to know about the hosts, and `Assumed, …: firmware=enabled of a, b`: the last lines of a report, or none. */
export function assumedLines(subjects: readonly FleetSubject[]): string[] {
  const notes = subjects.flatMap(({ label, notes: own = [] }) => own.map((text) => `Note on ${label}: ${text}`));
  const of = new Map<string, string[]>();
  for (const { label, assumed = [] } of subjects) {
    for (const { id } of assumed) of.set(id, [...(of.get(id) ?? []), label]);
  }
  const before = notes.length === 0 ? [] : ["", ...notes];
  if (of.size === 0) return before;
  const parts = [...of].map(([id, labels]) =>
    labels.length === subjects.length ? id : `${id} of ${labels.join(", ")}`,
  );
  return [...before, "", `Assumed, as nobody read it: ${parts.join("; ")}`];
}

/** `a, b and c` */
export function listed(names: readonly string[]): string {
  const last = names.at(-1) ?? "";
  return names.length < 2 ? last : `${names.slice(0, -1).join(", ")} and ${last}`;
}

/** `a (Linux 6.1)`; only the label where it names the release, as `a@6.1`. */
export function underRelease(label: string, release: string): string {
  return label.includes(`@${release}`) ? label : `${label} (Linux ${release})`;
}

/** What a command of several hosts gives its caller to print. */
export interface RunResult {
  /** Plain text, without ends of line. */
  readonly lines: readonly string[];
  readonly json: unknown;
  /** 0 fine, 1 the answer is no or not known, 2 bad input. */
  readonly exitCode: 0 | 1 | 2;
}

/** Each kind of core of a host as a subject of its own; the subject itself if there is one kind. */
export function coreSubjects(subject: FleetSubject): readonly [FleetSubject, ...FleetSubject[]] {
  const { host, label } = subject;
  const [first, ...rest] = host.cores;
  if (rest.length === 0) return [subject];
  const one = (core: CoreGroup, index: number): FleetSubject => ({
    ...subject,
    label: `${label} ${coreName(core, index)}`,
    host: { ...host, cores: [core] },
  });
  return [one(first, 0), ...rest.map((core, i) => one(core, i + 1))];
}

/** `P-cores`, `P-cores (CPU 0-7)`, `core group 1` */
export function coreName({ coreTypes, logicalCpus }: CoreGroup, index: number): string {
  const kind = coreTypes.length > 0 ? `${coreTypes.join(" and ")}-cores` : `core group ${index}`;
  return logicalCpus === undefined ? kind : `${kind} (CPU ${logicalCpus})`;
}

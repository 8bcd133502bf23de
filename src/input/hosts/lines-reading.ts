import { once } from "../../bits/once.js";
import type { Host } from "../../host/host.js";
import type { ColumnShifts } from "../text/column-shifts.js";
import { countsOnlyAlone, type Diagnostic } from "../text/diagnostic.js";
import type { Evidence } from "./evidence.js";
import type { FactCollector } from "./fact-collector.js";
import type { LineReader, LineRun } from "./reader.js";

/* What the readers of one text found, put together. */

/** What all readers of lines found in one text. */
export interface LinesReading {
  readonly hosts: readonly Host[];
  /** Made when it is asked for first: of a dump it is most of the work. */
  readonly evidence: () => readonly Evidence[];
  readonly diagnostics: readonly Diagnostic[];
  /** Names of the readers that found something, the one with most lines first. */
  readonly formats: readonly string[];
  readonly lines: number;
}

interface Finish {
  readonly cut: boolean;
  readonly lines: number;
  readonly columns: ColumnShifts;
  readonly alone: boolean;
}

/** Puts what the readers that build their own hosts found together with the facts of the others. */
export function finish(
  collected: FactCollector,
  runs: readonly { readonly reader: LineReader; readonly run: LineRun; readonly score: number }[],
  claimed: readonly { readonly name: string; readonly claims: number }[],
  { cut, lines, columns, alone }: Finish,
): LinesReading {
  const diagnostics: Diagnostic[] = [];
  const found = [...claimed];
  const own: { readonly name: string; readonly hosts: readonly Host[] }[] = [];
  const readings = runs
    .filter(({ score }) => score > 0 || alone)
    .map(({ reader, run, score }) => ({ name: reader.name, score, ...run.end(cut) }));
  const hasHosts = readings.some(({ hosts }) => hosts.length > 0);
  for (const { name, score, hosts, diagnostics: said } of readings) {
    if (hosts.length > 0 || (claimed.length === 0 && !hasHosts)) {
      found.push({ name, claims: score });
      diagnostics.push(...said);
      if (hosts.length > 0) own.push({ name, hosts });
    } else if (!hasHosts) {
      // What was wrong with a line still counts; that the rest of the text is something else does not.
      diagnostics.push(...said.filter((diagnostic) => !countsOnlyAlone(diagnostic)));
    }
  }
  found.sort((a, b) => b.claims - a.claims);
  const formats = found.map(({ name }) => name);
  const [single, ...others] = own;
  const result = merge(collected, single !== undefined && others.length === 0 ? single : undefined, own);
  diagnostics.push(...result.diagnostics);
  return {
    hosts: result.hosts,
    evidence: once(() => result.evidence().map((row) => ({ ...row, column: row.column + columns.at(row.line) }))),
    diagnostics: withoutRepetition(diagnostics).map((d) => ({ ...d, column: d.column + columns.at(d.line) })),
    formats,
    lines,
  };
}

function merge(
  collected: FactCollector,
  single: { readonly name: string; readonly hosts: readonly Host[] } | undefined,
  own: readonly { readonly name: string; readonly hosts: readonly Host[] }[],
): Pick<ReturnType<FactCollector["close"]>, "hosts" | "diagnostics"> & Pick<LinesReading, "evidence"> {
  if (single !== undefined && !collected.hasFacts()) {
    // Nothing to merge: the hosts stay as their reader made them, and the collector lists what they say.
    const evidence = (): readonly Evidence[] => {
      for (const host of single.hosts) collected.addSeparateHost(host, single.name);
      return collected.close().evidence;
    };
    return { hosts: single.hosts, evidence, diagnostics: [] };
  }
  for (const { name, hosts } of own) {
    for (const host of hosts) {
      if (hosts.length === 1) collected.addHost(host, name);
      else collected.addSeparateHost(host, name);
    }
  }
  const { hosts, evidence, diagnostics } = collected.close();
  return { hosts, evidence: () => evidence, diagnostics };
}

function withoutRepetition(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  const seen = new Set<string>();
  return diagnostics.filter(({ line, message }) => {
    const key = `${line} ${message}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

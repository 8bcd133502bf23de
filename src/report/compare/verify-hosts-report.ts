import type { ComparedHost, RunResult } from "../../compare/hosts/compared-host.js";
import { type Verification, verify } from "../../compare/verify/verify.js";
import { verifyJson } from "../json/json-verify.js";
import { caveatLines } from "./caveats.js";
import { whoText } from "./who.js";

/** Differences shown; the JSON has all of them. */
const MOST = 40;

interface Verified extends ComparedHost {
  readonly found: Verification;
}

/**
 * What several machines report against replays of their registers: who differs, then each difference once with the machines that
 * have it. Exit code 0 when something could be compared on each and nothing differs.
 */
export function runVerify(subjects: readonly ComparedHost[]): RunResult {
  const all = subjects.map((subject): Verified => ({ ...subject, found: verify(subject.situation) }));
  const labels = all.map(({ label }) => label);
  const who = (some: readonly Verified[]) =>
    whoText(
      some.map(({ label }) => label),
      labels,
    );
  const differing = all.filter(({ found }) => found.counts.differ > 0);
  const silent = all.filter(({ found: { counts } }) => counts.agree + counts.differ === 0);
  const agreeing = all.filter((one) => !differing.includes(one) && !silent.includes(one));
  const first = [
    ...(differing.length === 0 ? [] : [`differs on ${who(differing)}`]),
    ...(agreeing.length === 0 ? [] : [`agrees on ${who(agreeing)}`]),
    ...(silent.length === 0 ? [] : [`nothing could be compared on ${who(silent)}`]),
  ].join("; ");
  return {
    lines: [
      `Against replays of their registers: ${first}.`,
      ...differenceLines(differing, labels),
      ...(differing.length === 0 ? [] : ["", "vmxlens verify HOST shows one of them whole."]),
      ...caveatLines(subjects),
    ],
    json: {
      format: "vmxlens-verify-hosts/1",
      text: `${first}.`,
      hosts: all.map(({ label, situation, found }) => ({ label, result: verifyJson({ situation, found }) })),
    },
    exitCode: differing.length === 0 && silent.length === 0 ? 0 : 1,
  };
}

/** Each difference once, the one that most machines have first. */
function differenceLines(differing: readonly Verified[], labels: readonly string[]): readonly string[] {
  const groups = new Map<string, { readonly lines: readonly string[]; readonly on: string[] }>();
  for (const { label, found } of differing) {
    for (const { what, reported, replayed, reasons } of found.differences) {
      const [reason] = reasons;
      const lines = [
        `${what}: machine ${reported.slice(0, 80)}, replay ${replayed.slice(0, 80)}`,
        ...(reason === undefined ? [] : [`  likely  ${reason.text}`]),
      ];
      const key = lines.join("\n");
      const group = groups.get(key) ?? { lines, on: [] };
      groups.set(key, group);
      group.on.push(label);
    }
  }
  const sorted = [...groups.values()].sort((a, b) => b.on.length - a.on.length);
  const shown = sorted
    .slice(0, MOST)
    .flatMap(({ lines: [what, ...more], on }) => ["", `${what}`, `  on      ${whoText(on, labels)}`, ...more]);
  return sorted.length > MOST ? [...shown, "", `${sorted.length - MOST} more: --json has them`] : shown;
}

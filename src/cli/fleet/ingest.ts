import { duckdbEngine, summary as summaryOf } from "../../fleet/answer.js";
import { labelsOfCsv } from "../../fleet/labels.js";
import { derive } from "../../fleet/store/dimension.js";
import { type Ingested, ingest as ingestFiles } from "../../fleet/store/ingest.js";
import { openStore } from "../../fleet/store/store.js";
import { count, several, summaryLines } from "../../fleet/text.js";
import { someOf, table, wrap } from "../../report/layout.js";
import type { Line } from "../../report/text.js";
import { styled } from "../../report/text.js";
import { EXIT } from "../exit-code.js";
import { inputText, wholeText } from "../files.js";
import { complain } from "../shell/problems.js";
import { type Action, print, type Question } from "./action.js";
import type { FleetRaw } from "./options.js";
import { progressBar } from "./progress.js";
import { catalogueVersion } from "./version.js";

/** How long to wait for another writer, in milliseconds. */
const WAIT = 30_000;

/** `vmxlens fleet ingest [FILE|DIRECTORY|-]…`: without an argument, it only derives what is not derived yet. */
export async function ingest(action: Action): Promise<number> {
  const { args, raw, options, world } = action;
  const table =
    raw.labels === undefined ? undefined : labelsOfCsv(await wholeText(inputText(raw.labels, world), raw.labels));
  if (table !== undefined && "problem" in table) return complain(world, [`${raw.labels}: ${table.problem}`]);
  const { ids, none } = options.settings.assume;
  const store = await openStore(options.store, { write: true, wait: WAIT });
  const bar = progressBar(world, () => performance.now());
  try {
    const done = await ingestFiles(store, args, {
      stdin: world.stdin,
      now: `${new Date().toISOString().slice(0, 19)}Z`,
      labels: options.labels,
      ...(options.paths === undefined ? {} : { paths: options.paths }),
      ...(table === undefined ? {} : { table }),
      ...(raw.again === true ? { again: true } : {}),
      ...(world.maxBytes === undefined ? {} : { maxBytes: world.maxBytes }),
      onProgress: bar.ingested,
    });
    const rows = await derive(store, catalogueVersion(), ids.length > 0 || none ? ids : undefined, bar.derived);
    bar.done();
    const now = await summaryOf(duckdbEngine(store.all));
    const bad = done.problems.map(
      ({ source, line, reason }): Line => [styled("error", `  ${source}${line === 0 ? "" : `:${line}`}: ${reason}`)],
    );
    const more = done.bad - bad.length;
    print(
      action,
      [
        ...summaryLines(now, options.settings.width),
        [
          {
            text: `Read ${several(done.hosts, "host")} from ${several(done.files, "file")} (${count(done.known)} unchanged); ${several(rows, "row")} derived.`,
          },
        ],
        ...remarkLines(done, raw, options.settings.width),
        ...(done.bad === 0 ? [] : [[styled("error", `${count(done.bad)} could not be read:`)]]),
        ...(more > 0 ? reasonLines(done.reasons, options.settings.width) : []),
        ...bad,
        ...(more > 0 ? [[{ text: `  and ${count(more)} more; vmxlens fleet problems lists them` }]] : []),
      ],
      { action: "ingest", ...done, derived: rows, summary: now },
    );
    const nothing = done.bad > 0 && done.hosts + done.known === 0;
    return now.hosts === 0 || nothing ? EXIT.no : EXIT.ok;
  } finally {
    store.close();
  }
}

const MOST_NAMES = 3;

/** Arguments that had no effect, and what looks like a mistake. */
function remarkLines({ strayed, unused, clash }: Ingested, raw: FleetRaw, width: number): readonly Line[] {
  const remarks: string[] = [];
  if (strayed > 0) remarks.push(`--paths ${raw.paths} does not fit the path of ${several(strayed, "file")}`);
  if (unused.length > 0) {
    const hosts = several(unused.length, "host that was", "hosts that were");
    remarks.push(`${raw.labels} names ${hosts} not read now: ${someOf(unused, MOST_NAMES)}`);
  }
  if (clash !== undefined) {
    const { host, files, clashes } = clash;
    const more = clashes === 1 ? "" : `, and ${several(clashes - 1, "file")} more like that`;
    remarks.push(
      `${files.join(" and ")} are both called ${host}, so that one counts as what the other was before${more}`,
    );
  }
  return remarks.flatMap((remark) => wrap([styled("warning", `${remark}.`)], width));
}

const MOST_REASONS = 10;

/** If there are more than a list shows: how many have each reason. */
function reasonLines(reasons: Ingested["reasons"], width: number): readonly Line[] {
  const rows = reasons
    .slice(0, MOST_REASONS)
    .map(({ reason, count: times }) => [count(times), styled("error", reason)]);
  const left = reasons.slice(MOST_REASONS).reduce((n, one) => n + one.count, 0);
  return [
    ...table([...rows, ...(left === 0 ? [] : [[count(left), "other reasons"]])], { width, indent: 2, right: [0] }),
    [{ text: "The first of them:" }],
  ];
}

/** `vmxlens fleet problems`: everything that could not be read. */
export async function problems(question: Question): Promise<number> {
  const { store, options } = question;
  const rows = await store.all(
    `SELECT source, line, reason FROM problems ORDER BY source, line LIMIT ${options.limit}`,
  );
  const [all] = await store.all("SELECT count(*) AS n FROM problems");
  const reasons = await store.all(
    "SELECT regexp_replace(regexp_replace(reason, '^[0-9]+:[0-9]+: ', ''), '\\b[0-9]+\\b', 'N', 'g') AS reason, count(*) AS count FROM problems GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 1000",
  );
  const lines = rows.map(
    (row): Line => [{ text: `${row.source}${row.line === 0 ? "" : `:${row.line}`}: ${row.reason}` }],
  );
  const found = Number(all?.n);
  const more = found - rows.length;
  const counted = reasons.map((row) => ({ reason: String(row.reason), count: Number(row.count) }));
  const head: Line =
    found === 0
      ? [styled("yes", "Nothing that was read had to be left out.")]
      : [styled("error", `${count(found)} could not be read:`)];
  print(
    question,
    [
      head,
      ...(more > 0 ? reasonLines(counted, options.settings.width) : []),
      ...lines,
      ...(more > 0 ? [[{ text: `and ${count(more)} more; --limit shows them` }]] : []),
    ],
    { action: "problems", count: found, reasons: counted, problems: rows },
  );
  return found === 0 ? EXIT.ok : EXIT.no;
}

import { csvField } from "../../fleet/labels.js";
import type { AnswerRow } from "../../fleet/shapes.js";
import { registerWhy } from "../../fleet/store/why-function.js";
import { table } from "../../report/layout.js";
import { styled } from "../../report/text.js";
import { EXIT } from "../exit-code.js";
import { inputText, wholeText } from "../files.js";
import { complain } from "../shell/problems.js";
import { print, type Question } from "./action.js";

/** `vmxlens fleet sql "SELECT …"`, or `-` for standard input: reads, and cannot write. */
export async function sql(question: Question): Promise<number> {
  const { args, raw, store, world, options } = question;
  const [given] = args;
  if (given === undefined)
    return complain(world, ['fleet sql: give a query, as "SELECT model, count(*) FROM fleet GROUP BY ALL"']);
  if (raw.as !== undefined && raw.as !== "csv")
    return complain(world, [`--as ${raw.as}: rows of SQL are written as csv`]);
  if (raw.as !== undefined && raw.json === true)
    return complain(world, ["--json has no effect on vmxlens fleet sql --as csv"]);
  const text = given === "-" ? await wholeText(inputText("-", world), "standard input") : given;
  await registerWhy(store);
  // The store is open for reading; files beside it must not be written or read either.
  await store.run("SET enable_external_access = false");
  await store.run("SET lock_configuration = true");
  const { names, rows } = await store.table(text);
  if (raw.as === "csv") {
    world.out(
      [names, ...rows.map((row) => names.map((name) => row[name] ?? ""))]
        .map((row) => `${row.map(csvField).join(",")}\n`)
        .join(""),
    );
    return EXIT.ok;
  }
  print(question, rowLines(rows, options.settings.width), { action: "sql", rows });
  return EXIT.ok;
}

function rowLines(rows: readonly AnswerRow[], width: number) {
  const names = Object.keys(rows[0] ?? {});
  if (names.length === 0) return [[{ text: "no rows" }]];
  return table(
    [names.map((name) => styled("label", name)), ...rows.map((row) => names.map((name) => String(row[name] ?? "")))],
    { width },
  );
}

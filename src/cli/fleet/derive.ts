import { lineDeriver, readShard } from "../../fleet/derive-lines.js";
import { digest } from "../../fleet/store/digest.js";
import { complain } from "../command.js";
import { EXIT } from "../exit-code.js";
import { inputName, inputText } from "../files.js";
import { readOptions } from "../options.js";
import type { World } from "../world.js";
import type { FleetRaw } from "./options.js";
import { catalogueVersion } from "./version.js";

/** Rows in one write. */
const BATCH = 200;

/** `vmxlens derive [FILE] [--shard I/N]`: exit code 1 if a line could not be derived. */
export async function derive(
  [file = "-"]: readonly (string | undefined)[],
  raw: FleetRaw,
  world: World,
): Promise<number> {
  const { settings, problems } = readOptions(raw, world);
  if (problems.length > 0) return complain(world, problems);
  const shard = raw.shard === undefined ? { index: 0, count: 1 } : readShard(raw.shard);
  if (shard === undefined) return complain(world, [`--shard ${raw.shard}: write it as 0/16 to 15/16`]);
  const made = lineDeriver({ assume: settings.assume.ids, version: catalogueVersion(), digest }, shard);
  let [number, bad, rest] = [0, 0, ""];
  let rows: string[] = [];
  const flush = () => {
    if (rows.length > 0) world.out(`${rows.join("\n")}\n`);
    rows = [];
  };
  const take = (line: string) => {
    number++;
    if (line.trim() === "") return;
    const found = made(line);
    if ("problem" in found) {
      bad++;
      world.err(`${inputName(file)}:${number}: ${found.problem}\n`);
    } else if (found.row !== undefined) rows.push(found.row);
    if (rows.length >= BATCH) flush();
  };
  for await (const piece of inputText(file, world)) {
    const lines = (rest + piece).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) take(line);
  }
  if (rest !== "") take(rest);
  flush();
  return bad > 0 ? EXIT.no : EXIT.ok;
}

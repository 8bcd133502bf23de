import { lineDeriver, readShard } from "../../fleet/derive-lines.js";
import { digest } from "../../fleet/store/digest.js";
import { EXIT } from "../exit-code.js";
import { inputName, inputText } from "../files.js";
import { readOptions } from "../options.js";
import { complain } from "../shell/problems.js";
import type { World } from "../world.js";
import type { FleetRaw } from "./options.js";
import { catalogueVersion } from "./version.js";

/** Rows that are written at once. */
const BATCH = 200;
/** In characters; a set has about a thousand. */
const MOST_LINE = 2 ** 24;

/** A line of this length is a device or a sparse file, and may have no end. */
const ENDLESS = 2 ** 27;

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
  let [number, bad, length] = [0, 0, 0];
  let parts: string[] = [];
  let rows: string[] = [];
  const flush = () => {
    if (rows.length > 0) world.out(`${rows.join("\n")}\n`);
    rows = [];
  };
  const refuse = (problem: string) => {
    bad++;
    world.err(`${inputName(file)}:${number}: ${problem}\n`);
  };
  const take = (line: string) => {
    number++;
    if (line.trim() === "") return;
    const found = made(line);
    if ("problem" in found) refuse(found.problem);
    else if (found.row !== undefined) rows.push(found.row);
    if (rows.length >= BATCH) flush();
  };
  const part = (text: string) => {
    length += text.length;
    // Nothing is kept of a line that is too long: it may have no end.
    if (length > MOST_LINE) parts = [];
    else parts.push(text);
  };
  const ended = () => {
    if (length <= MOST_LINE) take(parts.join(""));
    else {
      number++;
      refuse(`a line is longer than ${MOST_LINE} characters`);
    }
    [parts, length] = [[], 0];
  };
  // A filter reads as much as there is, unless a limit was set.
  const endless = { ...world, maxBytes: world.maxBytes ?? Number.POSITIVE_INFINITY };
  for await (const piece of inputText(file, endless)) {
    let from = 0;
    for (let end = piece.indexOf("\n"); end >= 0; end = piece.indexOf("\n", from)) {
      part(piece.slice(from, end));
      ended();
      from = end + 1;
    }
    if (from < piece.length) part(piece.slice(from));
    if (length > ENDLESS) {
      number++;
      refuse(`a line is longer than ${ENDLESS} characters; nothing behind it was read`);
      flush();
      return EXIT.no;
    }
  }
  if (length > 0) ended();
  flush();
  return bad > 0 ? EXIT.no : EXIT.ok;
}

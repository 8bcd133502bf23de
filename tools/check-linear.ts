/**
 * Whether everything that reads foreign text takes time in proportion to its length: texts made of an alphabet,
 * each longer and longer. Prints what costs too much; ends with 1 if anything does, or if a planted fault is not found.
 * It runs in a process of its own, as it measures the CPU time of the process; V8 with `--single-threaded` measures best.
 * A text counts when three processes that looked at nothing else say the same of it.
 *
 *     npm run check:linear                  everything with everything, which takes some minutes
 *     npm run check:linear -- --quick       a part, in half a minute
 *     npm run check:linear -- explain       one subject
 */
import { spawnSync } from "node:child_process";
import { PLANTED, subjects } from "../test/linear/subjects.js";
import { type Finding, findingText, type Shape, sweep } from "../test/linear/watch.js";

const TIMES = 3;

const words = process.argv.slice(2);
const again = words.indexOf("--again");
if (again >= 0) {
  const [name, shape] = words.slice(again + 1) as [string, string];
  const subject = subjects("all").find((each) => each.name === name);
  if (subject === undefined) throw new RangeError(`no subject is called ${name}`);
  const { findings } = sweep({ ...subject, shapes: () => [JSON.parse(shape) as Shape] });
  process.exit(findings.length > 0 ? 1 : 0);
}
const names = words.filter((word) => !word.startsWith("--"));
const extent = words.includes("--quick") ? "quick" : "all";
const chosen = subjects(extent).filter(({ name }) => names.length === 0 || names.includes(name));
if (chosen.length === 0) throw new RangeError(`no subject is called ${names.join(" or ")}`);

let bad = false;
for (const { expected, ...planted } of PLANTED) {
  const { findings } = sweep(planted);
  const found = findings.some(({ kind }) => kind === expected);
  bad ||= !found;
  console.log(`planted: ${planted.name}: ${found ? "found" : "not found"}`);
}
for (const subject of chosen) {
  const before = process.cpuUsage();
  const swept = sweep(subject);
  const { user, system } = process.cpuUsage(before);
  const findings = swept.findings.filter(isFoundAgain);
  for (const finding of findings) console.log(findingText(finding));
  // A subject without texts would be well, whatever it does.
  bad ||= findings.length > 0 || swept.shapes === 0;
  const seconds = ((user + system) / 1e6).toFixed(1);
  console.log(`${subject.name}: ${swept.shapes} texts, ${findings.length} too dear, ${seconds} s of CPU`);
}
process.exitCode = bad ? 1 : 0;

function isFoundAgain({ subject, shape }: Finding): boolean {
  const args = [...process.execArgv, process.argv[1] as string, "--again", subject, JSON.stringify(shape)];
  for (let i = 0; i < TIMES; i++) {
    const { status } = spawnSync(process.execPath, args, { stdio: "ignore" });
    if (status === 0) return false;
  }
  return true;
}

/**
 * Whether everything that reads foreign text takes time in proportion to its length: texts made of an alphabet,
 * each longer and longer. Prints what costs too much; ends with 1 if anything does, or if a planted fault is not found.
 * It runs in a process of its own, as it measures the CPU time of the process; V8 with `--single-threaded` measures best.
 *
 *     npm run check:linear                  everything with everything, which takes some minutes
 *     npm run check:linear -- --quick       what the tests run
 *     npm run check:linear -- explain       one subject
 */
import { PLANTED, subjects } from "../test/linear/subjects.js";
import { findingText, sweep } from "../test/linear/watch.js";

const words = process.argv.slice(2);
const names = words.filter((word) => !word.startsWith("--"));
const chosen = subjects(!words.includes("--quick")).filter(({ name }) => names.length === 0 || names.includes(name));
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
  const { shapes, findings } = sweep(subject, (finding) => console.log(findingText(finding)));
  const { user, system } = process.cpuUsage(before);
  bad ||= findings.length > 0;
  const seconds = ((user + system) / 1e6).toFixed(1);
  console.log(`${subject.name}: ${shapes} texts, ${findings.length} too dear, ${seconds} s of CPU`);
}
process.exitCode = bad ? 1 : 0;

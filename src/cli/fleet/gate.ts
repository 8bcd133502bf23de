import { judge, readPolicy } from "../../fleet/policy.js";
import { wrap } from "../../report/layout.js";
import { type Line, styled } from "../../report/text.js";
import { EXIT } from "../exit-code.js";
import { inputName, inputText, wholeText } from "../files.js";
import { complain } from "../shell/problems.js";
import { print, type Question } from "./action.js";

/** `vmxlens fleet gate POLICY`: exit code 1 if a demand does not hold. */
export async function gate(question: Question): Promise<number> {
  const { args, engine, options, world } = question;
  const [path] = args;
  if (path === undefined) return complain(world, ["fleet gate: name the policy, a JSON file; docs/fleet.md shows one"]);
  const read = readPolicy(await wholeText(inputText(path, world), inputName(path)));
  if ("problems" in read)
    return complain(
      world,
      read.problems.map((problem) => `${inputName(path)}: ${problem}`),
    );
  const demands = await judge(engine, read.rules);
  const failed = demands.filter(({ holds }) => !holds);
  const lines: Line[] = [
    [
      failed.length === 0
        ? styled("yes", `All ${demands.length} demands hold.`)
        : styled("no", `${failed.length} of ${demands.length} demands do not hold.`),
    ],
    ...demands.flatMap(({ rule, holds, says }) =>
      wrap(`${rule}: ${says}`, options.settings.width, [styled(holds ? "yes" : "no", holds ? "  ok    " : "  FAIL  ")]),
    ),
  ];
  print(question, lines, { action: "gate", holds: failed.length === 0, demands });
  return failed.length === 0 ? EXIT.ok : EXIT.no;
}

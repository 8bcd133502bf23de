import { generations, refusedVcpus, shapes as shapesOf, summary } from "../../fleet/answer.js";
import { drift } from "../../fleet/drift.js";
import { losses } from "../../fleet/exclusions.js";
import { fleetPage } from "../../fleet/html.js";
import { poolsOf } from "../../fleet/pools.js";
import { featuresAt } from "../../fleet/sql/questions.js";
import { EXIT } from "../exit-code.js";
import { replaceFile } from "../files.js";
import type { Question } from "./action.js";
import { catalogueVersion } from "./version.js";

/** `vmxlens fleet report [--out FILE]` */
export async function report({ engine, options, raw, world }: Question): Promise<number> {
  const judged = await summary(engine, options);
  const all = await shapesOf(engine, options);
  const { pools, curve } = poolsOf(all, options.count === undefined ? {} : { count: options.count });
  const page = fleetPage({
    title: "VMX of a fleet",
    version: catalogueVersion(),
    summary: judged,
    features: featuresAt("nested"),
    generations: await generations(engine, "nested", options),
    pools,
    curve,
    losses: losses(all),
    drift: await drift(engine, { within: "model", by: "nested" }, options),
    vcpus: await refusedVcpus(engine, raw.by, options),
  });
  if (raw.out === undefined) world.out(page);
  else replaceFile(raw.out, page, world);
  return judged.hosts === 0 ? EXIT.no : EXIT.ok;
}

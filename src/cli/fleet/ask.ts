import {
  featureCounts,
  refusedVcpus,
  shapes as shapesOf,
  summary as summaryOf,
  who as whoOf,
} from "../../fleet/answer.js";
import { drift as driftOf, driftSinceLast, settledDrift } from "../../fleet/drift.js";
import { driftReport } from "../../fleet/drift-text.js";
import { losses } from "../../fleet/exclusions.js";
import { poolsOf } from "../../fleet/pools.js";
import { featureLines, judgedLine, lossLines, poolLines, summaryLines, whoLines } from "../../fleet/text.js";
import { EXIT } from "../exit-code.js";
import { complain } from "../shell/problems.js";
import { print, type Question } from "./action.js";
import { poolsJson, shapeJson } from "./fleet-json.js";
import { poolConfigurations } from "./pool-files.js";

/** `vmxlens fleet summary` */
export async function summary(question: Question): Promise<number> {
  const { engine, options } = question;
  const found = await summaryOf(engine, options);
  print(question, summaryLines(found, options.settings.width), { action: "summary", ...found });
  return found.hosts === 0 ? EXIT.no : EXIT.ok;
}

/** `vmxlens fleet who --has FEATURE --lacks FEATURE`: exit code 1 if no host certainly matches. */
export async function who(question: Question): Promise<number> {
  const { engine, options, world } = question;
  const { wanted, layer, limit } = options;
  if (wanted.length === 0) return complain(world, ["fleet who: ask for --has FEATURE or --lacks FEATURE"]);
  const found = await whoOf(engine, wanted, layer, limit, options);
  print(question, whoLines(found, wanted, layer, options.settings.width), {
    action: "who",
    layer,
    wanted: wanted.map(({ feature, has }) => ({ feature: feature.id, has })),
    ...found,
  });
  return found.sure > 0 ? EXIT.ok : EXIT.no;
}

/** `vmxlens fleet baseline [--layer LAYER]` */
export async function baseline(question: Question): Promise<number> {
  const { engine, options } = question;
  const { layer, settings } = options;
  const judged = await summaryOf(engine, options);
  const counts = await featureCounts(engine, layer, options);
  if (layer !== "nested") {
    print(question, [judgedLine(judged), ...featureLines(counts, settings.width)], {
      action: "baseline",
      layer,
      summary: judged,
      features: counts.map(({ feature, ...rest }) => ({ feature: feature.id, ...rest })),
    });
    return judged.hosts === 0 ? EXIT.no : EXIT.ok;
  }
  const found = losses(await shapesOf(engine, options));
  print(question, [judgedLine(judged), ...lossLines(found, judged.verdicts.yes, settings.width)], {
    action: "baseline",
    layer,
    summary: judged,
    features: counts.map(({ feature, ...rest }) => ({ feature: feature.id, ...rest })),
    common: found.common,
    lost: found.lost.map(({ by, ...rest }) => ({ ...rest, by: by.map(shapeJson) })),
    without: found.without.map(({ shapes, ...rest }) => ({ ...rest, shapes: shapes.map(shapeJson) })),
    exact: found.exact,
  });
  return judged.verdicts.yes === 0 ? EXIT.no : EXIT.ok;
}

/** `vmxlens fleet pools [--has FEATURE…] [--count N] [--as qemu|libvirt] [--out DIRECTORY]` */
export async function pools(question: Question): Promise<number> {
  const { engine, options, raw, world } = question;
  // With --as it is text for other programs, and --out holds it in the form that --as names.
  if (raw.as !== undefined && raw.json === true)
    return complain(world, ["--json has no effect on vmxlens fleet pools --as"]);
  if (raw.out !== undefined && raw.as === undefined)
    return complain(world, ["--out: say with --as what is to be written there"]);
  const judged = await summaryOf(engine, options);
  const all = await shapesOf(engine, options);
  const need = options.wanted.filter(({ has }) => has).map(({ feature }) => feature);
  const { pools: found, curve } = poolsOf(all, {
    need,
    ...(options.count === undefined ? {} : { count: options.count }),
  });
  const code =
    found.pools.length > 0 && found.pools.every(({ baseline: common }) => common.possible === "yes")
      ? EXIT.ok
      : EXIT.no;
  if (raw.as !== undefined) return poolConfigurations(question, found, code);
  print(question, [judgedLine(judged), ...poolLines(found, curve, options.settings.width)], {
    action: "pools",
    summary: judged,
    need: need.map(({ id }) => id),
    ...poolsJson(found, curve),
  });
  return code;
}

/** `vmxlens fleet drift [--by LABEL]`: exit code 1 if a host drifts, or may. */
export async function drift(question: Question): Promise<number> {
  const { engine, options, raw } = question;
  const judged = await summaryOf(engine, options);
  const model = await driftOf(engine, { within: "model", by: "nested" }, options);
  const microcode = await driftOf(engine, { within: "model", by: "microcode" }, options);
  const { by } = raw;
  const within =
    by === undefined
      ? {}
      : { within: { label: by, rows: await driftOf(engine, { within: { label: by }, by: "nested" }, options) } };
  const last = await driftSinceLast(engine, Math.max(1, options.limit), options);
  const vcpus = await refusedVcpus(engine, by, options);
  const { open } = settledDrift(model, await shapesOf(engine, options));
  const found = { model, microcode, ...within, last, open, vcpus };
  print(question, [judgedLine(judged), ...driftReport(found, options.settings.width)], {
    action: "drift",
    summary: judged,
    ...found,
  });
  const groups = model.length + microcode.length + (within.within?.rows.length ?? 0) + last.length;
  const pairs = vcpus.reduce((n, { refusedPairs, openPairs }) => n + refusedPairs + openPairs, 0);
  return groups + open + pairs === 0 && judged.hosts > 0 ? EXIT.ok : EXIT.no;
}

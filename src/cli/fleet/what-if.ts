import { shapes as shapesOf, summary } from "../../fleet/answer.js";
import { losses } from "../../fleet/exclusions.js";
import { poolsOf } from "../../fleet/pools.js";
import { featuresAt } from "../../fleet/sql/questions.js";
import type { Where } from "../../fleet/sql/where.js";
import { readWhere } from "../../fleet/sql/where.js";
import { changesOf, deriveAfter } from "../../fleet/store/what-if.js";
import { count, judgedLine, several } from "../../fleet/text.js";
import { table, wrap } from "../../report/layout.js";
import { BLANK, type Line, styled } from "../../report/text.js";
import { kernelSet } from "../../situation/kernels.js";
import { EXIT } from "../exit-code.js";
import { complain } from "../shell/problems.js";
import { print, type Question } from "./action.js";
import { poolsJson } from "./fleet-json.js";
import { catalogueVersion } from "./version.js";

/** `vmxlens fleet what-if --kernel K | --param NAME=VALUE | --without HOST|LABEL=VALUE`: exit code 1 if a host loses something. */
export async function whatIf(question: Question): Promise<number> {
  const { engine, options, raw, store, world } = question;
  const { settings, where } = options;
  const without = (raw.without ?? [])
    .flatMap((list) => list.split(","))
    .filter((one) => one !== "")
    .map(leftOut);
  const asked = settings.kernel !== undefined || Object.keys(settings.params).length > 0;
  if (!asked && without.length === 0) {
    return complain(world, ["fleet what-if: say what is different with --kernel, --param or --without"]);
  }
  const change = { ...(settings.kernel === undefined ? {} : { kernel: settings.kernel }), params: settings.params };
  const dimension = asked ? await deriveAfter(store, catalogueVersion(), change) : "derived";
  const before = await summary(engine, { where });
  const scope = { where: [...where, ...without], dimension };
  const changes = await changesOf(engine, dimension, { where: scope.where });
  const after = await summary(engine, scope);
  const [shapesBefore, shapesAfter] = [await shapesOf(engine, { where }), await shapesOf(engine, scope)];
  const [poolsBefore, poolsAfter] = [poolsOf(shapesBefore), poolsOf(shapesAfter)];
  const common = { before: losses(shapesBefore).common, after: losses(shapesAfter).common };
  const moved = featuresAt("nested").flatMap((feature) => {
    const found = changes.features.find(({ id }) => id === feature.id);
    return found !== undefined && found.gain + found.loss > 0 ? [found] : [];
  });
  const poolText = ({ pools }: ReturnType<typeof poolsOf>) =>
    `${pools.pools.length} (${pools.pools.map(({ hosts }) => count(hosts)).join(", ")})`;
  const set = settings.kernel === undefined ? undefined : kernelSet(settings.kernel);
  const replayed = set === undefined || "error" in set ? undefined : set.note;
  const lines: Line[] = [
    judgedLine(after),
    [
      styled(
        "title",
        `${several(changes.changed, "host offers", "hosts offer")} nested guests something else; VMX for nested guests: ${count(before.verdicts.yes)} before, ${count(after.verdicts.yes)} after`,
      ),
    ],
    ...(replayed === undefined ? [] : wrap(replayed, settings.width, "  ")),
    ...table(
      alike(moved).map(({ ids, gain, loss }) => [
        [gain === 0 ? [] : [`${count(gain)} gain`], loss === 0 ? [] : [`${count(loss)} lose`]].flat().join(", "),
        styled(loss > 0 ? "no" : "yes", ids.join(", ")),
      ]),
      { width: settings.width, indent: 2 },
    ),
    BLANK,
    ...wrap(commonText(common), settings.width),
    [{ text: `Pools: ${poolText(poolsBefore)} before, ${poolText(poolsAfter)} after` }],
  ];
  print(question, lines, {
    action: "what-if",
    changed: changes.changed,
    ...(replayed === undefined ? {} : { replayedAs: replayed }),
    before,
    after,
    features: moved,
    common,
    pools: poolsJson(poolsAfter.pools, poolsAfter.curve),
  });
  return changes.features.some(({ loss }) => loss > 0) ? EXIT.no : EXIT.ok;
}

/** What all hosts with VMX for nested guests share, and what the change adds and removes. */
function commonText({
  before,
  after,
}: {
  readonly before: readonly string[];
  readonly after: readonly string[];
}): string {
  const [more, less] = [after.filter((id) => !before.includes(id)), before.filter((id) => !after.includes(id))];
  const moved = [
    ...(more.length === 0 ? [] : [`with ${more.join(", ")}`]),
    ...(less.length === 0 ? [] : [`without ${less.join(", ")}`]),
  ];
  return `In common: ${several(before.length, "feature")} before, ${count(after.length)} after${moved.length === 0 ? "" : `, ${moved.join(", ")}`}`;
}

type Moved = { readonly id: string; readonly gain: number; readonly loss: number };

/** Features that equally many hosts gain or lose, in one group: mostly these are the same hosts. The group with most hosts first. */
function alike(moved: readonly Moved[]) {
  const groups = new Map<string, { ids: string[]; gain: number; loss: number }>();
  for (const { id, gain, loss } of moved) {
    const group = groups.get(`${gain} ${loss}`) ?? { ids: [], gain, loss };
    groups.set(`${gain} ${loss}`, group);
    group.ids.push(id);
  }
  return [...groups.values()].sort((a, b) => b.loss - a.loss || b.gain - a.gain);
}

/** Hosts by name, or by a shared property. */
function leftOut(text: string): Where {
  const found = readWhere(text);
  return found === undefined
    ? { key: "host", not: true, value: text.replace(/\*$/, ""), prefix: text.endsWith("*") }
    : { ...found, not: !found.not };
}

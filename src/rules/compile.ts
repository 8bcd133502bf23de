import { type Action, type AdjustSpecs, specOf, type Target } from "./adjust.js";
import { compileTest, type KernelConfig, simplify, type Test } from "./condition.js";
import { compileEffect, isSameEverywhere } from "./effect.js";
import { heldIn } from "./held.js";
import { kernelRow, type Release } from "./kernels.js";
import { MAYBE, type Machine, NO, YES } from "./machine.js";
import type { Condition, Rule } from "./rule.js";
import type { Stage } from "./words.js";

/*
 * The one evaluator. A table of rules is turned into closures once per kernel and configuration; running them is then a
 * loop over the steps that exist there.
 */

interface Step {
  readonly rule: Rule;
  readonly test: Test | undefined;
  /** Compiled when the step first happens: on most hosts a third of them never does. */
  actions: readonly Action[] | undefined;
}

export interface Program {
  readonly steps: readonly Step[];
  readonly target: Target;
}

/**
 * Compiles the rules of one kernel and configuration into a program. A rule that may hold in the kernel, or may not, may
 * happen.
 */
export function compile(
  rules: readonly Rule[],
  release: Release,
  config: KernelConfig,
  adjust: AdjustSpecs = {},
): Program {
  const kernel = kernelRow(release);
  const present = rules.flatMap((rule) => {
    const held = heldIn(rule.held, kernel);
    return held === false ? [] : [{ rule, held }];
  });
  // Stages that are entered by a `call` or left by a `leave`: only their steps ask whether they are reached.
  const gated = new Set<Stage>();
  for (const { rule } of present) {
    for (const effect of rule.does) {
      if ("call" in effect) gated.add(effect.call);
      if ("leave" in effect) gated.add(effect.leave);
    }
  }
  const target: Target = { release, config, adjust };
  const steps: Step[] = [];
  for (const { rule, held } of present) {
    const condition = rule.when === undefined || simplify(rule.when, config);
    if (condition === false) continue;
    for (const effect of rule.does) if ("adjust" in effect) specOf(effect.adjust, adjust);
    const test = testOf(condition, gated.has(rule.stage) ? rule.stage : undefined);
    steps.push({
      rule,
      test: held === undefined ? perhaps(test) : test,
      actions: undefined,
    });
  }
  return { steps, target };
}

/** Tests by the stage whose steps ask whether it is reached, or none. Most rules hold in many kernels: their tests are compiled once. */
type Tests = Map<Stage | undefined, Test>;
const ofConditions = new WeakMap<Condition, Tests>();
const ofStages: Tests = new Map();

function testOf(condition: Condition | true, stage: Stage | undefined): Test | undefined {
  if (condition === true && stage === undefined) return undefined;
  let tests = condition === true ? ofStages : ofConditions.get(condition);
  if (tests === undefined) {
    tests = new Map();
    ofConditions.set(condition as Condition, tests);
  }
  let test = tests.get(stage);
  if (test === undefined) {
    const reached: Condition[] = stage === undefined ? [] : [{ bit: ["reached", stage] }];
    test = compileTest(
      condition === true ? { all: reached } : reached.length === 0 ? condition : { all: [...reached, condition] },
    );
    tests.set(stage, test);
  }
  return test;
}

/** What the rules do that do the same in every kernel. */
const ofRules = new WeakMap<Rule, readonly Action[]>();

function actionsOf(rule: Rule, target: Target): readonly Action[] {
  const known = ofRules.get(rule);
  if (known !== undefined) return known;
  const actions = rule.does.map((effect) => compileEffect(effect, rule, target));
  if (isSameEverywhere(rule)) ofRules.set(rule, actions);
  return actions;
}

function perhaps(test: Test | undefined): Test {
  return (m) => (test !== undefined && test(m) === NO ? NO : MAYBE);
}

export function run(m: Machine, program: Program): void {
  const { steps, target } = program;
  const traced = m.listener !== undefined;
  for (const step of steps) {
    const happens = step.test === undefined ? YES : step.test(m);
    if (happens === NO) continue;
    if (traced) m.rule = step.rule;
    step.actions ??= actionsOf(step.rule, target);
    for (const action of step.actions) {
      action(m, happens);
      if (m.stopped) return;
    }
  }
}

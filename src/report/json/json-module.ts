import { formatMsr } from "../../host/msr.js";
import { nestedMsrs } from "../../kvm/nested-msrs.js";
import { numberText } from "../../prove/compare-run.js";
import type { Decision } from "../../prove/decide.js";
import type { DecidedBit } from "../../prove/decided-bits.js";
import type { Log } from "../../prove/kernel/log.js";
import type { Fields } from "../../prove/kernel/outcome.js";
import type { Proof } from "../../prove/prover.js";
import { hexIndex } from "../../registers/registers.js";
import { replays } from "../../situation/replays.js";
import type { Situation } from "../../situation/situation.js";
import { ruleOf } from "../prove/prove-report.js";
import { situationJson } from "./json-situation.js";

/** The JSON of `vmxlens replay --module`: schema/module-run.schema.json. Of a situation that `byModule` made. */
export function moduleRunJson(situation: Situation, { modules, boot }: Proof, kernel: string): unknown {
  const { each, loads } = replays(situation);
  const [first] = each;
  return {
    format: "vmxlens-module-run/1",
    ...situationJson(situation),
    module: kernel,
    loads,
    error: first.error ?? null,
    boot: boot === undefined ? null : logJson(boot.log),
    load: logJson(modules.log),
    vmcs_config: fieldsJson(modules.vmcsConfig),
    vmx_capability: fieldsJson(modules.vmxCapability),
    nested: fieldsJson(modules.nested),
    msrs:
      modules.nestedMsrs === undefined
        ? {}
        : Object.fromEntries(
            [...nestedMsrs(first.cpu)].map(([index, words]) => [
              hexIndex(index),
              formatMsr({ state: "value", ...words }),
            ]),
          ),
    parameters: Object.fromEntries(modules.params),
    unlisted: [...modules.unlisted.keys()],
    instructions: modules.instructions + (boot?.instructions ?? 0),
  };
}

function fieldsJson(fields: Fields): { readonly [name: string]: string } {
  return Object.fromEntries([...fields].map(([name, value]) => [name, numberText(value)]));
}

function logJson({ rdmsr, wrmsr, messages, warnings }: Log): unknown {
  return {
    reads: rdmsr.map(({ index, safe, certain }) => ({ msr: hexIndex(index), safe, certain })),
    writes: wrmsr.map(({ index, lo, hi, certain }) => ({
      msr: hexIndex(index),
      value: `0x${((BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0)).toString(16)}`,
      certain,
    })),
    messages: messages.map(({ level, text, certain }) => ({ level, text, certain })),
    warnings: warnings.map((one) => ({
      function: one.function,
      once: one.once,
      text: one.text ?? null,
      certain: one.certain,
    })),
  };
}

/** What the module's own code did to each bit of a feature: the member `module` of schema/why.schema.json. */
export function decidedJson(situation: Situation, kernel: string, decided: readonly DecidedBit[]): unknown {
  return {
    kernel,
    bits: decided.map(({ at, name, bit, label, value, decision }) => ({
      name,
      bit,
      label: label ?? null,
      value,
      decided: decision === undefined ? null : decisionJson(decision),
      rule: ruleOf(situation, at[0], at[1]) ?? null,
    })),
  };
}

/** An instruction with the branches before it. */
export function decisionJson({ function: name, offset, text, msr, turns }: Decision): unknown {
  return {
    function: name,
    offset,
    instruction: text,
    msr: msr === undefined ? null : hexIndex(msr),
    branches: turns.map((turn) => ({ text: turn.text, taken: turn.taken ?? "unknown" })),
  };
}

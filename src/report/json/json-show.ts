import { type DecodedBit, type DecodedRegister, decodeCore } from "../../host/decode.js";
import { findings } from "../../host/findings.js";
import { namesOf } from "../../registers/lookup.js";
import { hexIndex } from "../../registers/registers.js";
import type { ShowInput } from "../show-report.js";
import { coreJson, findingJson, msrJson, situationJson } from "./json-situation.js";

/** The JSON of `vmxlens show`: schema/show.schema.json. Names of every vocabulary are always there. */
export function showJson({ situation, registers }: ShowInput) {
  const asked = (index: number) => registers.length === 0 || registers.includes(index);
  return {
    format: "vmxlens-show/1",
    ...situationJson(situation),
    cores: situation.host.cores.map((core) => ({
      ...coreJson(core),
      registers: decodeCore(core, situation.host.vendor, situation.asRead)
        .filter(({ register }) => asked(register.index))
        .map(registerJson),
    })),
    findings: findings(situation.read)
      .filter(({ msr }) => registers.length === 0 || (msr !== undefined && asked(msr)))
      .map(findingJson),
  };
}

function registerJson({ register, msr, exists, bits, fields }: DecodedRegister) {
  return {
    index: hexIndex(register.index),
    name: register.sdm,
    linux: register.linux ?? null,
    title: register.title,
    layout: register.layout,
    section: register.section,
    value: msrJson(msr),
    exists,
    bits: bits.map(bitJson),
    fields: fields.map(({ row, raw, value, text }) => ({
      high: row.high,
      low: row.low,
      key: row.key,
      name: row.sdm,
      raw: raw ?? null,
      value: value ?? null,
      text,
    })),
  };
}

function bitJson({ bit, row, note, setting, plain }: DecodedBit) {
  const names: { [vocabulary: string]: string } = {};
  // `namesOf` gives `VMX_FEATURE_X` after `X`; the short one is the name in its table.
  if (row !== undefined) for (const [vocabulary, name] of namesOf(row)) names[vocabulary] ??= name;
  return {
    bit,
    setting,
    ...(plain === undefined ? {} : { plain }),
    names,
    ...(note === undefined ? {} : { note }),
  };
}

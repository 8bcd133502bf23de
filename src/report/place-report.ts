import { type DecodedBit, decodeCore } from "../host/decode.js";
import { formatMsr } from "../host/msr.js";
import { aboutSourceName } from "../kvm/source-names.js";
import { hexIndex, type RegisterRow } from "../registers/registers.js";
import { formatHeld, valuesOf } from "../rules/held.js";
import { replays } from "../situation/replays.js";
import type { Situation } from "../situation/situation.js";
import { featuresOfRegister } from "../why/find-feature.js";
import type { Place } from "../why/find-place.js";
import { layersUnder } from "../why/layers.js";
import { rulesOfFunctions } from "../why/run-part.js";
import { basisLines, subject } from "./basis.js";
import { matrixLines } from "./layers-report.js";
import { wrap } from "./layout.js";
import { replayReport, runsIn } from "./replay-report.js";
import { BLANK, type Inline, type Line, styled } from "./text.js";

/** What a name other than a feature's means, and where it is on this host. */
export function placeReport(situation: Situation, place: Place, width: number): Line[] {
  switch (place.kind) {
    case "run":
      return runLines(situation, place, width);
    case "register":
      return registerLines(situation, place.register, width);
    default:
      return bitLines(situation, place, width);
  }
}

/** The rows of the source about it, then its part of the run. */
function runLines(
  situation: Situation,
  { name, about, part, rules = [] }: Extract<Place, { kind: "run" }>,
  width: number,
): Line[] {
  const rows = about.flatMap((row) => {
    const form = row.form === undefined || row.form === row.name ? name : row.form;
    return wrap([styled("title", form), styled("dim", ` (${row.file})`), `: ${aboutSourceName(row)}`], width, "", 2);
  });
  // What no replay has a step of, such as VMXON.
  if (part.functions?.length === 0) return [...rows, ...basisLines(situation, width)];
  const idle = rules.length === 0 && !runsIn(situation, part) ? rulesOfFunctions(part) : [];
  const naming = [...rules, ...idle].flatMap((rule) => {
    const where = [valuesOf(rule.fn ?? rule.stage).join(" / "), valuesOf(rule.file).join(" / "), formatHeld(rule.held)];
    return [
      ...wrap(rule.says, width, "", 2),
      ...wrap(styled("dim", `${where.join(", ")}, rule ${rule.id}`), width, "    ", 6),
    ];
  });
  return [...rows, ...naming, ...replayReport(situation, [], width, part)];
}

/** How far each named bit of a register gets. */
function registerLines(situation: Situation, register: RegisterRow, width: number): Line[] {
  const features = featuresOfRegister(register);
  const name = [styled("title", `${register.sdm} (${hexIndex(register.index)})`), " on "];
  const look: Inline = ["its bits: ", styled("command", `vmxlens show HOST ${hexIndex(register.index)}`)];
  if (features.length === 0) {
    const none = "no step of boot or of loading KVM looks at its bits one by one.";
    return [
      ...wrap([name, subject(situation), none], width),
      ...wrap(look, width, "  "),
      ...basisLines(situation, width),
    ];
  }
  const matrix = features.map((feature) => layersUnder(replays(situation), feature));
  const count = (cell: "silicon" | "nested") => matrix.filter(({ cells }) => cells[cell] === "yes").length;
  const l1 = features.some((feature) => feature.nested !== undefined) ? `, and L1 is offered ${count("nested")}` : "";
  const text = `the CPU has ${count("silicon")} of its ${features.length} named bits${l1}.`;
  return [
    ...wrap([name, subject(situation), text], width),
    ...wrap(look, width, "  "),
    BLANK,
    ...matrixLines(matrix, width),
    ...basisLines(situation, width),
  ];
}

/** The setting of a bit that no step of the kernel looks at. */
function bitLines(situation: Situation, { place, row }: Extract<Place, { kind: "bit" }>, width: number): Line[] {
  const { register, bit } = place;
  const [core] = situation.host.cores;
  const decoded = decodeCore(core, situation.host.vendor, situation.asRead).find(
    (one) => one.register.index === register.index,
  );
  const name = row === undefined ? `bit ${bit}` : register.layout === "fixed1" ? row.key : row.sdm;
  const found = decoded?.bits.find((one: DecodedBit) => one.bit === bit);
  const value =
    decoded === undefined || decoded.msr.state !== "value" ? "" : ` (the register is ${formatMsr(decoded.msr)})`;
  const said =
    decoded?.msr.state === "absent"
      ? "the register is absent"
      : found === undefined || found.setting === "unknown"
        ? "not known, as the register was not read"
        : found.setting;
  const text: Inline = [
    styled("title", name),
    ` (${register.sdm}, ${hexIndex(register.index)} bit ${bit}) on `,
    subject(situation, false),
    `${said}${value}. No step of boot or of loading KVM looks at it.`,
  ];
  const command = `vmxlens show HOST ${hexIndex(register.index)}`;
  return [
    ...wrap(text, width),
    ...wrap(["all of it: ", styled("command", command)], width, "  "),
    ...basisLines(situation, width, false),
  ];
}

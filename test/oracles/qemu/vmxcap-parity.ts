import type { U64 } from "../../../src/bits/u64.js";
import type { CoreGroup, Host } from "../../../src/host/host.js";
import { knownValue } from "../../../src/host/msr.js";
import { showJson } from "../../../src/report/json/json-show.js";
import { type ShowInput, showReport } from "../../../src/report/show-report.js";
import { plainText } from "../../../src/report/text.js";
import { situation } from "../../../src/situation/situation.js";
import { type VmxcapClaim, type VmxcapEdition, vmxcapClaims } from "./vmxcap-claims.js";

/** What `vmxlens show` says where the script says this, of a register whose bits say whether a control must and may be 1. */
const CONTROL_SETTINGS: { readonly [said: string]: string } = {
  yes: "free",
  no: "must be 0",
  forced: "must be 1",
  default: "default1",
  "?": "invalid",
};
/** Labels that a later edition put right. */
const OLD_LABELS: { readonly [label: string]: string } = { "IA-64 mode guest": "IA-32e mode guest" };
const BIT_SETTINGS: { readonly [said: string]: string } = { yes: "set", no: "clear" };
const SETTING = /^ +(\d+) {2}(must be [01]|free|default1|invalid|set|clear|unknown) +(.*)$/;
const FIELD = /^ +(\d+):(\d+) {2}.*: (\S.*)$/;

/** What the text says of one register. */
interface Shown {
  readonly head: string;
  readonly bits: Map<number, { readonly setting: string; readonly label: string }>;
  /** By the lowest bit. */
  readonly fields: Map<number, { readonly high: number; readonly text: string }>;
}

type ShownJson = NonNullable<ReturnType<typeof showJson>["cores"][0]>["registers"][0];

/** How a CPU's claims came out. */
export interface Parity {
  readonly claims: number;
  /** `show` says the same. */
  readonly agreed: number;
  /** The script says "no" or 0 of a register that could not be read; `show` says that it is absent or not read. */
  readonly guessed: number;
  readonly wrong: readonly string[];
}

/** Registers of a core as a program that can only read them sees them. */
export function registersOf(core: CoreGroup): ReadonlyMap<number, U64> {
  const registers = new Map<number, U64>();
  for (const [index, msr] of core.msrs) {
    const value = knownValue(msr);
    if (value !== undefined) registers.set(index, value);
  }
  return registers;
}

/** Holds what `vmxlens show` says of a core, as text and as JSON, against every line of an edition of the script. */
export function vmxcapParity(core: CoreGroup, edition: VmxcapEdition): Parity {
  const host: Host = { cores: [core] };
  const input: ShowInput = { situation: situation(host), registers: [], names: ["vmxcap"] };
  const text = shownText(showReport(input.situation, 300, input).map(plainText));
  const json = showJson(input).cores[0]?.registers ?? [];
  const registers = registersOf(core);
  const wrong: string[] = [];
  let agreed = 0;
  let guessed = 0;
  const claims = vmxcapClaims(registers, edition);
  for (const claim of claims) {
    const problem = (what: string): void => {
      wrong.push(`0x${claim.register.toString(16)} ${claim.label}: the script says ${claim.said}, ${what}`);
    };
    const shown = text.get(claim.register);
    const row = json.find(({ index }) => Number(index) === claim.register);
    if (shown === undefined || row === undefined) {
      problem("the register is not shown");
      continue;
    }
    if (!registers.has(claim.register)) {
      const open = /: (?:absent|not read|not there)/.test(shown.head) && !/\d/.test(JSON.stringify(row.value));
      // What follows from a register that was read: that secondary controls are there.
      const follows = /= 0x\?{16} \(assumed\)/.test(shown.head);
      if ((open || follows) && ["no", "0", "0x0"].includes(claim.said)) guessed++;
      else problem(`of a register that could not be read show says "${shown.head}"`);
      continue;
    }
    const problems = [textProblem(claim, shown, row), jsonProblem(claim, row)].filter((one) => one !== undefined);
    if (problems.length === 0) agreed++;
    for (const one of problems) problem(one);
  }
  return { claims: claims.length, agreed, guessed, wrong };
}

/** Registers of the report by index. */
function shownText(lines: readonly string[]): ReadonlyMap<number, Shown> {
  const shown = new Map<number, Shown>();
  let open: Shown | undefined;
  for (const line of lines) {
    const [, index] = /^(0x[0-9a-f]+) [A-Z]/.exec(line) ?? [];
    if (index !== undefined) {
      open = { head: line, bits: new Map(), fields: new Map() };
      shown.set(Number(index), open);
      continue;
    }
    const [, bit, setting = "", label = ""] = SETTING.exec(line) ?? [];
    if (bit !== undefined) open?.bits.set(Number(bit), { setting, label });
    const [, high, low, text = ""] = FIELD.exec(line) ?? [];
    if (bit === undefined && high !== undefined) open?.fields.set(Number(low), { high: Number(high), text });
  }
  return shown;
}

function wantedSetting({ said }: VmxcapClaim, { layout }: ShownJson): string | undefined {
  return (layout === "controls" || layout === "allowed1" ? CONTROL_SETTINGS : BIT_SETTINGS)[said];
}

function textProblem(claim: VmxcapClaim, shown: Shown, row: ShownJson): string | undefined {
  if (claim.kind === "hex") return shown.head.endsWith(` = ${claim.said}`) ? undefined : `show "${shown.head}"`;
  if (claim.kind === "number") {
    const field = shown.fields.get(claim.low);
    const number = /^(?:0x[0-9a-f]+|\d+)/.exec(field?.text ?? "")?.[0];
    const agrees = number !== undefined && Number(number) === Number(claim.said);
    return agrees ? undefined : `show "${field?.text}" of bits ${field?.high}:${claim.low}`;
  }
  const bit = shown.bits.get(claim.low);
  if (bit?.setting !== wantedSetting(claim, row)) return `show "${bit?.setting}" of bit ${claim.low}`;
  const label = OLD_LABELS[claim.label] ?? claim.label;
  return bit?.label.startsWith(`${label} `) ? undefined : `show calls bit ${claim.low} "${bit?.label}"`;
}

function jsonProblem(claim: VmxcapClaim, row: ShownJson): string | undefined {
  if (claim.kind === "hex") return row.value === claim.said ? undefined : `the JSON ${JSON.stringify(row.value)}`;
  if (claim.kind === "number") {
    const field = row.fields.find(({ low }) => low === claim.low);
    return field?.raw === Number(claim.said) ? undefined : `the JSON ${JSON.stringify(field)}`;
  }
  const bit = row.bits.find(({ bit: number }) => number === claim.low);
  const same =
    bit?.setting === wantedSetting(claim, row) && bit?.names.vmxcap === (OLD_LABELS[claim.label] ?? claim.label);
  return same ? undefined : `the JSON ${JSON.stringify(bit)}`;
}

import { formatMsr } from "../../host/msr.js";
import { nestedMsrs } from "../../kvm/nested-msrs.js";
import { numberText } from "../../prove/compare-run.js";
import type { Log, MsrRead } from "../../prove/kernel/log.js";
import type { Fields } from "../../prove/kernel/outcome.js";
import type { Proof } from "../../prove/prover.js";
import { hexIndex } from "../../registers/registers.js";
import { replays } from "../../situation/replays.js";
import type { Situation } from "../../situation/situation.js";
import { basisLines, subject } from "../basis.js";
import { labelled, table, wrap } from "../layout.js";
import { BLANK, type Inline, type Line, styled } from "../text.js";
import { loadVerdict } from "../verdict.js";
import { registerText } from "../wording/bit-text.js";

/** What the kernel's own code read, printed and came to on a host: of a situation that `byModule` made. */
export function moduleRunReport(situation: Situation, { modules, boot }: Proof, width: number): Line[] {
  const { each } = replays(situation);
  const [first] = each;
  const lines: Line[] = [...wrap([subject(situation), loadVerdict(first, situation)], width)];
  if (boot !== undefined) lines.push(...logLines("Boot, by the kernel's image", boot.log, width));
  lines.push(...logLines("Loading, by the modules", modules.log, width));
  lines.push(...fieldLines("vmcs_config", modules.vmcsConfig, width));
  lines.push(...fieldLines("vmx_capability", modules.vmxCapability, width));
  if (modules.params.size > 0) {
    const params = [...modules.params].map(([name, value]) => `${name}=${value}`).join(" ");
    lines.push(BLANK, [styled("title", "parameters")], ...wrap(params, width, "  "));
  }
  if (modules.nestedMsrs !== undefined && modules.nestedMsrs.size > 0) {
    const rows = [...nestedMsrs(first.cpu)].map(([index, words]): Inline[] => [
      styled("label", hexIndex(index)),
      formatMsr({ state: "value", ...words }),
      styled("dim", registerText(index).split(" (", 1)[0] as string),
    ]);
    lines.push(BLANK, [styled("title", "MSRs of L1")], ...table(rows, { width, indent: 2 }));
  }
  return [...lines, ...basisLines(situation, width)];
}

function logLines(title: string, { rdmsr, wrmsr, messages, warnings }: Log, width: number): Line[] {
  const rows: [string, Inline][] = [
    ...(rdmsr.length === 0 ? [] : [["reads", readsText(rdmsr)] as [string, Inline]]),
    ...wrmsr.map(({ index, lo, hi }): [string, Inline] => [
      "writes",
      `${hexIndex(index)} = 0x${((BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0)).toString(16)}`,
    ]),
    ...messages.map(({ level, text, certain }): [string, Inline] => [
      "prints",
      `<${level}> ${text}${certain ? "" : " (perhaps)"}`,
    ]),
    ...warnings.map((one): [string, Inline] => ["warns", `in ${one.function}${one.certain ? "" : " (perhaps)"}`]),
  ];
  return rows.length === 0 ? [] : [BLANK, [styled("title", title)], ...labelled(rows, width)];
}

/** MSRs in the order in which they are read; `safe` where the code sees a fault itself. */
function readsText(reads: readonly MsrRead[]): string {
  return reads
    .map(({ index, safe, certain }) => `${hexIndex(index)}${safe ? " safe" : ""}${certain ? "" : "?"}`)
    .join(", ");
}

function fieldLines(title: string, fields: Fields, width: number): Line[] {
  if (fields.size === 0) return [];
  const rows = [...fields].map(([name, value]): [string, Inline] => [`  ${name}`, numberText(value)]);
  return [BLANK, [styled("title", title)], ...labelled(rows, width)];
}

import { hostName } from "../report/basis.js";
import { situationVerdict } from "../report/layers-report.js";
import { plainText } from "../report/text.js";
import { kernelLabel } from "../report/wording/kernel-text.js";
import { LAYER_TITLES, LAYERS } from "../why/features.js";
import type { Model } from "./model.js";

/** A text in which nothing is markup. */
function escaped(text: string): string {
  return text.replace(/[\\`*_[\]<>|#]/g, "\\$&");
}

/** The answer for a mailing list or a tracker: the verdict, what is lost, and the command that prints it. */
export function markdownOf({ situation, matrix }: Model, command: string, link: string): string {
  const lost = matrix.filter(
    ({ lostAt, unknownAt, cells }) => cells.silicon !== "no" && (lostAt ?? unknownAt) !== undefined,
  );
  const rows = lost.map(
    ({ feature, cells }) => `| \`${feature.id}\` | ${LAYERS.map((layer) => cells[layer]).join(" | ")} |`,
  );
  return [
    `**${escaped(hostName(situation))}, ${escaped(kernelLabel(situation))}**`,
    "",
    escaped(plainText(situationVerdict(situation))),
    "",
    ...(rows.length === 0
      ? []
      : [
          `| feature | ${LAYERS.map((layer) => LAYER_TITLES[layer]).join(" | ")} |`,
          `| --- |${" --- |".repeat(LAYERS.length)}`,
          ...rows,
          "",
        ]),
    `\`${command}\``,
    ...(link.startsWith("http") ? ["", link] : []),
    "",
  ].join("\n");
}

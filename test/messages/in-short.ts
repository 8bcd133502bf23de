import { desktopMessages } from "../../src/messages/desktop-messages.js";
import { type ExplainedText, explainPieces } from "../../src/messages/explain.js";
import { shortReport } from "../../src/report/explain/short-report.js";
import { plainText } from "../../src/report/text.js";

/** What `vmxlens explain` prints of a text, with lines of a given width. */
export async function inShort(text: string): Promise<{ readonly lines: (width: number) => readonly string[] }> {
  const pieces = (async function* () {
    yield `${text}\n`;
  })();
  const { explanations, verdict, isStory }: ExplainedText = await explainPieces(pieces, {
    desktop: await desktopMessages(),
  });
  return { lines: (width) => shortReport(explanations, width, verdict, isStory).map((line) => plainText(line)) };
}

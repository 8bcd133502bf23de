import type { JSX } from "preact";
import { useMemo, useRef, useState } from "preact/hooks";
import { visible } from "../../report/visible.js";
import type { LineMark } from "../line-marks.js";
import { t } from "../texts.js";

/** Height of a line in the style sheet, in pixels. */
const LINE = 20;
/** Lines drawn above and below those that are seen. */
const MORE = 20;
/** Characters of a line that are drawn; a line of a megabyte is nothing to look at. */
const LONGEST = 300;

const SIGNS: { readonly [K in LineMark["kind"]]: string } = { used: "✓", doubtful: "!", error: "✕" };

interface MarkedProps {
  readonly text: string;
  /** By line, from 1; undefined before the text was read. */
  readonly marks: ReadonlyMap<number, LineMark> | undefined;
}

/** Where each line begins. */
function startsOf(text: string): readonly number[] {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  // The end of the last line begins no other.
  if (starts.length > 1 && starts.at(-1) === text.length) starts.pop();
  return starts;
}

/** A text with the marks of its lines; only the lines that are seen are drawn, however long it is. */
export function MarkedText({ text, marks }: MarkedProps) {
  const starts = useMemo(() => startsOf(text), [text]);
  const [top, setTop] = useState(0);
  const box = useRef<HTMLElement>(null);
  const first = Math.max(0, Math.floor(top / LINE) - MORE);
  const seen = Math.ceil((box.current?.clientHeight ?? 400) / LINE);
  const last = Math.min(starts.length, first + seen + 2 * MORE);
  const lines: JSX.Element[] = [];
  for (let at = first; at < last; at++) {
    const from = starts[at] as number;
    const to = at + 1 < starts.length ? (starts[at + 1] as number) - 1 : text.length - (text.endsWith("\n") ? 1 : 0);
    const line = text.slice(from, Math.min(to, from + LONGEST)).replace(/\r$/, "");
    const mark = marks?.get(at + 1);
    lines.push(
      <li key={at} class={mark?.kind ?? (marks === undefined ? "" : "ignored")}>
        <span class="number">{at + 1}</span>
        {visible(line.replaceAll("\t", "  "))}
        {to - from > LONGEST ? "…" : ""}
        {mark === undefined ? null : (
          <span class="fact">
            {SIGNS[mark.kind]} {mark.text}
          </span>
        )}
      </li>,
    );
  }
  return (
    <section
      class="marked"
      ref={box}
      aria-label={t("marks")}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and has to be reached by keyboard for that
      tabIndex={0}
      onScroll={(event) => setTop(event.currentTarget.scrollTop)}
    >
      <div style={{ height: `${starts.length * LINE}px` }}>
        <ol start={first + 1} style={{ top: `${first * LINE}px` }}>
          {lines}
        </ol>
      </div>
    </section>
  );
}

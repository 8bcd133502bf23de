import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { type Inline, type Line, plainText, spansOf } from "../../report/text.js";
import { t } from "../texts.js";

/** Text of a report; a style is a class. */
export function Spans({ of }: { readonly of: Inline }) {
  return (
    <>
      {spansOf(of).map(({ text, style }) =>
        style === undefined ? (
          text
        ) : style === "command" ? (
          <code>{text}</code>
        ) : (
          <span class={`s-${style}`}>{text}</span>
        ),
      )}
    </>
  );
}

/** The lines after the first empty one, where the first part, the verdict, is on the page already. */
export function withoutFirstPart(lines: readonly Line[], has: boolean): readonly Line[] {
  return has ? lines.slice(lines.findIndex((line) => plainText(line) === "") + 1) : lines;
}

/** Lines of a report as a terminal shows them. */
export function Lines({ of, label }: { readonly of: readonly Line[]; readonly label: string }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and has to be reached by keyboard for that
    <section class="scroll" tabIndex={0} aria-label={label}>
      <pre class="report">
        {of.map((line) => (
          <>
            <Spans of={line} />
            {"\n"}
          </>
        ))}
      </pre>
    </section>
  );
}

/** Writes to the clipboard, also where the page is a file and the browser has no clipboard for those. */
async function copyText(text: string): Promise<void> {
  if (navigator.clipboard !== undefined) {
    try {
      await navigator.clipboard.writeText(text);
      return;
    } catch {
      // Not allowed here; the old way may be.
    }
  }
  const box = document.createElement("textarea");
  box.value = text;
  document.body.append(box);
  box.select();
  document.execCommand("copy");
  box.remove();
}

/** A button that copies; it says so for a moment. */
export function Copy({ text, children }: { readonly text: () => string; readonly children?: ComponentChildren }) {
  const [done, setDone] = useState(false);
  const copy = async () => {
    await copyText(text());
    setDone(true);
    setTimeout(() => setDone(false), 1500);
  };
  return (
    <button type="button" class="copy" onClick={copy}>
      {done ? t("copied") : (children ?? t("copy"))}
    </button>
  );
}

interface FoldedProps {
  readonly title: string;
  readonly children: () => ComponentChildren;
}

/** A part that is folded, and made when it is opened: what is not seen costs nothing. */
export function Folded({ title, children }: FoldedProps) {
  const [open, setOpen] = useState(false);
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{title}</summary>
      {open ? children() : null}
    </details>
  );
}

/** Something to type, which copies on click. */
export function Command({ text }: { readonly text: string }) {
  return (
    <div class="command">
      <code>{text}</code>
      <Copy text={() => text} />
    </div>
  );
}

import { useEffect, useState } from "preact/hooks";
import type { ExplainedText } from "../../messages/explain.js";
import { explainReport } from "../../report/explain/explain-report.js";
import type { Model } from "../model.js";
import { explainText, type Reading } from "../reading.js";
import { t } from "../texts.js";
import { Command, Lines, withoutFirstPart } from "./spans.js";

interface ExplainProps {
  readonly model: Model;
  readonly reading: Reading | undefined;
}

/** What the errors of the text mean, on the machine that the text speaks of. */
export function ExplainView({ model, reading }: ExplainProps) {
  const [found, setFound] = useState<ExplainedText>();
  const text = reading?.text ?? "";
  useEffect(() => {
    let wanted = true;
    if (reading === undefined) setFound(undefined);
    else {
      const situation = model.page.origin === "file" ? model.situation : undefined;
      void explainText(reading.text, reading.machines, situation, () => wanted).then(
        (answers) => wanted && setFound(answers),
      );
    }
    return () => {
      wanted = false;
    };
  }, [reading, model]);
  if (text === "" || found === undefined) {
    return (
      <p class="note" id="answer" tabIndex={-1}>
        {t(text === "" ? "explain_hint" : "reading")}
      </p>
    );
  }
  const { verdict, explanations } = found;
  const known = explanations.some(({ message }) => message !== undefined);
  return (
    <>
      <section class="verdict" id="answer" tabIndex={-1} aria-label={t("verdict")}>
        <p role="status">{verdict === undefined ? t(known ? "explain_several" : "explain_none") : verdict.says}</p>
        <ul class="steps-to-do">
          {(verdict?.steps ?? []).slice(0, 3).map((step) => (
            <li key={step.text}>
              {step.text}
              {(step.commands ?? []).map((command) => (
                <div key={command}>
                  <Command text={command} />
                </div>
              ))}
            </li>
          ))}
        </ul>
        {(verdict?.evidence ?? []).length === 0 ? null : (
          <p class="note">
            {t("rests_on")}: {verdict?.evidence.slice(0, 6).join("; ")}
          </p>
        )}
        <Command text="vmxlens explain FILE" />
      </section>
      <h2>{t("explain_report")}</h2>
      <Lines
        of={withoutFirstPart(explainReport(explanations, 100, verdict), verdict !== undefined)}
        label={t("explain_label")}
      />
    </>
  );
}

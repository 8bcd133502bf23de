import { useEffect, useState } from "preact/hooks";
import type { Explanation } from "../../messages/answer.js";
import type { Model } from "../model.js";
import type { Reading } from "../reading.js";
import { type SecondScript, secondScript } from "../second-script.js";
import { t } from "../texts.js";
import { Lines } from "./spans.js";

interface ExplainProps {
  readonly model: Model;
  readonly reading: Reading | undefined;
}

/** What the errors of the text mean, on the machine that the text speaks of, or on the one that is shown. */
export function ExplainView({ model, reading }: ExplainProps) {
  const [found, setFound] = useState<{ readonly second: SecondScript; readonly answers: readonly Explanation[] }>();
  const text = reading?.text ?? "";
  useEffect(() => {
    let wanted = true;
    if (text === "") setFound(undefined);
    else {
      void secondScript().then(async (second) => {
        const situation = model.page.origin === "file" ? model.situation : undefined;
        const answers = await second.explainText(text, situation, () => wanted);
        if (wanted) setFound({ second, answers });
      });
    }
    return () => {
      wanted = false;
    };
  }, [text, model]);
  if (text === "") return <p class="note">{t("explain_hint")}</p>;
  if (found === undefined) return <p class="note">{t("reading")}</p>;
  const known = found.answers.filter(({ message }) => message !== undefined);
  return (
    <section aria-labelledby="explain-title">
      <h2 id="explain-title">{t("explain")}</h2>
      {known.length === 0 ? <p>{t("explain_none")}</p> : null}
      <Lines of={found.second.explainReport(found.answers, 100)} label={t("explain")} />
    </section>
  );
}

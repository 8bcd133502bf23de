import { useEffect, useState } from "preact/hooks";
import type { Explanation } from "../../messages/answer.js";
import { explainReport } from "../../report/explain/explain-report.js";
import type { Model } from "../model.js";
import { explainText, type Reading } from "../reading.js";
import { t } from "../texts.js";
import { Lines } from "./spans.js";

interface ExplainProps {
  readonly model: Model;
  readonly reading: Reading | undefined;
}

/** What the errors of the text mean, on the machine that the text speaks of, or on the one that is shown. */
export function ExplainView({ model, reading }: ExplainProps) {
  const [found, setFound] = useState<readonly Explanation[]>();
  const text = reading?.text ?? "";
  useEffect(() => {
    let wanted = true;
    if (text === "") setFound(undefined);
    else {
      const situation = model.page.origin === "file" ? model.situation : undefined;
      void explainText(text, situation, () => wanted).then((answers) => wanted && setFound(answers));
    }
    return () => {
      wanted = false;
    };
  }, [text, model]);
  if (text === "") return <p class="note">{t("explain_hint")}</p>;
  if (found === undefined) return <p class="note">{t("reading")}</p>;
  const known = found.filter(({ message }) => message !== undefined);
  return (
    <section aria-labelledby="explain-title">
      <h2 id="explain-title">{t("explain")}</h2>
      {known.length === 0 ? <p>{t("explain_none")}</p> : null}
      <Lines of={explainReport(found, 100)} label="vmxlens explain" />
    </section>
  );
}

import { useEffect, useState } from "preact/hooks";
import { writeSnapshot } from "../../input/formats/snapshot.js";
import { toHash } from "../../report/page/hash.js";
import { changed, type PageState } from "../../report/page/state.js";
import { caseFile, save } from "../case-file.js";
import { commandOf } from "../command-line.js";
import { markdownOf } from "../markdown.js";
import type { Model } from "../model.js";
import { pack } from "../packed.js";
import { pictureText } from "../picture-text.js";
import type { Reading } from "../reading.js";
import { t } from "../texts.js";
import { Copy } from "./spans.js";

interface ShareProps {
  readonly model: Model;
  readonly state: PageState;
  readonly reading: Reading | undefined;
  readonly close: () => void;
}

/** Longer links are cut by mail programs, chats and trackers. */
const LONG = 2000;

/** A link, a text for a list, a picture, a file. */
export function ShareView({ model, state, reading, close }: ShareProps) {
  const own = model.page.origin === "file";
  const [wanted, setWanted] = useState(false);
  const [packed, setPacked] = useState<string>();
  useEffect(() => {
    let current = true;
    setPacked(undefined);
    // The facts that were read, and not the text, which may hold more than its owner knows.
    if (own && wanted) void pack(writeSnapshot(model.page.host)).then((text) => current && setPacked(text));
    return () => {
      current = false;
    };
  }, [own, wanted, model.page]);
  const shared = own ? changed(state, { host: 0 }) : state;
  const hash = toHash(shared, wanted ? packed : undefined);
  const link = `${location.href.split("#")[0]}${hash === "" ? "" : `#${hash}`}`;
  const file = () => {
    const name = model.page.source;
    const text = own ? (reading?.text ?? writeSnapshot(model.page.host)) : "";
    save("vmxlens-case.html", caseFile({ text, name, hash: toHash(own ? state : shared) }));
  };
  return (
    <section class="share keys" aria-label={t("share")}>
      <p class="note">{t("share_private")}</p>
      {own ? (
        <label>
          <input type="checkbox" id="share-own" checked={wanted} onChange={() => setWanted(!wanted)} /> {t("share_own")}
        </label>
      ) : null}
      <p>
        <label>
          {t("share_link")} <input id="share-link" type="text" readOnly value={link} />
        </label>{" "}
        {link.length} {t("share_length")} {link.length > LONG ? <b class="s-no">{t("share_long")}</b> : null}
      </p>
      <div class="row">
        <Copy text={() => link}>{t("copy")}</Copy>
        <Copy text={() => markdownOf(model, commandOf(model, state), link)}>{t("share_markdown")}</Copy>
        {state.view === "run" ? (
          <Copy text={() => pictureText(document.querySelector<SVGSVGElement>("svg.lanes") ?? undefined)}>
            {t("share_svg")}
          </Copy>
        ) : null}
        <button type="button" id="share-case" onClick={file}>
          {t("share_case")}
        </button>
        <button type="button" onClick={() => print()}>
          {t("share_print")}
        </button>
        <button type="button" onClick={close}>
          {t("close")}
        </button>
      </div>
    </section>
  );
}

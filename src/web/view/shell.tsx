import type { ComponentChildren } from "preact";
import type { FromHash } from "../../report/page/hash.js";
import { VIEWS, type View } from "../../report/page/state.js";
import { LANGUAGES, type LanguageId, t } from "../texts.js";

export interface ShellProps {
  readonly language: LanguageId;
  /** The address, for the link to the other language. */
  readonly hash: string;
  /** Host and kernel; empty before they are known. */
  readonly about: string;
  readonly view: View;
  /** A file that somebody sent: the other page is not beside it. */
  readonly alone: boolean;
  readonly help: boolean;
  readonly sharing: boolean;
  readonly show: (view: View) => void;
  readonly toggleHelp: () => void;
  readonly toggleShare: () => void;
  /** What belongs between the head and the page: the keys, what is shared. */
  readonly above: ComponentChildren;
  readonly children: ComponentChildren;
}

/** Head and frame of the page: what is there before the first script runs, and stays. */
export function Shell(props: ShellProps) {
  const { language, hash, about, view, alone, help, sharing, show, toggleHelp, toggleShare, above, children } = props;
  return (
    <>
      <button type="button" class="skip" onClick={() => document.getElementById("answer")?.focus()}>
        {t("skip")}
      </button>
      <header>
        <h1>{t("title")}</h1>
        <span>{about}</span>
        <nav aria-label={t("views")}>
          {VIEWS.map((one) => (
            <button key={one} type="button" aria-current={view === one ? "page" : undefined} onClick={() => show(one)}>
              {t(`view_${one}`)}
            </button>
          ))}
          <button type="button" id="share" aria-expanded={sharing} onClick={toggleShare}>
            {t("share")}
          </button>
          <button type="button" aria-expanded={help} onClick={toggleHelp}>
            ? {t("keys")}
          </button>
          <a href="vmxlens-prove.html" hidden={alone}>
            {t("own_code")}
          </a>
          {(Object.keys(LANGUAGES) as LanguageId[])
            .filter((one) => one !== language)
            .map((one) => (
              <a key={one} href={`?lang=${one}${hash}`} lang={one} hrefLang={one}>
                {one === "zh" ? "中文" : "English"}
              </a>
            ))}
        </nav>
      </header>
      {above}
      <main>{children}</main>
    </>
  );
}

/** What is wrong with the address and with what was put in. */
export function Problems({ bad, problems }: { readonly bad: FromHash; readonly problems: readonly string[] }) {
  const all = [
    ...(bad.problem === "newer" ? [t("hash_newer")] : []),
    ...(bad.bad.length > 0 ? [`${t("hash_bad")}: ${bad.bad.slice(0, 5).join(" ")}`] : []),
    ...problems,
  ];
  return (
    <div role="alert" class="problems">
      {all.map((one) => (
        <p key={one}>{one}</p>
      ))}
    </div>
  );
}

const KEYS = [
  ["1 … 6", "key_views"],
  ["[ ]", "key_kernel"],
  ["j k", "key_rows"],
  ["← →", "key_cells"],
  ["Home End", "key_ends"],
  ["/", "key_pick"],
  ["p", "key_paste"],
  ["s", "key_share"],
  ["?", "key_help"],
  ["Esc", "key_close"],
] as const;

/** The list of keys. */
export function Keys({ close }: { readonly close: () => void }) {
  return (
    <section class="keys" aria-label={t("help")}>
      <dl>
        {KEYS.map(([key, text]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{t(text)}</dd>
          </div>
        ))}
      </dl>
      <button type="button" onClick={close}>
        {t("close")}
      </button>
    </section>
  );
}

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { findCpu } from "../../input/atlas/atlas-find.js";
import type { HostId } from "../../report/page/state.js";
import { findFeature } from "../../why/find-feature.js";
import { cpusHaving } from "../atlas-having.js";
import { atlasChoices, type PageHost } from "../model.js";
import type { Reading } from "../reading.js";
import { t } from "../texts.js";
import { MarkedText } from "./marked-text.js";

interface PickProps {
  readonly host: PageHost;
  readonly reading: Reading | undefined;
  readonly choose: (host: HostId) => void;
}

type Choice = { readonly id: HostId; readonly name: string };

/** The CPUs that a query fits: `feature:NAME` asks for what they have. */
function choicesFor(query: string): readonly Choice[] | undefined {
  const wanted = query.trim();
  if (wanted === "") return [];
  const feature = /^feature:\s*(.+)$/i.exec(wanted)?.[1];
  if (feature !== undefined) {
    const found = findFeature(feature);
    return found.kind === "one" ? cpusHaving(found.feature) : undefined;
  }
  const found = findCpu(wanted);
  if (found.kind === "one") return [found.entry, ...found.alsoEqual];
  return found.kind === "many" ? found.entries : undefined;
}

/** The box that names a CPU of the atlas, or a machine of the pasted text. */
export function PickView({ host, reading, choose }: PickProps) {
  const [query, setQuery] = useState<string>();
  // The list of all CPUs is made when the box is used.
  const [used, setUsed] = useState(false);
  const all = useMemo(() => (used ? atlasChoices() : []), [used]);
  const found = query === undefined ? [] : choicesFor(query);
  const pick = (id: HostId) => {
    choose(id);
    setQuery(undefined);
  };
  const submit = (event: Event) => {
    event.preventDefault();
    const [only, ...more] = found ?? [];
    if (only !== undefined && more.length === 0) pick(only.id);
  };
  return (
    <form class="pick" onSubmit={submit}>
      <label>
        {t("pick")}{" "}
        <input
          id="cpu"
          type="text"
          list="cpus"
          autocomplete="off"
          onFocus={() => setUsed(true)}
          placeholder={t("pick_hint")}
          value={query ?? ""}
          onInput={(event) => {
            const { value } = event.currentTarget;
            const exact = all.find(({ id }) => id === value);
            if (exact !== undefined) pick(exact.id);
            else setQuery(value);
          }}
        />
      </label>
      <datalist id="cpus">
        {all.map(({ id, name }) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
      </datalist>
      {query === undefined || query.trim() === "" ? null : found === undefined ? (
        <p role="status">{t("pick_none")}</p>
      ) : (
        <ul class="choices" aria-label={t("pick_many")}>
          {found.slice(0, 200).map(({ id, name }) => (
            <li key={id}>
              <button type="button" onClick={() => pick(id)}>
                {name}
              </button>{" "}
              <code>{id}</code>
            </li>
          ))}
        </ul>
      )}
      {reading === undefined || reading.hosts.length < 2 ? null : (
        <label>
          {t("read_hosts")}{" "}
          <select value={String(host.id)} onChange={(event) => choose(Number(event.currentTarget.value))}>
            {typeof host.id === "number" ? null : <option value={host.id}>–</option>}
            {reading.hosts.map(({ id, host: one }) => (
              <option key={id} value={String(id)}>
                {one.name ?? one.codename ?? `${Number(id) + 1}`}
              </option>
            ))}
          </select>
        </label>
      )}
    </form>
  );
}

interface PasteProps {
  readonly text: string;
  readonly reading: Reading | undefined;
  readonly busy: boolean;
  readonly change: (text: string) => void;
  readonly close: () => void;
}

/** Longer texts are looked at, not written: a text area of some megabytes stops the page for seconds. */
const WRITABLE = 200_000;

/** The box for any text. What is pasted is shown with what was understood of each line; what is short can be written. */
export function PasteView({ text, reading, busy, change, close }: PasteProps) {
  const [writing, setWriting] = useState(text === "");
  const box = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    if (writing) box.current?.focus();
  }, [writing]);
  useEffect(() => {
    if (text !== "" && document.activeElement !== box.current) setWriting(false);
  }, [text]);
  const pasted = (event: ClipboardEvent) => {
    const more = event.clipboardData?.getData("text/plain") ?? "";
    if (text !== "" && text.length + more.length < WRITABLE) return;
    event.preventDefault();
    setWriting(false);
    change(text === "" ? more : `${text}\n${more}`);
  };
  return (
    <section class="paste" aria-label={t("paste")}>
      <p class="note">{t("paste_hint")}</p>
      {writing ? (
        <textarea
          ref={box}
          rows={8}
          spellcheck={false}
          aria-label={t("paste_label")}
          value={text}
          onPaste={pasted}
          onInput={(event) => change(event.currentTarget.value)}
        />
      ) : (
        <MarkedText text={text} marks={reading?.text === text ? reading.marks : undefined} />
      )}
      <p class="read" role="status">
        {busy ? t("reading") : reading === undefined ? "" : <ReadSummary reading={reading} />}
      </p>
      {text === "" ? null : (
        <>
          {writing ? (
            <button type="button" onClick={() => setWriting(false)}>
              {t("show_marks")}
            </button>
          ) : text.length < WRITABLE ? (
            <button type="button" onClick={() => setWriting(true)}>
              {t("edit")}
            </button>
          ) : null}{" "}
          <button
            type="button"
            onClick={() => {
              change("");
              setWriting(true);
            }}
          >
            {t("clear")}
          </button>{" "}
        </>
      )}
      <button type="button" onClick={close}>
        {t("close")}
      </button>
    </section>
  );
}

function ReadSummary({ reading }: { readonly reading: Reading }) {
  const { used, lines, hosts, errors, dumps, remarks } = reading;
  return (
    <>
      {used}/{lines} {t("read_lines")} · {hosts.length === 0 ? t("read_nothing") : `${hosts.length} ${t("read_hosts")}`}
      {errors.length === 0 ? null : ` · ${errors.length} ${t("read_errors")}`}
      {dumps.length === 0 ? null : ` · ${dumps.length} ${t("read_dumps")}`}
      {remarks.slice(0, 6).map(({ message, line }) => (
        <span key={`${line} ${message}`} class="remark">
          {line > 1 ? `${line}: ` : ""}
          {message}
        </span>
      ))}
    </>
  );
}

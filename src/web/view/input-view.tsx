import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { findCpu } from "../../input/atlas/atlas-find.js";
import type { HostId, View } from "../../report/page/state.js";
import { findFeature } from "../../why/find-feature.js";
import { cpusHaving } from "../atlas-having.js";
import { WRITABLE } from "../early.js";
import type { Intake } from "../intake.js";
import { atlasChoices, type PageHost } from "../model.js";
import type { Reading } from "../reading.js";
import { t } from "../texts.js";
import { MarkedText } from "./marked-text.js";

interface PickProps {
  readonly host: HostId;
  /** Machines of the text. */
  readonly hosts: readonly PageHost[];
  /** What is in the box at first. */
  readonly typed: string;
  readonly choose: (host: HostId) => void;
  readonly addFiles: (files: readonly File[]) => Promise<void>;
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
export function PickView({ host, hosts, typed, choose, addFiles }: PickProps) {
  const [query, setQuery] = useState<string | undefined>(typed);
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
          onKeyDown={(event) => {
            if (event.key === "Escape") setQuery(undefined);
          }}
          onInput={(event) => {
            const { value } = event.currentTarget;
            const exact = all.find(({ id }) => id === value);
            if (exact !== undefined) pick(exact.id);
            else setQuery(value);
          }}
        />
      </label>
      <label class="file">
        {t("open")}
        <input
          id="files"
          type="file"
          multiple
          onChange={(event) => {
            void addFiles([...(event.currentTarget.files ?? [])]);
            event.currentTarget.value = "";
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
      {hosts.length < 2 ? null : (
        <label>
          {t("read_hosts")}{" "}
          <select value={String(host)} onChange={(event) => choose(Number(event.currentTarget.value))}>
            {typeof host === "number" ? null : <option value={host}>–</option>}
            {hosts.map(({ id, host: one }) => (
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
  readonly intake: Intake;
  readonly show: (view: View) => void;
}

/** The box for any text. What is pasted is shown with what was understood of each line; what is short can be written. */
export function PasteView({ intake: { text, writing, reading, busy, put, type, write }, show }: PasteProps) {
  const [folded, setFolded] = useState(false);
  const box = useRef<HTMLTextAreaElement>(null);
  // A text that came from elsewhere is shown, whatever was folded.
  useEffect(() => setFolded(false), [text]);
  const pasted = (event: ClipboardEvent) => {
    const more = event.clipboardData?.getData("text/plain") ?? "";
    if (text !== "" && text.length + more.length < WRITABLE) return;
    event.preventDefault();
    put(text === "" ? more : `${text}\n${more}`);
  };
  return (
    <section class="paste" aria-label={t("paste")}>
      {folded ? null : writing ? (
        <label>
          <span class="note">{t("paste_hint")}</span>
          <textarea
            id="text"
            ref={box}
            rows={text === "" ? 3 : 8}
            spellcheck={false}
            aria-label={t("paste_label")}
            placeholder={"0x3a: 0x5\n0x48b: 0x7ffff00000000\nkvm: disabled by bios"}
            value={text}
            onPaste={pasted}
            onInput={(event) => type(event.currentTarget.value)}
          />
        </label>
      ) : (
        <MarkedText text={text} marks={reading?.text === text ? reading.marks : undefined} />
      )}
      {text === "" ? null : (
        <div class="row">
          <p class="read" role="status">
            {busy || reading === undefined ? t("reading") : <ReadSummary reading={reading} show={show} />}
          </p>
          {writing ? (
            <button type="button" onClick={() => write(false)}>
              {t("show_marks")}
            </button>
          ) : text.length < WRITABLE && !folded ? (
            <button type="button" onClick={() => write(true)}>
              {t("edit")}
            </button>
          ) : null}
          <button type="button" onClick={() => put("")}>
            {t("clear")}
          </button>
          <button type="button" aria-expanded={!folded} onClick={() => setFolded(!folded)}>
            {t(folded ? "unfold" : "fold")}
          </button>
        </div>
      )}
    </section>
  );
}

/** What was understood, in numbers; errors and dumps lead to the part that shows them. */
function ReadSummary({ reading, show }: { readonly reading: Reading; readonly show: (view: View) => void }) {
  const { used, lines, hosts, errors, dumps, remarks } = reading;
  return (
    <>
      {t("read_lines")}: {used}/{lines}
      {hosts.length > 0
        ? ` · ${t("read_hosts")}: ${hosts.length}`
        : errors.length + dumps.length === 0
          ? ` · ${t("read_nothing")}`
          : null}
      {errors.length === 0 ? null : (
        <>
          {" · "}
          <button type="button" class="link" onClick={() => show("explain")}>
            {t("read_errors")}: {errors.length}
          </button>
        </>
      )}
      {dumps.length === 0 ? null : (
        <>
          {" · "}
          <button type="button" class="link" onClick={() => show("audit")}>
            {t("read_dumps")}: {dumps.length}
          </button>
        </>
      )}
      {remarks.slice(0, 6).map(({ message, line }) => (
        <span key={`${line} ${message}`} class="remark">
          {line > 1 ? `${line}: ` : ""}
          {message}
        </span>
      ))}
    </>
  );
}

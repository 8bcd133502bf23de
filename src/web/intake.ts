import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { encodingOf, notText } from "../input/text/text.js";
import type { Case } from "../report/page/case.js";
import type { FromHash } from "../report/page/hash.js";
import { unpack } from "./packed.js";
import type { Reading } from "./reading.js";
import { secondScript } from "./second-script.js";
import { t } from "./texts.js";

/** The text of the page, however it came in, and what was understood of it. */
export interface Intake {
  readonly text: string;
  /** Whether the text is in a box to write, or shown with its marks. */
  readonly writing: boolean;
  readonly reading: Reading | undefined;
  readonly busy: boolean;
  /** What was left out of it, and why. */
  readonly problems: readonly string[];
  /** A text that replaces the one before. */
  readonly put: (text: string) => void;
  /** As it is typed. */
  readonly type: (text: string) => void;
  readonly write: (on: boolean) => void;
  readonly addFiles: (files: readonly File[]) => Promise<void>;
}

const MOST_BYTES = 64 * 1024 * 1024;

/** The text of a file, or why it is none. */
async function textOfFile(file: File): Promise<{ readonly text: string } | { readonly problem: string }> {
  if (file.size > MOST_BYTES) return { problem: `${file.name} ${t("too_large")}` };
  let bytes: Uint8Array;
  try {
    bytes = new Uint8Array(await file.arrayBuffer());
  } catch (error) {
    // A folder, or a file that went away.
    return { problem: `${file.name} ${t("unreadable")} (${error instanceof Error ? error.message : String(error)})` };
  }
  // A log may begin with NULs after a power cut; a file of NULs alone has no text.
  const isEmpty = bytes.length > 0 && bytes.every((byte) => byte === 0);
  const encoding = isEmpty || notText(bytes) !== undefined ? undefined : encodingOf(bytes);
  if (encoding === undefined) return { problem: `${file.name} ${t("binary")}` };
  return { text: new TextDecoder(encoding).decode(bytes) };
}

/** What the page begins with. */
export interface Beginning {
  readonly start: FromHash;
  readonly given: Case | string | undefined;
  /** What is in the boxes: a person may have been faster than the script. */
  readonly typed: { readonly text: string; readonly cpu: string };
}

/** Reads the text whenever it changes, and listens for what is dropped and pasted anywhere; `found` hears of each reading. */
export function useIntake(
  { start, given, typed }: Beginning,
  found: (reading: Reading, first: boolean) => void,
): Intake {
  const [{ text, writing }, setText] = useState({ text: typed.text, writing: true });
  const [reading, setReading] = useState<Reading>();
  const [busy, setBusy] = useState(false);
  const [problems, setProblems] = useState<readonly string[]>([]);
  const put = (next: string) => setText({ text: next, writing: next === "" });

  // The text that came with the page or its address.
  const sent = useRef(typeof given === "object" ? given.text : undefined);
  // Whatever was asked for last counts.
  const turn = useRef(0);
  const hear = useRef(found);
  hear.current = found;
  useEffect(() => {
    const mine = ++turn.current;
    if (text.trim() === "") {
      setReading(undefined);
      setBusy(false);
      return;
    }
    setBusy(true);
    const timer = setTimeout(async () => {
      const name = typeof given === "object" && given.text === text ? given.name : "pasted text";
      try {
        const { readText } = await secondScript();
        const read = await readText(text, name, () => turn.current === mine);
        if (read === undefined) return;
        setReading(read);
        hear.current(read, text === sent.current);
      } catch (error) {
        setProblems([`${t("failed")} (${error instanceof Error ? error.message : String(error)})`]);
      }
      setBusy(false);
    }, 150);
    return () => clearTimeout(timer);
  }, [text]);

  const latest = useRef(text);
  latest.current = text;
  const addFiles = async (files: readonly File[]) => {
    const read = await Promise.all(files.map(textOfFile));
    const refused = read.flatMap((one) => ("problem" in one ? [one.problem] : []));
    setProblems(refused);
    const texts = read.flatMap((one) => ("text" in one ? [one.text] : []));
    if (texts.length === 0) return;
    const all = latest.current === "" ? texts : [latest.current, ...texts];
    put(all.map((one, at) => (at === all.length - 1 || one.endsWith("\n") ? one : `${one}\n`)).join(""));
  };

  // Before the next paint, so that nothing that is dropped falls between those who listen.
  useLayoutEffect(() => {
    const take = (data: DataTransfer) => {
      if (data.files.length > 0) void addFiles([...data.files]);
      else if (data.getData("text/plain") !== "") put(data.getData("text/plain"));
    };
    const over = (event: DragEvent) => event.preventDefault();
    const drop = (event: DragEvent) => {
      event.preventDefault();
      if (event.dataTransfer !== null) take(event.dataTransfer);
    };
    const paste = (event: ClipboardEvent) => {
      const [target] = event.composedPath() as Element[];
      const data = event.clipboardData;
      if (data === null) return;
      const inBox = target instanceof HTMLElement && /^(?:INPUT|TEXTAREA)$/.test(target.tagName);
      if (!inBox || data.files.length > 0) take(data);
    };
    document.addEventListener("dragover", over);
    document.addEventListener("drop", drop);
    document.addEventListener("paste", paste);
    const early = globalThis.vmxlensEarly;
    early?.stop();
    const picked = document.querySelector<HTMLInputElement>("#files")?.files ?? [];
    if (typeof given === "object" && given.text !== "") put(given.text);
    else if (early !== undefined && early.text !== "") put(early.text);
    const files = [...(early?.files ?? []), ...picked];
    if (files.length > 0) void addFiles(files);
    if (typeof given === "string") setProblems([`${t("case_bad")}: ${given}`]);
    return () => {
      document.removeEventListener("dragover", over);
      document.removeEventListener("drop", drop);
      document.removeEventListener("paste", paste);
    };
  }, []);

  useEffect(() => {
    if (start.own === undefined) return;
    void unpack(start.own).then((unpacked) => {
      if (unpacked === undefined) setProblems([t("hash_bad")]);
      else {
        sent.current = unpacked;
        put(unpacked);
      }
    });
  }, []);

  return {
    text,
    writing,
    reading,
    busy,
    problems,
    put,
    type: (next) => setText({ text: next, writing: true }),
    write: (on) => setText((now) => ({ ...now, writing: on })),
    addFiles,
  };
}

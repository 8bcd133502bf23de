import { useEffect, useMemo, useState } from "preact/hooks";
import { atlas, atlasHost } from "../../input/atlas/atlas.js";
import { readHost } from "../../input/read.js";
import type { Prover } from "../../prove/prover.js";
import { proveReport } from "../../report/prove/prove-report.js";
import { ofModule, provedHost } from "../../report/prove/proved-host.js";
import { DEFAULT_ASSUMPTIONS } from "../../situation/assume.js";
import { type Situation, situation } from "../../situation/situation.js";
import { Lines } from "../view/spans.js";
import { type Kernel, useKernel } from "./use-kernel.js";
import { WatchView } from "./watch-view.js";

/** Characters of a line of the report. */
const WIDTH = 110;

/** The page that runs a kernel's own code: its files, a host, what came out, and the run to look at. */
export function ProvePage() {
  const kernel = useKernel();
  const [cpu, setCpu] = useState("intel-306c3-haswell");
  const [text, setText] = useState("");
  useDrop(kernel.addFiles);
  const asked = useMemo(() => hostOf(cpu, text), [cpu, text]);
  return (
    <>
      <header>
        <h1>vmxlens: the kernel's own code</h1>
        <nav aria-label="pages">
          <a href="vmxlens.html">vmxlens</a>
        </nav>
      </header>
      <main>
        <p class="tagline">
          Drop <code>kvm-intel.ko</code>, with <code>kvm.ko</code> and <code>vmlinuz</code> of the same kernel (or its
          types, <code>/sys/kernel/btf/vmlinux</code>). This page runs their code over the registers of a CPU, in an
          interpreter, and compares every result with the tables. Nothing leaves it.
        </p>
        <form onSubmit={(event) => event.preventDefault()}>
          <label class="file">
            files of a kernel{" "}
            <input
              id="files"
              type="file"
              multiple
              onChange={(event) => {
                void kernel.addFiles([...(event.currentTarget.files ?? [])]);
                event.currentTarget.value = "";
              }}
            />
          </label>
          <label>
            CPU{" "}
            <select id="cpu" value={cpu} onChange={(event) => setCpu(event.currentTarget.value)}>
              {atlas().map(({ id, codename, name }) => (
                <option key={id} value={id}>
                  {`${codename ?? id} (${name})`}
                </option>
              ))}
            </select>
          </label>
          <label for="text">or registers of another machine, as any tool prints them</label>
          <textarea
            id="text"
            rows={3}
            spellcheck={false}
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </form>
        <Files {...kernel} />
        <div role="alert" class="problems">
          {[...kernel.problems, ...(typeof asked === "string" ? [asked] : [])].map((one) => (
            <p key={one}>{one}</p>
          ))}
        </div>
        {kernel.prover === undefined || typeof asked === "string" ? null : (
          <Answer prover={kernel.prover} asked={asked} names={kernel.names} />
        )}
      </main>
    </>
  );
}

const KINDS = [
  ["module", "kvm-intel.ko"],
  ["kvm", "kvm.ko"],
  ["kernel", "vmlinuz"],
  ["btf", "types"],
] as const;

/** Which of the files are there; the status is read aloud. */
function Files({ names, busy, prover }: Kernel) {
  const missing = names.module === undefined ? "no kvm-intel.ko yet" : undefined;
  return (
    <p role="status" id="files-there">
      {busy
        ? "reading…"
        : [
            missing,
            ...KINDS.flatMap(([kind, title]) => (names[kind] === undefined ? [] : [`${title}: ${names[kind]}`])),
          ]
            .filter((part) => part !== undefined)
            .join(", ")}
      {prover === undefined || busy ? "" : ` (Linux ${prover.kernel})`}
    </p>
  );
}

interface AnswerProps {
  readonly prover: Prover;
  readonly asked: Situation;
  readonly names: Kernel["names"];
}

function Answer({ prover, asked, names }: AnswerProps) {
  const { lines, situation: under } = useMemo(() => {
    const situationOfModule = ofModule(prover, asked);
    const host = provedHost(prover, situationOfModule, "this");
    const { module, kvm, kernel: vmlinuz, btf } = names;
    const paths = {
      ...(module === undefined ? {} : { module }),
      ...(kvm === undefined ? {} : { kvm }),
      ...(vmlinuz === undefined ? {} : { vmlinuz }),
      ...(btf === undefined ? {} : { btf }),
    };
    const about = { kernel: prover.kernel, paths, hasKvm: prover.hasKvm, hasBoot: prover.hasBoot };
    return { lines: proveReport(about, [host], WIDTH), situation: situationOfModule };
  }, [prover, asked, names]);
  return (
    <>
      <section id="answer" tabIndex={-1}>
        <Lines of={lines} label="what the kernel's code and the tables say" />
      </section>
      <WatchView prover={prover} situation={under} />
    </>
  );
}

/** The situation of a CPU of the atlas, or of the machine that a text describes; a sentence where it describes none. */
function hostOf(cpu: string, text: string): Situation | string {
  if (text.trim() === "")
    return situation(atlasHost(cpu), { assumeByDefault: DEFAULT_ASSUMPTIONS.atlas, machine: { pmu: true } });
  const read = readHost(text);
  if (read.host === undefined) return "no registers of a CPU are in this text";
  return situation(read.host, { assumeByDefault: DEFAULT_ASSUMPTIONS.file });
}

/** Files dropped anywhere on the page. */
function useDrop(addFiles: Kernel["addFiles"]): void {
  useEffect(() => {
    const over = (event: DragEvent) => event.preventDefault();
    const drop = (event: DragEvent) => {
      event.preventDefault();
      void addFiles([...(event.dataTransfer?.files ?? [])]);
    };
    document.addEventListener("dragover", over);
    document.addEventListener("drop", drop);
    return () => {
      document.removeEventListener("dragover", over);
      document.removeEventListener("drop", drop);
    };
  }, [addFiles]);
}

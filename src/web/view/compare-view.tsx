import { useMemo, useState } from "preact/hooks";
import type { ComparedHost } from "../../compare/hosts/compared-host.js";
import { libvirtCpu } from "../../compare/libvirt.js";
import { qemuCpu } from "../../compare/qemu.js";
import { hostName } from "../../report/basis.js";
import { runControls } from "../../report/compare/controls-report.js";
import { runDiff } from "../../report/compare/diff-report.js";
import { LAYER_HEADS, shownCell } from "../../report/layers-report.js";
import { type Change, changed, type HostId, type PageState } from "../../report/page/state.js";
import { kernelLabel } from "../../report/wording/kernel-text.js";
import { RELEASES } from "../../rules/release.js";
import { nested } from "../../situation/nested.js";
import type { Situation } from "../../situation/situation.js";
import { LAYERS } from "../../why/features.js";
import { type FeatureLayers, layers } from "../../why/layers.js";
import { atlasChoices, type Model, type PageHost, situationOfPage } from "../model.js";
import { t } from "../texts.js";
import { CoreSelect } from "./core-select.js";
import { MARKS } from "./layers-view.js";
import { Copy } from "./spans.js";

interface CompareProps {
  readonly model: Model;
  readonly state: PageState;
  readonly update: (change: Change) => void;
  /** The host with an id, from the atlas or the text. */
  readonly hostOf: (id: HostId) => PageHost;
  /** Machines of the text. */
  readonly own: readonly PageHost[];
}

/** Two hosts or two kernels side by side: what differs first; and what to copy for the one that is shown. */
export function CompareView({ model, state, update, hostOf, own }: CompareProps) {
  const choices = useMemo(atlasChoices, []);
  const otherPage = hostOf(state.other ?? state.host);
  const types = [...new Set(otherPage.host.cores.flatMap(({ coreTypes }) => coreTypes))];
  const other = useMemo(() => {
    // The same question about another host, or about the same one under another kernel.
    const asked = changed(state, {
      kernel: state.otherKernel ?? state.kernel,
      ...(state.other === undefined || state.other === state.host ? {} : { flips: [], cpu: undefined }),
      ...(state.otherCpu === undefined ? {} : { cpu: state.otherCpu }),
    });
    return situationOfPage(otherPage, asked);
  }, [state, otherPage]);
  return (
    <section aria-labelledby="compare-title">
      <h2 id="compare-title">{t("compare")}</h2>
      <div class="row">
        <label>
          {t("compare_with")}{" "}
          <select
            id="other"
            value={state.other === undefined ? "" : String(state.other)}
            onChange={(event) => {
              const { value } = event.currentTarget;
              const to = value === "" ? undefined : /^\d+$/.test(value) ? Number(value) : value;
              update({ other: to, otherCpu: undefined });
            }}
          >
            <option value="">{hostName(model.situation)}</option>
            {own.map(({ id, host }) => (
              <option key={id} value={String(id)}>
                {host.name ?? `${t("read_hosts")} ${Number(id) + 1}`}
              </option>
            ))}
            {choices.map(({ id, name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <label>
          {t("kernel")}{" "}
          <select
            id="other-kernel"
            value={state.otherKernel ?? ""}
            onChange={(event) =>
              update({ otherKernel: event.currentTarget.value === "" ? undefined : event.currentTarget.value })
            }
          >
            <option value="">{kernelLabel(model.situation)}</option>
            {[...RELEASES].reverse().map((release) => (
              <option key={release} value={release}>
                {release}
              </option>
            ))}
          </select>
        </label>
        <CoreSelect id="other-core" types={types} chosen={state.otherCpu} choose={(otherCpu) => update({ otherCpu })} />
      </div>
      {"argument" in other ? <p role="alert">{other.text}</p> : <Differences here={model.situation} there={other} />}
      <Emitted situation={model.situation} />
    </section>
  );
}

function labelOf(situation: Situation): string {
  return `${hostName(situation)}, ${kernelLabel(situation)}`;
}

function Differences({ here, there }: { readonly here: Situation; readonly there: Situation }) {
  const [a, b] = useMemo(() => [layers(here), layers(there)], [here, there]);
  const pairs = a.map((row, at) => [row, b[at] as FeatureLayers] as const);
  const differ = ([one, two]: (typeof pairs)[number]) =>
    LAYERS.filter((layer) => shownCell(one, layer) !== shownCell(two, layer));
  const differing = pairs.filter((pair) => differ(pair).length > 0);
  const alike = pairs.filter((pair) => differ(pair).length === 0);
  const [all, setAll] = useState(false);
  const text = () => {
    const subjects: ComparedHost[] = [
      { label: labelOf(here), situation: here },
      { label: labelOf(here) === labelOf(there) ? `${labelOf(there)} (2)` : labelOf(there), situation: there },
    ];
    return runDiff({ subjects, bits: true }).lines.join("\n");
  };
  return (
    <>
      {differing.length === 0 ? <p>{t("compare_same")}</p> : null}
      <p class="row">
        <label>
          <input type="checkbox" id="alike" checked={all} onChange={() => setAll(!all)} /> {t("compare_alike")} (
          {alike.length})
        </label>
        <Copy text={text}>{t("copy")}: vmxlens diff --bits</Copy>
      </p>
      <section class="scroll" aria-label={t("compare_caption")}>
        <table class="matrix compare">
          <caption>{t("compare_caption")}</caption>
          <thead>
            <tr>
              <td />
              <th scope="colgroup" colSpan={LAYERS.length}>
                {labelOf(here)}
              </th>
              <th scope="colgroup" colSpan={LAYERS.length}>
                {labelOf(there)}
              </th>
            </tr>
            <tr>
              <th scope="col">{t("feature")}</th>
              {[0, 1].flatMap((side) =>
                LAYERS.map((layer) => (
                  <th scope="col" key={`${side} ${layer}`}>
                    <span class="word">{LAYER_HEADS[layer][0]}</span>
                    <abbr class="letter" title={LAYER_HEADS[layer][0]}>
                      {LAYER_HEADS[layer][1]}
                    </abbr>
                  </th>
                )),
              )}
            </tr>
          </thead>
          <tbody>
            {(all ? [...differing, ...alike] : differing).map((pair) => {
              const [one, two] = pair;
              const layersThat = differ(pair);
              return (
                <tr key={one.feature.id} class={layersThat.length > 0 ? "differs" : "alike"}>
                  <th scope="row">
                    {one.feature.id}
                    <span class="vh">, {t(layersThat.length > 0 ? "differs" : "alike")}</span>
                  </th>
                  {[one, two].flatMap((row, side) =>
                    LAYERS.map((layer) => {
                      const shown = shownCell(row, layer);
                      const [shape, word] = MARKS[shown];
                      return (
                        <td key={`${side} ${layer}`} class={`c-${shown}${layersThat.includes(layer) ? " moved" : ""}`}>
                          <span aria-hidden="true">{shape}</span>
                          <span class="vh">{word}</span>
                        </td>
                      );
                    }),
                  )}
                </tr>
              );
            })}
          </tbody>
        </table>
      </section>
    </>
  );
}

const EMITTED = ["-cpu host", "-cpu nearest", "libvirt", "C", "Rust"] as const;
type Emit = (typeof EMITTED)[number];

/** The text of a kind, or why there is none. */
function emit(kind: Emit, situation: Situation): string {
  const { msrs, offered } = nested(situation);
  const label = labelOf(situation);
  if (kind === "C" || kind === "Rust") {
    const subjects = [{ label, situation }];
    return runControls({ subjects, wanted: WANTED, emit: kind === "C" ? "c" : "rust" }).lines.join("\n");
  }
  if (offered === "no") return "";
  const options = { cpuid: situation.host.cores.map(({ cpuid }) => cpuid), ...signatureOf(situation) };
  const made =
    kind === "libvirt"
      ? libvirtCpu(msrs, options)
      : qemuCpu(msrs, { ...options, ...(kind === "-cpu nearest" ? { model: "nearest" } : {}) });
  if (made.kind !== "cpu") return made.message;
  return "xml" in made ? made.xml : `-cpu ${made.text}`;
}

/** What most hypervisors switch on where the CPU has it. */
const WANTED = [{ text: "EPT?, VPID?, UNRESTRICTED_GUEST?, SEC_CONTROLS?, USE_MSR_BITMAPS?, USE_IO_BITMAPS?" }];

function signatureOf({ host }: Situation) {
  const { signature } = host.cores[0];
  return signature === undefined ? {} : { signature };
}

/** Texts for QEMU and libvirt, and constants for a hypervisor. */
function Emitted({ situation }: { readonly situation: Situation }) {
  const [kind, setKind] = useState<Emit>("-cpu host");
  const text = useMemo(() => emit(kind, situation), [kind, situation]);
  return (
    <section class="emitted" aria-labelledby="emit-title">
      <h2 id="emit-title">{t("emit")}</h2>
      <div class="row">
        {EMITTED.map((one) => (
          <button key={one} type="button" aria-pressed={kind === one} onClick={() => setKind(one)}>
            {one}
          </button>
        ))}
        <Copy text={() => text} />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and has to be reached by keyboard for that */}
      <section class="scroll" tabIndex={0} aria-label={kind}>
        <pre class="report">{text}</pre>
      </section>
    </section>
  );
}

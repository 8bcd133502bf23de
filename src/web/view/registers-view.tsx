import { useMemo } from "preact/hooks";
import { qemuData } from "../../compare/qemu-models.js";
import { type DecodedBit, type DecodedRegister, decodeCore } from "../../host/decode.js";
import { formatMsr, type Msr, msrBit } from "../../host/msr.js";
import { atlas } from "../../input/atlas/atlas.js";
import { GROUP_WORDS, WANTED_CONTROLS, type WantedControl } from "../../kvm/load/wanted-controls.js";
import type { BitRow } from "../../registers/bit-row.js";
import { namesOf } from "../../registers/lookup.js";
import { hexIndex, type RegisterRow } from "../../registers/registers.js";
import { VOCABULARIES, type Vocabulary } from "../../registers/sources.js";
import type { Change, PageState } from "../../report/page/state.js";
import { formatHeld } from "../../rules/held.js";
import type { ControlGroup } from "../../rules/rule.js";
import { bitIndex, REPLAY_MSRS } from "../../rules/words.js";
import { coreText } from "../../situation/pick-cpu.js";
import type { Model } from "../model.js";
import { t } from "../texts.js";
import { rove } from "./rove.js";

interface RegistersProps {
  readonly model: Model;
  readonly state: PageState;
  readonly update: (change: Change) => void;
}

/** The registers of a CPU, and one of them as a data sheet. */
export function RegistersView({ model, state, update }: RegistersProps) {
  const { host, asRead } = model.situation;
  const [core, ...others] = host.cores;
  const decoded = useMemo(() => decodeCore(core, host.vendor, asRead), [model]);
  const chosen = decoded.find(({ register }) => register.index === state.register) ?? (decoded[0] as DecodedRegister);
  return (
    <div class="columns registers">
      <section class="scroll" aria-label={t("registers")}>
        <table class="register-list">
          <caption>
            {t("registers_caption")}
            {others.length === 0 ? "" : `: ${coreText(core, 0)}`}
          </caption>
          <thead>
            <tr>
              <th scope="col">{t("register")}</th>
              <th scope="col">{t("run_name")}</th>
              <th scope="col">{t("value")}</th>
            </tr>
          </thead>
          <tbody onKeyDown={(event) => rove(event, "down")}>
            {decoded.map(({ register, msr }) => (
              <tr key={register.index} class={register === chosen.register ? "chosen" : undefined}>
                <th scope="row">
                  <button
                    type="button"
                    tabIndex={register === chosen.register ? 0 : -1}
                    aria-pressed={register === chosen.register}
                    onClick={() => update({ register: register.index })}
                  >
                    {hexIndex(register.index)}
                  </button>
                </th>
                <td class="wraps">{register.sdm}</td>
                <td class={`v-${msr.state}`}>
                  <code>{formatMsr(msr)}</code>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      <Sheet decoded={chosen} />
    </div>
  );
}

/** One register: its fields, and a row for each bit with its names, who asks for it and who has it. */
function Sheet({ decoded: { register, msr, fields, bits } }: { readonly decoded: DecodedRegister }) {
  const { index, sdm, title, section, definedIn, counterpart, isTrue } = register;
  const controls = register.layout === "controls";
  return (
    <section class="sheet" aria-labelledby="sheet-title">
      <h2 id="sheet-title">
        {hexIndex(index)} {sdm}
      </h2>
      <p class="note">
        {title} · {t("section")} {section}
        {definedIn === undefined ? "" : `, ${definedIn}`}
        {counterpart === undefined ? "" : ` · ${isTrue === true ? t("plain") : "TRUE"}: ${hexIndex(counterpart)}`}
      </p>
      <p>
        <code>{formatMsr(msr)}</code>
      </p>
      {fields.length === 0 ? null : (
        <dl class="fields">
          {fields.map(({ row, text }) => (
            <div key={row.key}>
              <dt>
                {row.high}:{row.low}
              </dt>
              <dd>
                {row.sdm}: <b>{text}</b>
              </dd>
            </div>
          ))}
        </dl>
      )}
      <div class="scroll">
        <table class="bits">
          <caption>{t("bits")}</caption>
          <thead>
            <tr>
              <th scope="col">{t("run_bit")}</th>
              {controls ? (
                <>
                  <th scope="col">
                    <abbr title={t("allowed0_long")}>{t("allowed0")}</abbr>
                  </th>
                  <th scope="col">
                    <abbr title={t("allowed1_long")}>{t("allowed1")}</abbr>
                  </th>
                </>
              ) : null}
              <th scope="col">{t("setting")}</th>
              <th scope="col">{t("run_name")}</th>
              <th scope="col">{t("used_by")}</th>
              <th scope="col">{t("models")}</th>
              <th scope="col">
                {t("by_year")} {FIRST_YEAR}–{LAST_YEAR}
              </th>
            </tr>
          </thead>
          <tbody>
            {bits.map((bit) => (
              <BitRowView key={bit.bit} register={register} bit={bit} msr={msr} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

interface BitRowProps {
  readonly register: RegisterRow;
  readonly msr: Msr;
  readonly bit: DecodedBit;
}

const SIGN = { yes: "1", no: "0", unknown: "?" } as const;

function BitRowView({ register, msr, bit }: BitRowProps) {
  const { row, setting, plain, note } = bit;
  return (
    <tr>
      <th scope="row">{bit.bit}</th>
      {register.layout === "controls" ? (
        <>
          <td>
            <code>{SIGN[msrBit(msr, bit.bit)]}</code>
          </td>
          <td>
            <code>{SIGN[msrBit(msr, bit.bit + 32)]}</code>
          </td>
        </>
      ) : null}
      <td class={`set-${setting.replaceAll(" ", "-")}`}>
        {setting}
        {plain === undefined || plain === setting ? "" : ` (${t("plain")}: ${plain})`}
      </td>
      <td>
        {row === undefined ? (
          (note ?? "–")
        ) : (
          <details>
            <summary>
              {row.sdm} <code class="s-dim">{row.key}</code>
            </summary>
            <Names row={row} />
          </details>
        )}
      </td>
      <td>{askedIn(register, bit.bit)}</td>
      <td>{models(register, bit.bit)}</td>
      <td>
        <Years register={register} bit={bit.bit} />
      </td>
    </tr>
  );
}

function Names({ row }: { readonly row: BitRow }) {
  const names = new Map<Vocabulary, string>();
  for (const [vocabulary, name] of namesOf(row)) if (!names.has(vocabulary)) names.set(vocabulary, name);
  return (
    <dl class="names">
      {[...names].map(([vocabulary, name]) => (
        <div key={vocabulary}>
          <dt>{VOCABULARIES[vocabulary].label}</dt>
          <dd>
            <code>{name}</code>
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** The kernels in which KVM asks for a control: `all kernels (required)`. */
function askedIn({ index, counterpart, isTrue }: RegisterRow, bit: number): string {
  const plain = isTrue === true ? counterpart : index;
  const group = (Object.keys(GROUP_WORDS) as ControlGroup[]).find((one) => REPLAY_MSRS[GROUP_WORDS[one].msr] === plain);
  if (group === undefined) return "";
  const rows = (WANTED_CONTROLS[group] as readonly WantedControl[]).filter(
    ({ name }) => bitIndex(GROUP_WORDS[group].word, name) === bit,
  );
  return rows.map(({ held, how }) => `${formatHeld(held)} (${how})`).join("; ");
}

/** How many models of QEMU have the bit on. */
function models({ index, layout }: RegisterRow, bit: number): string {
  const { properties, models: all } = qemuData();
  // QEMU asks the TRUE registers for the controls that have one.
  const asked = { 0x481: 0x48d, 0x482: 0x48e, 0x483: 0x48f, 0x484: 0x490 }[index] ?? index;
  const names = properties.filter(
    (row) => row.msr === asked && row.bits.includes(layout === "controls" ? bit & 31 : bit),
  );
  if (names.length === 0) return "";
  const having = all.filter(({ on }) => names.some(({ name }) => on.has(name)));
  return `${having.length}/${all.length}`;
}

/** CPUs of the atlas by year: how many have the bit. */
function Years({ register, bit }: { readonly register: RegisterRow; readonly bit: number }) {
  const years = useMemo(() => yearsOf(register, bit), [register, bit]);
  const width = years.length * 6;
  const text = years.map(({ year, having, all }) => `${year}: ${having}/${all}`).join(", ");
  return (
    <svg class="years" width={width} height={16} viewBox={`0 0 ${width} 16`} role="img" aria-label={text}>
      <title>{text}</title>
      {years.map(({ year, having, all }, at) => (
        <g key={year}>
          <rect class="all" x={at * 6} y={15} width={5} height={1} />
          <rect class="having" x={at * 6} y={15 - (14 * having) / all} width={5} height={(14 * having) / all} />
        </g>
      ))}
    </svg>
  );
}

const YEARS = atlas().flatMap(({ launchYear }) => launchYear ?? []);
const FIRST_YEAR = Math.min(...YEARS);
const LAST_YEAR = Math.max(...YEARS);

interface Year {
  readonly year: number;
  readonly having: number;
  readonly all: number;
}

function yearsOf({ index, layout }: RegisterRow, bit: number): readonly Year[] {
  const years = new Map<number, { having: number; all: number }>();
  for (const { launchYear, cores } of atlas()) {
    if (launchYear === undefined) continue;
    const year = years.get(launchYear) ?? { having: 0, all: 0 };
    years.set(launchYear, year);
    year.all++;
    const value = cores[0]?.msrs.get(index);
    if (value === undefined) continue;
    const state = { state: "value", hi: { value: value.hi, unknown: 0 }, lo: { value: value.lo, unknown: 0 } } as const;
    if (msrBit(state, layout === "controls" ? bit + 32 : bit) === "yes") year.having++;
  }
  return [...years].sort(([a], [b]) => a - b).map(([year, counts]) => ({ year, ...counts }));
}

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { machineKey } from "../../kvm/fill-machine.js";
import { configOf } from "../../kvm/kernel-config.js";
import { paramsOf } from "../../kvm/programs.js";
import { paramText } from "../../kvm/replay-params.js";
import { type Change, FIRMWARE, type Firmware, MACHINE, type PageState } from "../../report/page/state.js";
import { KERNELS, type KernelRow, LINES, type Release } from "../../rules/kernels.js";
import { CONFIG_OPTIONS } from "../../rules/rule.js";
import type { Model } from "../model.js";
import { t } from "../texts.js";
import { CoreSelect } from "./core-select.js";
import { Folded } from "./spans.js";

const ROWS: readonly (KernelRow & { readonly id: Release })[] = KERNELS;
const UPSTREAM = ROWS.filter(({ line }) => line === "upstream");
/** Vendors' kernels under the first word of their line: RHEL 8, 9 and 10 are one group. */
const VENDORS = new Map<string, (typeof ROWS)[number][]>();
for (const row of ROWS) {
  if (row.line === "upstream") continue;
  const [vendor] = LINES[row.line].split(" ") as [string];
  VENDORS.set(vendor, [...(VENDORS.get(vendor) ?? []), row]);
}

export interface KnobsProps {
  readonly model: Model;
  readonly state: PageState;
  readonly update: (change: Change) => void;
}

/** The kernel next to one on the upstream line. */
export function neighbour(release: Release, by: number): Release {
  const line = ROWS.find(({ id }) => id === release)?.line;
  const own = ROWS.filter((row) => row.line === line);
  const at = own.findIndex(({ id }) => id === release);
  return own[Math.min(own.length - 1, Math.max(0, at + by))]?.id ?? release;
}

export function KnobsView({ children, ...props }: KnobsProps & { readonly children: ComponentChildren }) {
  return (
    <section class="knobs" aria-label={t("knobs")}>
      <KernelKnob {...props} />
      <Folded title={`${t("params")}, ${t("config")}, ${t("machine")}`}>
        {() => (
          <>
            <MachineKnobs {...props} />
            <ParamKnobs {...props} />
            <ConfigKnobs {...props} />
          </>
        )}
      </Folded>
      {children}
    </section>
  );
}

function KernelKnob({ model, update }: KnobsProps) {
  const releases = model.situation.candidates.map(({ release }) => release);
  const here = UPSTREAM.findIndex(({ id }) => releases.includes(id));
  const [text, setText] = useState<string>();
  const choose = (kernel: string) => update({ kernel });
  const ticks = UPSTREAM.filter(({ longterm }) => longterm === true);
  const place = (id: string) => `${(UPSTREAM.findIndex((row) => row.id === id) / (UPSTREAM.length - 1)) * 100}%`;
  return (
    <div class="kernels">
      <label class="kernel-axis">
        <span>{t("kernel")}</span>
        <input
          type="range"
          id="kernel"
          min={0}
          max={UPSTREAM.length - 1}
          value={here < 0 ? UPSTREAM.length - 1 : here}
          aria-valuetext={releases.join(", ")}
          onInput={(event) => choose(UPSTREAM[Number(event.currentTarget.value)]?.id ?? "")}
        />
        <output>{releases.length > 3 ? `${releases[0]} … ${releases.at(-1)}` : releases.join(", ")}</output>
      </label>
      <div class="ticks" aria-hidden="true">
        {ticks.map(({ id }) => (
          <span key={id} style={{ left: place(id) }}>
            {id}
          </span>
        ))}
      </div>
      <div class="lines">
        {[...VENDORS].map(([vendor, rows]) => (
          <fieldset key={vendor}>
            <legend>{vendor}</legend>
            {rows.map(({ id }) => (
              <button key={id} type="button" aria-pressed={releases.includes(id)} onClick={() => choose(id)}>
                {id}
              </button>
            ))}
          </fieldset>
        ))}
        <form
          class="kernel-text"
          onSubmit={(event) => {
            event.preventDefault();
            if (text !== undefined && text.trim() !== "") choose(text.trim());
          }}
        >
          <label>
            {t("kernel_text")}{" "}
            <input
              type="text"
              size={22}
              value={text ?? ""}
              placeholder="5.15.0-91-generic"
              onInput={(event) => setText(event.currentTarget.value)}
            />
          </label>
        </form>
      </div>
    </div>
  );
}

function MachineKnobs({ model, state, update }: KnobsProps) {
  const types = [...new Set(model.page.host.cores.flatMap(({ coreTypes }) => coreTypes))];
  return (
    <div class="row">
      <label>
        {t("firmware")}{" "}
        <select
          id="firmware"
          value={state.firmware ?? ""}
          onChange={(event) => {
            const { value } = event.currentTarget;
            update({ firmware: value === "" ? undefined : (value as Firmware) });
          }}
        >
          <option value="">{t("firmware_read")}</option>
          {FIRMWARE.map((one) => (
            <option key={one} value={one}>
              {t(`firmware_${one}`)}
            </option>
          ))}
        </select>
      </label>
      {MACHINE.map((fact) => (
        <label key={fact}>
          {machineKey(fact)}{" "}
          <select
            id={`machine-${fact}`}
            value={state.machine[fact] === undefined ? "" : String(state.machine[fact])}
            onChange={(event) => {
              const { value } = event.currentTarget;
              const { [fact]: _, ...rest } = state.machine;
              update({ machine: value === "" ? rest : { ...rest, [fact]: value === "true" } });
            }}
          >
            <option value="">{t("default")}</option>
            <option value="true">{t("yes")}</option>
            <option value="false">{t("no")}</option>
          </select>
        </label>
      ))}
      <CoreSelect id="core" types={types} chosen={state.cpu} choose={(cpu) => update({ cpu })} />
      {state.flips.length === 0 ? null : (
        <span>
          {t("flips")}: {state.flips.map(({ msr, bit }) => `0x${msr.toString(16)}[${bit}]`).join(", ")}{" "}
          <button type="button" onClick={() => update({ flips: [] })}>
            {t("reset")}
          </button>
        </span>
      )}
    </div>
  );
}

function ParamKnobs({ model, state, update }: KnobsProps) {
  const [{ replayed }] = model.traces;
  const rows = paramsOf(replayed.release, replayed.config);
  const asked = model.situation.candidates[0].options.params ?? {};
  return (
    <fieldset class="params">
      <legend>
        {t("params")} <span class="s-dim">({t("params_hint")})</span>
      </legend>
      {rows.map((row) => {
        const full = `${row.module}.${row.name}`;
        const given = (asked[row.module] as { readonly [name: string]: string } | undefined)?.[row.name];
        const set = (value: string | undefined) => {
          const { [full]: _, ...rest } = state.params;
          update({ params: value === undefined ? rest : { ...rest, [full]: value } });
        };
        const result = replayed.cpu.loads === "no" ? "" : paramText(replayed.cpu, row);
        const id = `param-${row.name}`;
        return (
          <label key={full} title={row.about} for={id} class={full in state.params ? "set" : undefined}>
            {row.type === "bool" ? (
              <input
                id={id}
                type="checkbox"
                checked={given === undefined ? row.default === 1 : /^[1yYtT]|^[oO][nN]/.test(given)}
                onChange={(event) => {
                  const on = event.currentTarget.checked;
                  set(
                    on === (row.default === 1) && !(full in state.params && given === undefined)
                      ? undefined
                      : on
                        ? "1"
                        : "0",
                  );
                }}
              />
            ) : (
              <input
                id={id}
                type="text"
                size={6}
                value={given === undefined ? String(row.default) : given}
                onChange={(event) => {
                  const { value } = event.currentTarget;
                  set(value === String(row.default) || value === "" ? undefined : value);
                }}
              />
            )}{" "}
            {row.module === "kvm" ? `kvm.${row.name}` : row.name} <output>{result}</output>
          </label>
        );
      })}
    </fieldset>
  );
}

function ConfigKnobs({ model, state, update }: KnobsProps) {
  const [{ replayed }] = model.traces;
  const own = configOf(replayed.release);
  return (
    <fieldset class="params">
      <legend>{t("config")}</legend>
      {CONFIG_OPTIONS.map((option) => (
        <label key={option} class={option in state.config ? "set" : undefined}>
          <input
            type="checkbox"
            id={option}
            checked={replayed.config[option]}
            onChange={(event) => {
              const on = event.currentTarget.checked;
              const { [option]: _, ...rest } = state.config;
              update({ config: on === own[option] ? rest : { ...rest, [option]: on } });
            }}
          />{" "}
          {option}
        </label>
      ))}
    </fieldset>
  );
}

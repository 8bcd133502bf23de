import { useMemo, useState } from "preact/hooks";
import type { Prover } from "../../prove/prover.js";
import type { WatchedStep } from "../../prove/watch.js";
import { proveOptions } from "../../report/prove/proved-host.js";
import type { Situation } from "../../situation/situation.js";

interface WatchProps {
  readonly prover: Prover;
  readonly situation: Situation;
}

/** Steps that are shown before and after the one at hand. */
const AROUND = 6;

/** The loading of the modules step by step: function, instruction, and the bits that it changed. */
export function WatchView({ prover, situation }: WatchProps) {
  const run = useMemo(() => prover.watch(situation.host, proveOptions(situation)), [prover, situation]);
  const [at, setAt] = useState(() => run.nextResult(-1, 1) ?? 0);
  const index = Math.min(at, Math.max(0, run.length - 1));
  const go = (to: number | undefined) => {
    if (to !== undefined) setAt(Math.max(0, Math.min(run.length - 1, to)));
  };
  const shown = Array.from({ length: 2 * AROUND + 1 }, (_unused, i) => run.step(index - AROUND + i)).filter(
    (step) => step !== undefined,
  );
  const here = run.step(index);
  return (
    <section id="watch" aria-label="the run step by step">
      <h2>The run, step by step</h2>
      <div class="steps">
        <button type="button" onClick={() => go(run.nextResult(index, -1))}>
          ⇤ result before
        </button>
        <button type="button" onClick={() => go(index - 1)}>
          ← step
        </button>
        <button type="button" onClick={() => go(index + 1)}>
          step →
        </button>
        <button type="button" onClick={() => go(run.nextResult(index, 1))}>
          next result ⇥
        </button>
        <label>
          function{" "}
          <select
            id="function"
            value={here === undefined ? "" : `${here.module} ${here.function}`}
            onChange={(event) => {
              const wanted = event.currentTarget.value;
              go(run.functions.find(({ module, name }) => `${module} ${name}` === wanted)?.first);
            }}
          >
            {run.functions.map(({ module, name, steps }) => (
              <option key={`${module} ${name}`} value={`${module} ${name}`}>
                {`${name} (${module}, ${steps} steps)`}
              </option>
            ))}
          </select>
        </label>
        <label>
          step{" "}
          <input
            id="step"
            type="range"
            min={0}
            max={Math.max(0, run.length - 1)}
            value={index}
            onInput={(event) => go(Number(event.currentTarget.value))}
          />
        </label>
        <span role="status">
          {index + 1} of {run.length}
        </span>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and has to be reached by keyboard for that */}
      <section class="scroll" tabIndex={0} aria-label="steps around this one">
        <table class="watch">
          <thead>
            <tr>
              <th scope="col">function</th>
              <th scope="col">instruction</th>
              <th scope="col">changes</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((step) => (
              <Row key={step.index} step={step} current={step.index === index} />
            ))}
          </tbody>
        </table>
      </section>
    </section>
  );
}

function Row({ step, current }: { readonly step: WatchedStep; readonly current: boolean }) {
  return (
    <tr aria-current={current ? "step" : undefined}>
      <td>{`${step.function}+0x${step.offset.toString(16)}`}</td>
      <td>
        <code>{step.text}</code>
      </td>
      <td>
        {step.holdsOthers ? "the steps after it are inside: unread bits decide, or it calls back" : null}
        {step.changes.map(({ place, before, after, bits }) => (
          <div key={place}>
            {`${place} ${before} → ${after}`}
            {bits.length > 8 ? "" : ` (bit ${bits.join(", ")})`}
          </div>
        ))}
      </td>
    </tr>
  );
}

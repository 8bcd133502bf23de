import { findRegister } from "../../registers/lookup.js";
import { LAYERS } from "../../why/features.js";
import { type Cell, type Grid, type Labelled, labels, unique } from "./grid.js";

/* Answers about machines as grids. Each reads what the schema of its format promises. */

interface Layers {
  readonly features: readonly {
    readonly id: string;
    readonly layers: { readonly [layer: string]: string };
    readonly lostAt: string | null;
    readonly unknownAt: string | null;
  }[];
}

export function layersGrid({ features }: Layers): Grid {
  return {
    head: ["feature", ...LAYERS, "lost_at", "unknown_at"],
    rows: features.map(({ id, layers, lostAt, unknownAt }) => [
      id,
      ...LAYERS.map((layer) => layers[layer]),
      lostAt,
      unknownAt,
    ]),
  };
}

interface Show {
  readonly cores: readonly {
    readonly coreTypes: readonly string[];
    readonly registers: readonly {
      readonly index: string;
      readonly name: string;
      readonly value: string | null | { readonly value: string; readonly unknown: string };
      readonly bits: readonly {
        readonly bit: number;
        readonly setting: string;
        readonly names: { readonly [vocabulary: string]: string | undefined };
      }[];
    }[];
  }[];
}

type Value = Show["cores"][number]["registers"][number]["value"];

/** A digit with an unknown bit is `?`, as in the report. */
function valueText(value: Value): string | null {
  if (value === null || typeof value === "string") return value;
  const [digits, unknown] = [value.value, value.unknown].map((text) => text.slice(2));
  const width = Math.max((digits as string).length, (unknown as string).length);
  const open = (unknown as string).padStart(width, "0");
  const shown = [...(digits as string).padStart(width, "0")].map((digit, at) => (open[at] === "0" ? digit : "?"));
  return `0x${shown.join("")}`;
}

export function showGrid({ cores }: Show): Grid {
  const names = ["sdm", "key", "linux", "qemu", "libvirt", "xen"] as const;
  return {
    head: ["cores", "msr", "register", "value", "bit", "setting", ...names],
    rows: cores.flatMap(({ coreTypes, registers }) =>
      registers.flatMap(({ index, name, value, bits }) => {
        const register = [coreTypes.join(","), index, name, valueText(value)];
        if (bits.length === 0) return [[...register, null, null, ...names.map(() => null)]];
        return bits.map((one) => [...register, one.bit, one.setting, ...names.map((key) => one.names[key])]);
      }),
    ),
  };
}

interface Nested {
  readonly msrs?: { readonly [index: string]: string };
}

export function nestedGrid({ msrs }: Nested): Grid | undefined {
  if (msrs === undefined) return undefined;
  return {
    head: ["msr", "register", "value"],
    rows: Object.entries(msrs).map(([index, value]) => [index, findRegister(Number(index))?.sdm, value]),
  };
}

interface Diff {
  readonly subjects: readonly Labelled[];
  readonly features: readonly {
    readonly id: string;
    readonly layers: readonly {
      readonly layer: string;
      readonly cells: readonly string[];
      readonly certain: boolean;
    }[];
  }[];
  readonly bits?: {
    readonly [layer: string]: readonly {
      readonly msr: string;
      readonly bits: readonly {
        readonly bit: number;
        readonly name: string;
        readonly values: readonly Cell[];
        readonly certain: boolean;
      }[];
      readonly fields: readonly {
        readonly high: number;
        readonly low: number;
        readonly name: string;
        readonly values: readonly Cell[];
        readonly certain: boolean;
      }[];
    }[];
  };
}

export function diffGrid({ subjects, features, bits = {} }: Diff): Grid {
  return {
    head: ["what", "layer", "name", "certain", ...labels(subjects)],
    rows: [
      ...features.flatMap(({ id, layers }) =>
        layers.map(({ layer, cells, certain }) => ["feature", layer, id, certain, ...cells]),
      ),
      ...Object.entries(bits).flatMap(([layer, registers]) =>
        registers.flatMap(({ msr, bits: single, fields }) => [
          ...single.map(({ bit, name, values, certain }) => [`${msr}[${bit}]`, layer, name, certain, ...values]),
          ...fields.map(({ high, low, name, values, certain }) => [
            `${msr}[${high}:${low}]`,
            layer,
            name,
            certain,
            ...values,
          ]),
        ]),
      ),
    ],
  };
}

interface Baseline {
  readonly sets: readonly string[];
  readonly registers: readonly {
    readonly msr: string;
    readonly register: string;
    readonly value: string | null;
    readonly losses: readonly {
      readonly bit: number;
      readonly name: string;
      readonly kind: string;
      readonly by: readonly string[];
    }[];
  }[];
}

/** The common value of each register, then a row for each bit that is missing, with who lacks it. */
export function baselineGrid({ sets, registers }: Baseline): Grid {
  return {
    head: ["msr", "register", "value", "bit", "name", "kind", ...unique(sets)],
    rows: registers.flatMap(({ msr, register, value, losses }) => [
      [msr, register, value, null, null, "common", ...sets.map(() => null)],
      ...losses.map(({ bit, name, kind, by }) => [
        msr,
        register,
        null,
        bit,
        name,
        kind,
        ...sets.map((host) => (by.includes(host) ? "forces it" : null)),
      ]),
    ]),
  };
}

interface Runs {
  readonly subject: Labelled;
  readonly products: readonly { readonly id: string; readonly name: string; readonly verdict: string }[];
}

export const runsGrid = (run: Runs): Grid => manyRunsGrid({ hosts: [run] });

export function manyRunsGrid({ hosts }: { readonly hosts: readonly Runs[] }): Grid {
  const [first] = hosts;
  return {
    head: ["product", "name", ...labels(hosts.map(({ subject }) => subject))],
    rows: (first?.products ?? []).map(({ id, name }) => [
      id,
      name,
      ...hosts.map(({ products }) => products.find((product) => product.id === id)?.verdict),
    ]),
  };
}

interface Guest {
  readonly hosts: readonly {
    readonly subject: Labelled;
    readonly starts: string;
    readonly loads: string;
    readonly features: readonly { readonly name: string; readonly given: string; readonly required: boolean }[];
  }[];
}

export function guestGrid({ hosts }: Guest): Grid {
  const names = [...new Set(hosts.flatMap(({ features }) => features.map(({ name }) => name)))];
  return {
    head: ["host", "starts", "loads", ...names],
    rows: hosts.map(({ subject, starts, loads, features }) => [
      subject.label,
      starts,
      loads,
      ...names.map((name) => features.find((feature) => feature.name === name)?.given),
    ]),
  };
}

/** A value, or what is known of it with the bits that are not. */
type Masked = Cell | { readonly value: string; readonly unknown: string };

interface Controls {
  readonly words: readonly { readonly [column: string]: Masked }[];
}

/** Bits that are not known are behind the others: `0x16 ?0x8`. */
function maskedCell(value: Masked): Cell {
  return typeof value === "object" && value !== null ? `${value.value} ?${value.unknown}` : value;
}

export function controlsGrid({ words }: Controls): Grid {
  const columns = ["name", "encoding", "register", "inUse", "value", "required", "optional", "must1", "may1"] as const;
  return {
    head: columns.map((name) => (name === "name" ? "word" : name === "inUse" ? "in_use" : name)),
    rows: words.map((word) => columns.map((column) => maskedCell(word[column]))),
  };
}

interface Migrate {
  readonly offenders: readonly { readonly [column: string]: Cell }[];
}

export function migrateGrid({ offenders }: Migrate): Grid {
  const columns = ["msr", "register", "bit", "name", "qemu", "libvirt", "certain", "text"];
  return { head: columns, rows: offenders.map((row) => columns.map((column) => row[column])) };
}

import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";

/*
 * The JSON tables of facts about setup_vmcs_config, hardware setup and the words of vmx_capability[], as far as the
 * reference interpreter uses them. They lie beside the checkout and are not part of it.
 */

export interface ReferenceData {
  readonly kernels: KernelsJson;
  readonly setup: HardwareSetupJson;
  readonly features: VmxFeaturesJson;
}

export type ControlGroup = "pin" | "primary" | "secondary" | "tertiary" | "exit" | "entry";

export interface KernelsJson {
  readonly errata: {
    readonly perfGlobalCtrl: { readonly family: number; readonly models: readonly { readonly model: number }[] };
    readonly brokenPreemptionTimer: { readonly signatures: readonly string[] };
  };
  readonly controls: Readonly<Record<ControlGroup, readonly { readonly name: string; readonly bit: number }[]>>;
  readonly kernels: readonly KernelJson[];
}

export interface KernelJson {
  readonly release: string;
  readonly groups: Readonly<Record<ControlGroup, GroupJson | null>>;
  readonly order: readonly StepJson[];
}

export interface GroupJson {
  readonly msr: string;
  readonly min: readonly string[];
  readonly minX86_64Only: readonly string[];
  readonly opt: readonly string[];
  readonly optOnlyIfCpuHasSgx?: readonly string[];
}

export interface StepJson {
  readonly id: string;
  readonly op: string;
  readonly group?: ControlGroup;
  readonly bits?: readonly string[];
  readonly when?: { readonly all: readonly Readonly<Record<string, unknown>>[] };
  readonly clear?: Readonly<Partial<Record<ControlGroup, readonly string[]>>>;
  readonly keep?: Readonly<Record<ControlGroup, readonly string[]>>;
  readonly alsoClear?: { readonly secondary: readonly string[] };
  readonly pairs?: readonly { readonly entry: string; readonly exit: string }[];
  readonly message?: string;
  readonly fatal?: string | null;
}

export interface HardwareSetupJson {
  readonly predicates: Readonly<Record<string, PredicateJson | readonly PredicateJson[]>>;
  readonly params: readonly {
    readonly name: string;
    readonly module: string;
    readonly default: number | string;
    readonly releases: readonly string[];
  }[];
  readonly releases: Readonly<
    Record<string, { readonly functionName: string; readonly rules: readonly SetupRuleJson[] }>
  >;
}

export interface PredicateJson {
  readonly all: readonly Readonly<Record<string, unknown>>[];
  readonly releases?: readonly string[];
}

export interface SetupRuleJson {
  readonly id: string;
  readonly kind: string;
  readonly param?: string;
  readonly set?: number;
  readonly params?: Readonly<Record<string, number>>;
  readonly when?: unknown;
  readonly message?: string;
  readonly result?: string;
  readonly onlyIf?: string;
}

export interface VmxFeaturesJson {
  readonly releases: Readonly<
    Record<
      string,
      {
        readonly words: number;
        readonly cpuinfoOrder: readonly string[];
        readonly entries: readonly { readonly word: number; readonly bit: number; readonly cpuinfo: string | null }[];
      }
    >
  >;
}

/** The folder of the tables when they are at hand, beside the checkout. */
const REFERENCE_DIR = resolve(import.meta.dirname, "../../../../shared/reference/linux");

export function hasReference(): boolean {
  return existsSync(`${REFERENCE_DIR}/kernels.json`);
}

export function loadReference(): ReferenceData {
  const read = (name: string): unknown => JSON.parse(readFileSync(`${REFERENCE_DIR}/${name}.json`, "utf8"));
  return {
    kernels: read("kernels") as KernelsJson,
    setup: read("hardware_setup") as HardwareSetupJson,
    features: read("vmxfeatures") as VmxFeaturesJson,
  };
}

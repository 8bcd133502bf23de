import type { Asked } from "../situation/asked.js";
import type { AssumptionId } from "../situation/assume.js";
import { type Situation, situationOrProblem } from "../situation/situation.js";
import type { FoundHost, Origin } from "./host.js";
import type { Settings } from "./options.js";

/** What users are given the benefit of the doubt about, by where the host comes from. */
const DEFAULT_ASSUMPTIONS: { readonly [O in Origin]: readonly AssumptionId[] } = {
  // The dumps of the atlas were made under Windows, without IA32_FEAT_CTL.
  atlas: ["firmware=enabled", "registers=sdm"],
  file: ["registers=sdm"],
  machine: [],
};

/** Applies the shared options to a host. Problems end the command with exit code 2. */
export function situationOf(
  found: FoundHost,
  settings: Settings,
  more: Asked = {},
): Situation | { readonly problems: readonly string[] } {
  const made = situationOrProblem(found.host, {
    ...askedOf(found.origin, settings),
    source: found.source,
    notes: found.notes,
    ...more,
  });
  return "argument" in made ? { problems: [`--${made.argument} ${settings[made.argument]}: ${made.text}`] } : made;
}

/** What the shared options ask of a host from there. */
export function askedOf(origin: Origin, settings: Settings): Asked {
  const { kernel, params, config, machine, cpu, assume } = settings;
  const ownFirmware = assume.ids.some((id) => id.startsWith("firmware="));
  const defaults = assume.none ? [] : DEFAULT_ASSUMPTIONS[origin];
  return {
    ...(kernel === undefined ? {} : { kernel }),
    params,
    config,
    machine,
    ...(cpu === undefined ? {} : { cpu }),
    assume: assume.ids,
    ...(assume.none && !assume.ids.includes("registers=sdm") ? { asRead: true as const } : {}),
    assumeByDefault: defaults.filter((id) => !(ownFirmware && id.startsWith("firmware="))),
  };
}

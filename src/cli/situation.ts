import type { Asked } from "../situation/asked.js";
import { type AssumptionId, DEFAULT_ASSUMPTIONS } from "../situation/assume.js";
import { type Situation, situationOrProblem } from "../situation/situation.js";
import type { FoundHost, Origin } from "./host.js";
import type { Settings } from "./options.js";

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
  const defaults: readonly AssumptionId[] = assume.none ? [] : DEFAULT_ASSUMPTIONS[origin];
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

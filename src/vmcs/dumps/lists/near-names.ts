import { nearFields } from "../../fields/field-names.js";

/** Different names of one text for which near ones are searched: a search reads every name of every field. */
const SEARCHED_MOST = 100;

/** Says what would have been read in the place of a name that no field has. */
export type NearNames = (name: string) => string;

/** One for each text, however many lists or objects it has: a name that comes again is not searched for again. */
export function nearNamesOnce(): NearNames {
  const known = new Map<string, string>();
  return (name) => {
    let near = known.get(name);
    if (near === undefined) {
      near = known.size < SEARCHED_MOST ? nearFields(name).join(", ") : "";
      if (known.size < SEARCHED_MOST) known.set(name, near);
    }
    return near === "" ? "a field name of the SDM or a public header, or an encoding" : near;
  };
}

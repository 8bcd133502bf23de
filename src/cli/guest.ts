import { findModel } from "../compare/qemu-models.js";
import { type GuestCpu, readGuests } from "../input/guests/guest-cpu.js";
import { readHost } from "../input/read.js";
import { fileKind, inputText } from "./files.js";
import type { World } from "./world.js";

/** In characters; the largest domains are some tens of thousands. */
const LONGEST = 2 ** 22;

/** The configuration of a guest, or why the text is not one. */
export type FoundGuest = { readonly guest: GuestCpu } | { readonly problem: string } | undefined;

/**
 * The guest whose configuration an argument is: text with `-cpu` in it, a file that describes a guest and no host, or
 * (`isModel`) the name of a model.
 * `undefined` where it is neither.
 */
export async function findGuest(given: string, world: World, isModel = false): Promise<FoundGuest> {
  if (isModel || isCpuText(given))
    return only(readGuests(/(?:^|\s)--?cpu[ =]/.test(given) ? given : `-cpu ${given}`), given);
  if (given !== "-" && fileKind(given, world) !== "file") return undefined;
  const text = await shortText(given, world);
  const guests = text === undefined ? [] : readGuests(text);
  if (text === undefined || guests.length === 0 || readHost(text).host !== undefined) return undefined;
  return only(guests, given);
}

/** A configuration is short; `undefined` for a longer text, which can be that of a host, however long. */
async function shortText(given: string, world: World): Promise<string | undefined> {
  let text = "";
  for await (const piece of inputText(given, world)) {
    text += piece;
    if (text.length > LONGEST) return undefined;
  }
  return text;
}

/** What is behind QEMU's `-cpu`, with the option or without: a model that QEMU has and something behind it. */
export function isCpuText(given: string): boolean {
  if (/(?:^|\s)--?cpu[ =]/.test(given)) return true;
  const [model = "", ...items] = given.split(",");
  if (items.length === 0 || !items.every((item) => /^[+-]?[a-z][\w.-]{0,60}(?:=[\w.:-]{0,60})?$/i.test(item)))
    return false;
  return isModelText(model) && items.some((item) => /^[+-]?(?:vmx\b|enforce$)|^[+-][a-z]|=(?:on|off)$/.test(item));
}

/** A model of QEMU without anything behind it, as `-cpu` accepts it. */
export function isModelText(given: string): boolean {
  return given === "host" || given === "max" || findModel(given).kind !== "none";
}

function only(guests: readonly GuestCpu[], given: string): FoundGuest {
  const [guest, ...others] = guests;
  if (guest === undefined) return undefined;
  if (others.length === 0) return { guest };
  const names = guests.map(({ name, line }) => name ?? `line ${line}`).slice(0, 8);
  return { problem: `${given} describes ${guests.length} guests (${names.join(", ")}); give the text of one` };
}

import { isKnownModel } from "../../../compare/guest-start.js";
import type { GuestCpu } from "../../../input/guests/guest-cpu.js";

/*
 * The CPU model that people say a guest has: "cpu is set to x86-64-v2-AES", "CPU type kvm64".
 */

const IS_MODEL = /(?:\b(?:cpu|type|model|typ|modell|tipo|modelo)\b|тип|модель|类型|型号)/gi;
/** So much of the line belongs to the word. */
const NEAR = 40;
/** Names that are words for the CPU of a host as well: "a Haswell". */
const OF_HOSTS = /^[A-Z][a-z]+$/;
/** It is given by name as well, or the guest has what the host has. */
const ADDED = /[+,]vmx\b|\bvmx=on\b|\bextra_flags?\b[^\n]{0,40}\bvmx\b|name=['"]vmx['"]|\bhost-passthrough\b/;
const LONGEST = 20_000;

/** The guest whose model is named in a sentence; none where another one has the host's. */
export function guestInWords(text: string): readonly GuestCpu[] {
  if (text.length > LONGEST || ADDED.test(text)) return [];
  const named = [...text.matchAll(IS_MODEL)].flatMap(({ 0: word, index }) => {
    const [behind = ""] = text.slice(index + word.length, index + word.length + NEAR).split(/\n|[.;!?](?:\s|$)/, 1);
    const line = text.slice(0, index).split("\n").length;
    return behind
      .split(/[^\w.-]+/)
      .filter((model) => model.length > 3 && !OF_HOSTS.test(model))
      .map((model) => ({ model, line }));
  });
  if (named.some(({ model }) => model === "host")) return [];
  return named
    .map(
      ({ model, line }): GuestCpu => ({
        format: "qemu",
        model,
        features: new Map(),
        strict: false,
        emulated: false,
        line,
      }),
    )
    .filter(isKnownModel)
    .slice(0, 1);
}

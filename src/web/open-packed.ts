import { reader, unpack } from "./unpack.js";

// biome-ignore lint/suspicious/noControlCharactersInRegex: no script holds one, see tools/frequent-words.js
const WORDS = /[\x14-\x1f][\uf780-\uf7ff]|[\x01-\x08\x0e-\x13\uf780-\uf7ff]/g;

/** Of the bytes that words became: those above ASCII, then the control characters but blanks, then the pairs. */
function placeOf(bytes: string): number {
  const byte = bytes.charCodeAt(0) & 0xff;
  if (bytes.length > 1) return 142 + (byte - 20) * 128 + (bytes.charCodeAt(1) & 0x7f);
  return byte < 9 ? byte + 127 : byte < 32 ? byte + 122 : byte - 0x80;
}

/** What a page has packed in its element `packed`, whose attribute says how many bytes each part has: words, scripts, and maybe more. */
export interface Packed {
  /** Unpacks the next script and runs it. They are one stream, so each costs what the others do not have. */
  readonly runNext: () => void;
  /** Unpacks the next part as it is. */
  readonly next: () => Uint8Array | undefined;
}

export function openPacked(): Packed {
  const { textContent, dataset } = document.getElementById("packed") as HTMLElement;
  const parts = unpack(dataset.sizes?.split(" ").map(Number) ?? [], reader(textContent ?? ""));
  // Each byte is one unit of the text: ASCII is itself, and the others are U+F780 to U+F7FF.
  const text = new TextDecoder("x-user-defined");
  const next = () => parts.next().value as Uint8Array | undefined;
  // Letters shared with the word before, and the others: `frontCoded` in tools/frequent-words.js.
  let word = "";
  const words = (text.decode(next()).match(/\d\D*/g) ?? []).map((part) => {
    word = word.slice(0, Number(part[0])) + part.slice(1);
    return word;
  });
  return {
    next,
    runNext() {
      const part = next();
      if (part === undefined) return;
      const script = document.createElement("script");
      script.className = "ran";
      script.textContent = text.decode(part).replace(WORDS, (bytes) => words[placeOf(bytes)] ?? bytes);
      document.head.append(script);
    },
  };
}

/**
 * What logs, mail and copies put around a line: quoting, syslog headers, printk time and level, module prefixes. Each
 * is stripped until none is left. Grammar of the headers: journald, rsyslog, printk, Xen's console, DebugView.
 */
const QUOTE: readonly RegExp[] = [/^(?:&gt;|[>|])[ \t]?/];
const BRACKET: readonly RegExp[] = [
  /^\[ *\d+\.\d{1,9}\](?:\[ *[TC]\d+\])? ?/,
  /^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?\] ?/,
  /^\[ *[TC]\d+\] ?/,
  /^\[[A-Z][a-z]{2} [A-Z][a-z]{2} +\d{1,2} \d\d:\d\d:\d\d \d{4}\] ?/,
];
const LETTER: readonly RegExp[] = [
  /^(?:kvm_intel|kvm|KVM|kernel|vmx): ?/,
  /^[A-Z][a-z]{2} {1,2}\d{1,2} \d\d:\d\d:\d\d(?:\.\d+)? [^ ]+ [^ :[]+(?:\[\d+\])?: ?/,
  /^QEMU\[\d+\]: ?/,
];
const DIGIT: readonly RegExp[] = [
  /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?(?: [^ ]+ [^ :[]+(?:\[\d+\])?:)? ?/,
  /^\d+\t\d+\.\d+\t/,
];
const OTHER: { readonly [first: string]: readonly RegExp[] } = {
  ">": QUOTE,
  "&": QUOTE,
  "|": QUOTE,
  "[": BRACKET,
  "<": [/^<\d{1,2}>/],
  "(": [/^\(XEN\) ?/],
  "/": [/^\/netbsd: ?/],
};

/** The headers that can begin with this character. */
function layersFor(first: string): readonly RegExp[] | undefined {
  if (first >= "0" && first <= "9") return DIGIT;
  if ((first >= "A" && first <= "Z") || (first >= "a" && first <= "z")) return LETTER;
  return OTHER[first];
}

export interface Payload {
  readonly text: string;
  /** The line came from Xen's console. */
  readonly xen: boolean;
  /** The line ends in a soft line break of quoted-printable: the next one goes on without a blank. */
  readonly soft: boolean;
}

/** The line without its envelope; `undefined` for a line of a guest's console (Xen prints it as `(dN)`). */
export function payloadOf(line: string): Payload | undefined {
  let text = line;
  const soft = line.endsWith("=") && line.includes("=3D");
  if (soft) text = text.slice(0, -1);
  text = unquote(text);
  let xen = false;
  for (;;) {
    const trimmed = text.trimStart();
    const layers = layersFor(trimmed.charAt(0));
    let length = 0;
    for (const layer of layers ?? []) {
      const match = layer.exec(trimmed);
      if (match === null) continue;
      length = match[0].length;
      xen ||= trimmed.startsWith("(XEN)");
      break;
    }
    if (length === 0) break;
    text = trimmed.slice(length);
  }
  if (/^ *\(d\d+\)/.test(text)) return undefined;
  return { text, xen, soft };
}

/** Undoes what is left of quoted-printable and HTML: `=3D`, `=20`, `=C2=A0`, blanks that do not break. */
function unquote(text: string): string {
  let result = text;
  // Only where an equals sign itself is quoted: "=20" is a value like any other elsewhere.
  if (/=3D|=C2=A0/.test(result)) result = result.replace(/=C2=A0|=20|=09/g, " ").replace(/=3D/g, "=");
  else if (result.endsWith("=20")) result = result.slice(0, -3);
  return result.includes("\u00a0") ? result.replace(/\u00a0/g, " ") : result;
}

/**
 * What logs, mail and copies put around a line: quoting, syslog headers, printk time and level, module prefixes. Each
 * is stripped until none is left. Grammar of the headers: journald, rsyslog, printk, Xen's console, DebugView.
 */
const LAYERS: readonly RegExp[] = [
  /^(?:&gt;|[>|])[ \t]?/,
  /^[A-Z][a-z]{2} {1,2}\d{1,2} \d\d:\d\d:\d\d(?:\.\d+)? [^ ]+ [^ :[]+(?:\[\d+\])?: ?/,
  /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?(?: [^ ]+ [^ :[]+(?:\[\d+\])?:)? ?/,
  /^\[ *\d+\.\d{3,9}\](?:\[ *[TC]\d+\])? ?/,
  /^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?\] ?/,
  /^\[ *[TC]\d+\] ?/,
  /^\[[A-Z][a-z]{2} [A-Z][a-z]{2} +\d{1,2} \d\d:\d\d:\d\d \d{4}\] ?/,
  /^<\d{1,2}>/,
  /^(?:kvm_intel|kvm|KVM|kernel|vmx): ?/,
  /^QEMU\[\d+\]: ?/,
  /^\(XEN\) ?/,
  /^\/netbsd: ?/,
  /^\d+\t\d+\.\d+\t/,
];

/** True when the line begins with one of the headers; a continuation of a wrapped line has none. */
export interface Payload {
  readonly text: string;
  readonly enveloped: boolean;
  readonly xen: boolean;
  /** The line ends in a soft line break of quoted-printable: the next one goes on without a blank. */
  readonly soft: boolean;
}

/** The line without its envelope; `undefined` for a line of a guest's console (Xen prints it as `(dN)`). */
export function payloadOf(line: string): Payload | undefined {
  let text = line;
  const soft = line.endsWith("=") && line.includes("=3D");
  if (soft) text = text.slice(0, -1);
  if (text.includes("=") || text.includes("\u00a0")) text = unquote(text);
  let enveloped = false;
  let xen = false;
  for (;;) {
    const before = text;
    const trimmed = text.trimStart();
    const first = trimmed.charCodeAt(0);
    // A digit, <, >, [, (, /, &, | or a letter can begin a header; nothing else does.
    if (Number.isNaN(first)) return { text: "", enveloped, xen, soft };
    for (const layer of LAYERS) {
      const match = layer.exec(trimmed);
      if (match === null) continue;
      text = trimmed.slice(match[0].length);
      // Mail quoting stands on continuations too.
      if (!/^(?:&gt;|[>|])/.test(match[0])) enveloped = true;
      if (match[0].startsWith("(XEN)")) xen = true;
      break;
    }
    if (text === before) break;
  }
  if (/^ *\(d\d+\)/.test(text)) return undefined;
  return { text, enveloped, xen, soft };
}

/** Undoes what is left of quoted-printable and HTML: `=3D`, `=20`, `=C2=A0`, blanks that do not break. */
function unquote(text: string): string {
  let result = text;
  if (/=(?:3D|20|09|C2=A0)/.test(result)) result = result.replace(/=C2=A0|=20|=09/g, " ").replace(/=3D/g, "=");
  return result.replace(/\u00a0/g, " ");
}

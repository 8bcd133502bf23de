/*
 * Fields of a VMCS in sentences: "I set CS access rights to 0xa09b, TR 0x8b, guest CR0 0x80050033, RFLAGS 0x0", beside a VM entry
 * that failed because of the guest. The list that they make is read as any other.
 */

/** The entry failed on the state of the guest: what is named without a side is the guest's. */
const OF_GUEST = /\b0x80000021\b|\bexit reason:? (?:is )?(?:33|0x21)\b|\bVM-?exit 33\b|\binvalid guest[ -]state\b/i;
/** Registers of a crash, and what QEMU or KVM print, are read elsewhere. */
const ELSEWHERE = /\bOops\b|\bCall Trace\b|\bBUG: |\bKVM internal error\b|\bqemu-|^(?:EAX|RAX)=/im;
const LONGEST = 20_000;

const REGISTER =
  /\b(?<host>host['’]?s? )?(?:guest['’]?s? )?(?:IA32_)?(?<name>CR0|CR3|CR4|DR7|[RE]FLAGS|[RE]IP|[RE]SP|EFER)(?: ?(?:=|:|is|was|are|to|of|set to|at) ?| )(?<value>0x[0-9a-f]{1,16}|[0-9]{1,5})\b(?![.%]\d)/gi;
const SEGMENT =
  /\b(?<host>host['’]?s? )?(?:guest['’]?s? )?(?<name>CS|DS|ES|FS|GS|SS|TR|LDTR)(?:[ ._](?<part>sel(?:ector)?|base|limit|access[ -]rights?|AR|attr(?:ibutes?)?))?(?: unusable)?(?: ?(?:=|:|is|was|are|to|of|set to|at) ?| )(?<value>0x[0-9a-f]{1,16}|[0-9]{1,5})\b(?![.%]\d)/gi;
/** The first of several that follow each other says what all are. */
const RIGHTS = /\b(?:access[ -]rights?|AR)\b/i;

const FIELD_OF: { readonly [register: string]: string } = {
  EFLAGS: "RFLAGS",
  EIP: "RIP",
  ESP: "RSP",
  EFER: "IA32_EFER",
};

/** The lines of a list that the sentences of a text make, and the first and last line that they are in; undefined for none. */
export function listInProse(
  text: string,
): { readonly list: string; readonly lines: readonly [first: number, last: number] } | undefined {
  if (text.length > LONGEST || !OF_GUEST.test(text) || ELSEWHERE.test(text)) return undefined;
  const fields = new Map<string, string>();
  const places: number[] = [];
  for (const [at, line] of text.split("\n").entries()) {
    const found = fieldsOf(line);
    for (const [name, value] of found) fields.set(name, value);
    if (found.length > 0) places.push(at + 1);
  }
  const [first] = places;
  const last = places.at(-1);
  if (fields.size < FEWEST || first === undefined || last === undefined) return undefined;
  return { list: [...fields].map(([name, value]) => `${name} = ${value}`).join("\n"), lines: [first, last] };
}
const FEWEST = 2;

function fieldsOf(line: string): readonly (readonly [name: string, value: string])[] {
  const registers = [...line.matchAll(REGISTER)].flatMap(({ groups = {} }) => {
    const { host, name = "", value = "" } = groups;
    const upper = name.toUpperCase();
    return [[`${host === undefined ? "GUEST" : "HOST"}_${FIELD_OF[upper] ?? upper}`, value] as const];
  });
  let rights = false;
  const segments = [...line.matchAll(SEGMENT)].flatMap(({ groups = {}, index }) => {
    const { host, name = "", part = "", value = "" } = groups;
    // Between two sentences the list ends.
    if (/\. /.test(line.slice(0, index).slice(-40))) rights = false;
    if (RIGHTS.test(part) || /^attr/i.test(part)) rights = true;
    else if (part !== "") rights = false;
    const suffix = /^base/i.test(part) ? "BASE" : /^limit/i.test(part) ? "LIMIT" : rights ? "AR_BYTES" : undefined;
    if (suffix === undefined && !/^sel/i.test(part)) return [];
    return [[`${host === undefined ? "GUEST" : "HOST"}_${name.toUpperCase()}_${suffix ?? "SELECTOR"}`, value] as const];
  });
  return [...registers, ...segments];
}

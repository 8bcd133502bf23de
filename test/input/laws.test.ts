import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Host } from "../../src/host/host.js";
import { READERS } from "../../src/input/formats/registry.js";
import { readHost } from "../../src/input/read.js";
import { oneIn, tries } from "../deep.js";
import { claims } from "./claims.js";
import { ATLAS_TRUTH, CAPTURE_TRUTH, CAPTURES, compare, registersOf, type Truth } from "./truth.js";
import {
  canSetText,
  featureMsrText,
  freebsdShortText,
  freebsdText,
  haxmText,
  kvmJsonText,
  libvirtText,
  msrListText,
  qmpText,
  type Registers,
  turbostatText,
  vboxText,
  vmxcapText,
} from "./write-formats.js";

/** Formats of the CPU's own registers: writer, name of the reader, and how many bits a current CPU tells at least. */
const CPU_FORMATS: readonly (readonly [string, string, (msrs: Registers) => string, number])[] = [
  ["vmxcap", "vmxcap", (msrs) => vmxcapText(msrs, true), 320],
  ["vmxcap without Hex", "vmxcap", (msrs) => vmxcapText(msrs, false), 260],
  ["vboxlog", "vboxlog", vboxText, 1000],
  ["freebsd", "freebsd", freebsdText, 180],
  ["freebsd, short", "freebsd", freebsdShortText, 8],
  ["haxm", "haxm", haxmText, 500],
  ["can-set", "can-set", canSetText, 300],
  ["msr-list", "msr-list", msrListText, 1000],
  ["turbostat", "feature-control", turbostatText, 64],
];

const NESTED_FORMATS: readonly (readonly [string, string, (msrs: Registers) => string, number])[] = [
  ["feature msr", "kvm-msrs", featureMsrText, 1000],
  ["KVM_GET_MSRS in JSON", "kvm-msrs-json", kvmJsonText, 1000],
  ["qmp", "qmp", qmpText, 110],
  ["libvirt up to 11.3", "libvirt", (msrs) => libvirtText(msrs, "eax"), 100],
  ["libvirt since", "libvirt", (msrs) => libvirtText(msrs, "edx"), 100],
];

const TRUTHS: readonly Truth[] = [...ATLAS_TRUTH, ...CAPTURE_TRUTH];

/** What KVM offered on the emulated CPUs. */
const NESTED_TRUTHS: readonly Truth[] = CAPTURES.flatMap((capture) =>
  capture.scenarios.flatMap((scenario) => {
    const msrs = registersOf(scenario.features ?? {});
    return msrs.has(0x480) ? [{ name: `${capture.name}, ${scenario.name}`, msrs }] : [];
  }),
);

function knownOfCpu(host: Host | undefined) {
  return host?.cores[0].msrs;
}

function cpuinfoText(capture: (typeof CAPTURES)[number], withKernel: boolean): string {
  const [cpu] = capture.cpus;
  const flags = [...(cpu?.flags ?? []), "lahf_lm", "arat"].join(" ");
  return [
    ...(withKernel ? [`Linux version ${capture.release}-test (gcc) #1 SMP`] : []),
    "processor\t: 0",
    `vendor_id\t: ${capture.vendor}`,
    "model name\t: Some CPU @ 3.50GHz",
    `flags\t\t: fpu vme de ${flags}`,
    ...(cpu?.vmxFlags === undefined ? [] : [`vmx flags\t: ${cpu.vmxFlags}`]),
    "bugs\t\t: spectre_v1",
    "",
    "",
  ].join("\n");
}

let turn = 0;
/** In a short run every other one; the next format has the others. */
const some = <T>(truths: readonly T[]) => oneIn(2, truths, turn++);

describe.each(CPU_FORMATS)("%s", (_, format, write, atLeast) => {
  it("never contradicts the registers it was printed from", () => {
    let most = 0;
    for (const { name, msrs } of some(TRUTHS)) {
      const { host, formats, diagnostics } = readHost(write(msrs));
      const { wrong, known } = compare(knownOfCpu(host), msrs);
      expect(wrong, name).toEqual([]);
      expect(formats, name).toEqual([format]);
      expect(
        diagnostics.filter((d) => d.severity === "error" && !/^no /.test(d.message)),
        name,
      ).toEqual([]);
      most = Math.max(most, known);
    }
    expect(most).toBeGreaterThanOrEqual(atLeast);
  });
});

describe.each(NESTED_FORMATS)("%s", (_, format, write, atLeast) => {
  it("never contradicts what KVM offers, and says nothing of the CPU", () => {
    expect(NESTED_TRUTHS.length).toBeGreaterThan(30);
    let most = 0;
    for (const { name, msrs } of some(NESTED_TRUTHS)) {
      const { host, formats } = readHost(write(msrs));
      const { wrong, known } = compare(host?.observed?.nestedMsrs, msrs);
      expect(wrong, name).toEqual([]);
      expect(formats, name).toEqual([format]);
      expect(host?.cores[0].msrs.size, name).toBe(0);
      most = Math.max(most, known);
    }
    expect(most).toBeGreaterThanOrEqual(atLeast);
  });
});

describe("/proc/cpuinfo", () => {
  it.each([
    ["without a release", false, 23],
    ["with the release that printed it", true, 24],
  ])("never contradicts the registers: %s", (_, withKernel, atLeast) => {
    let most = 0;
    for (const [i, capture] of CAPTURES.entries()) {
      const { host } = readHost(cpuinfoText(capture, withKernel));
      const { wrong, known } = compare(knownOfCpu(host), CAPTURE_TRUTH[i]?.msrs ?? new Map());
      expect(wrong, capture.name).toEqual([]);
      most = Math.max(most, known);
    }
    expect(most).toBeGreaterThanOrEqual(atLeast);
  });
});

const anyText: fc.Arbitrary<string> = fc.oneof(
  fc.tuple(fc.constantFrom(...TRUTHS), fc.constantFrom(...CPU_FORMATS)).map(([{ msrs }, [, , write]]) => write(msrs)),
  fc
    .tuple(fc.constantFrom(...NESTED_TRUTHS), fc.constantFrom(...NESTED_FORMATS))
    .map(([{ msrs }, [, , write]]) => write(msrs)),
  fc.tuple(fc.constantFrom(...CAPTURES), fc.boolean()).map(([capture, kernel]) => cpuinfoText(capture, kernel)),
);

/** What happens to a text on its way into a mail or a forum, and must not matter. */
const DISGUISES: readonly (readonly [string, (text: string) => string])[] = [
  ["quoted", (text) => text.replace(/^/gm, "> ")],
  ["quoted twice", (text) => text.replace(/^/gm, ">> ")],
  ["CRLF", (text) => text.replace(/\n/g, "\r\n")],
  ["coloured", (text) => text.replace(/^(\s*)(\S+)/gm, "$1\u001b[1;32m$2\u001b[0m")],
  ["in syslog", (text) => text.replace(/^(?=.)/gm, "Nov 22 15:27:01 host kernel: ")],
  ["with ISO dates", (text) => text.replace(/^(?=.)/gm, "2024-03-01T12:00:00.123456+01:00 host kernel: ")],
  ["with kernel times", (text) => text.replace(/^(?=.)/gm, "[   12.345678] ")],
  [
    "quoted-printable",
    (text) =>
      `Content-Transfer-Encoding: quoted-printable\n\n${text
        .replace(/=/g, "=3D")
        .replace(/.{70}(?=.)/g, (line) => (/=.?$/.test(line) ? line : `${line}=\n`))}`,
  ],
  ["escaped for HTML", (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;")],
];

describe.each(DISGUISES)("a text that is %s", (_, disguise) => {
  it("says the same", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        // A dmesg time before another one is not stripped twice by anybody's tool.
        expect(claims(disguise(text))).toEqual(claims(text));
      }),
      { numRuns: 25 },
    );
  });
});

/** Breaks long lines at blanks, as mailers do. */
function wrapped(text: string, width: number): string {
  return text
    .split("\n")
    .flatMap((line) => {
      const parts: string[] = [];
      let rest = line;
      while (rest.length > width) {
        const indent = rest.length - rest.trimStart().length;
        const at = rest.lastIndexOf(" ", width);
        if (at <= indent) break;
        parts.push(rest.slice(0, at));
        rest = rest.slice(at + 1);
      }
      return [...parts, rest];
    })
    .join("\n");
}

describe("a text that a mailer wrapped", () => {
  it.each([
    ["cpuinfo", 72, cpuinfoText(CAPTURES[0] as (typeof CAPTURES)[number], true)],
    ["libvirt", 50, libvirtText(NESTED_TRUTHS[0]?.msrs ?? new Map(), "edx")],
    ["freebsd", 72, freebsdText(CAPTURE_TRUTH[0]?.msrs ?? new Map())],
    ["vboxlog", 56, vboxText(CAPTURE_TRUTH[0]?.msrs ?? new Map())],
    ["qmp on one line", 72, qmpText(NESTED_TRUTHS[0]?.msrs ?? new Map()).replace(/\n\s*/g, " ")],
  ])("still says everything: %s", (_, width, text) => {
    expect(claims(text).size).toBeGreaterThan(20);
    expect(wrapped(text, width)).not.toBe(text);
    expect(claims(wrapped(text, width))).toEqual(claims(text));
    expect(claims(wrapped(text, width - 4))).toEqual(claims(text));
  });

  it("says nothing that it did not say before", () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 50, max: 80 }), (text, width) => {
        const whole = claims(text);
        expect([...claims(wrapped(text, width))].filter((claim) => !whole.has(claim))).toEqual([]);
      }),
      { numRuns: tries(100) },
    );
  });
});

describe("a damaged text", () => {
  it("that is cut off says nothing that the whole does not say", () => {
    let compared = 0;
    fc.assert(
      fc.property(anyText, fc.double({ min: 0, max: 1, noNaN: true }), (text, where) => {
        const whole = claims(text);
        const said = [...claims(text.slice(0, Math.floor(text.length * where)))];
        compared += said.length;
        expect(said.filter((claim) => !whole.has(claim))).toEqual([]);
      }),
      { numRuns: tries(400) },
    );
    expect(compared).toBeGreaterThan(2_000);
  });

  it("that lost its beginning says nothing that the whole does not say", () => {
    fc.assert(
      fc.property(anyText, fc.nat(), (text, where) => {
        const lines = text.split("\n");
        const whole = claims(text);
        const said = [...claims(lines.slice(where % lines.length).join("\n"))];
        expect(said.filter((claim) => !whole.has(claim))).toEqual([]);
      }),
      { numRuns: tries(300) },
    );
  });

  // Where an entry of JSON goes over several lines, nobody can see that the end of one and the beginning of another are
  // gone.
  const entriesOfOneLine = anyText.filter((text) => !text.includes('"entries"'));

  it("that lost a piece of some lines says nothing that the whole does not say", () => {
    fc.assert(
      fc.property(entriesOfOneLine, fc.nat(), fc.integer({ min: 1, max: 30 }), (text, where, count) => {
        const lines = text.split("\n");
        const whole = claims(text);
        const at = where % lines.length;
        const said = [...claims([...lines.slice(0, at), ...lines.slice(at + count)].join("\n"))];
        expect(said.filter((claim) => !whole.has(claim))).toEqual([]);
      }),
      { numRuns: tries(300) },
    );
  });
});

describe("any text", () => {
  const pieces = [
    "\n",
    "0x",
    "=",
    ":",
    "<",
    ">",
    "{",
    "}",
    '"',
    "'",
    "[",
    "]",
    "(",
    "\t",
    "yes",
    "no",
    "é",
    "\u001b[",
    "cpu1: ",
  ];
  const mutated = fc
    .tuple(
      fc.array(anyText, { minLength: 1, maxLength: 3 }),
      fc.array(
        fc.tuple(
          fc.constantFrom("drop", "double", "replace", "insert", "swap"),
          fc.nat(),
          fc.nat({ max: 500 }),
          fc.constantFrom(...pieces),
        ),
        {
          maxLength: 10,
        },
      ),
    )
    .map(([texts, damages]) => {
      let text = texts.join("\n");
      for (const [kind, where, size, piece] of damages) {
        const at = where % (text.length + 1);
        const [before, after] = [text.slice(0, at), text.slice(at)];
        if (kind === "drop") text = before + after.slice(size);
        else if (kind === "double") text = before + after.slice(0, size) + after;
        else if (kind === "replace") text = before + piece + after.slice(piece.length);
        else if (kind === "insert") text = before + piece + after;
        else text = after + before;
      }
      return text;
    });

  it("is read without an exception, and everything said of it points into it", () => {
    fc.assert(
      fc.property(mutated, fc.constantFrom(undefined, ...READERS.map((reader) => reader.name)), (text, format) => {
        const { host, hosts, diagnostics, evidence, formats } = readHost(text, format === undefined ? {} : { format });
        const lines = text.split(/\r\n|\r|\n/).length;
        expect(host).toBe(hosts[0]);
        for (const { line, column } of [...diagnostics, ...evidence()]) {
          expect(line).toBeGreaterThanOrEqual(1);
          expect(line).toBeLessThanOrEqual(lines);
          expect(column).toBeGreaterThanOrEqual(1);
        }
        for (const row of evidence()) {
          if (row.host !== undefined) expect(hosts[row.host]).toBeDefined();
          expect(formats).toContain(row.format);
        }
        if (host === undefined) expect(diagnostics.some((d) => d.severity === "error")).toBe(true);
      }),
      { numRuns: tries(300) },
    );
  });
});

describe("several formats of one machine", () => {
  it("agree, one after the other, and none is lost", () => {
    for (const { name, msrs } of CAPTURE_TRUTH) {
      const texts = CPU_FORMATS.filter(([title]) => title !== "freebsd, short").map(([, , write]) => write(msrs));
      const { hosts, formats, diagnostics, evidence } = readHost(texts.join("\n"));
      expect(hosts, name).toHaveLength(1);
      expect(
        diagnostics.filter((d) => d.severity === "warning" && /differently/.test(d.message)),
        name,
      ).toEqual([]);
      expect(compare(knownOfCpu(hosts[0]), msrs).wrong, name).toEqual([]);
      expect(new Set(formats)).toEqual(
        new Set(["vmxcap", "vboxlog", "freebsd", "haxm", "can-set", "msr-list", "feature-control"]),
      );
      expect(new Set(evidence().map((row) => row.format))).toEqual(new Set(formats));
    }
  });

  it("say nothing wrong when their lines are mixed", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...TRUTHS),
        fc.constantFrom(...CPU_FORMATS),
        fc.constantFrom(...CPU_FORMATS),
        fc.infiniteStream(fc.boolean()),
        ({ msrs }, [, , one], [, , other], choices) => {
          const [a, b] = [one(msrs).split("\n"), other(msrs).split("\n")];
          const mixed: string[] = [];
          for (const left of choices) {
            if (a.length === 0 || b.length === 0) break;
            mixed.push((left ? a : b).shift() as string);
          }
          const { host } = readHost([...mixed, ...a, ...b].join("\n"));
          expect(compare(knownOfCpu(host), msrs).wrong).toEqual([]);
        },
      ),
      { numRuns: tries(150) },
    );
  });

  it("of two machines are told apart or contradict each other, never mixed up in silence", () => {
    fc.assert(
      fc.property(fc.constantFrom(...TRUTHS), fc.constantFrom(...TRUTHS), (a, b) => {
        const { host, diagnostics } = readHost(`${vboxText(a.msrs)}\n${vboxText(b.msrs)}`);
        const differ = [...a.msrs].some(([index, value]) => {
          const other = b.msrs.get(index);
          return other !== undefined && index <= 0x491 && (other.hi !== value.hi || other.lo !== value.lo);
        });
        expect(diagnostics.some((d) => /given differently/.test(d.message))).toBe(differ);
        const wrongOfA = new Set(compare(knownOfCpu(host), a.msrs).wrong.filter((text) => / bit /.test(text)));
        const wrongOfB = compare(knownOfCpu(host), b.msrs).wrong.filter((text) => / bit /.test(text));
        expect([...wrongOfA, ...wrongOfB]).toEqual([]);
      }),
      { numRuns: tries(60) },
    );
  });
});

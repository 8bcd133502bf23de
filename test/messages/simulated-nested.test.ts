import { describe, expect, it } from "vitest";
import { inShort } from "./in-short.js";
import { byText } from "./simulated.js";
import { NESTED, type Nested, OF_GUEST, OF_HOST, SHAPES } from "./simulated-nested.js";

/*
 * Outputs of a host and of its guest in one text, told apart, with a known truth. Several pairs print the same; an answer may say no
 * more than what is true of all of them, and no step may be pointless on all.
 */

type Shape = keyof typeof SHAPES;
const TOLD_APART: readonly Shape[] = ["prompts", "headings", "words"];

const PAIRS = Object.keys(OF_HOST).flatMap((host, at) =>
  Object.keys(OF_GUEST).map((guest, beside) => ({
    host,
    guest,
    shape: TOLD_APART[(at + beside) % TOLD_APART.length] as Shape,
  })),
);

/** What the two print, each text once, with all pairs that print it. */
function printed({ host, guest, shape }: (typeof PAIRS)[number]): ReadonlyMap<string, readonly Nested[]> {
  const [asHost, asGuest] = SHAPES[shape];
  return byText(NESTED, (one) => {
    const [first, second] = [OF_HOST[host]?.(one), OF_GUEST[guest]?.(one)];
    return first === undefined || second === undefined ? undefined : `${asHost(first)}\n\n${asGuest(second)}`;
  });
}

const asks = ({ cpu }: Nested) => cpu === "host" || cpu === "host-model" || cpu === "named, with it";
const isTcg = ({ accel }: Nested) => accel === "tcg";

interface Claim {
  readonly what: string;
  /** What the answer says, or a step does. */
  readonly verdict?: RegExp;
  readonly steps?: RegExp;
  /** Where it may: on all that print the text. */
  readonly where: (one: Nested, host: string) => boolean;
}

const CLAIMS: readonly Claim[] = [
  {
    what: "nested is said to be off where it is",
    verdict: /\.nested is (?:N|0) on its host|the host gives guests none/,
    where: ({ nested }) => !nested,
  },
  {
    what: "and on where it is",
    verdict: /the host nested of \w+ is on|offers guests \w+ \(|The host has nested of/,
    where: ({ nested }) => nested,
  },
  { what: "a guest is said to have it where it has", verdict: /The guest has (?:VMX|SVM)/, where: ({ sees }) => sees },
  {
    what: "and to lack it where it does",
    verdict: /gets no (?:VMX|SVM), because|does not have it|does not show|does not pass it/,
    where: ({ sees }) => !sees,
  },
  {
    what: "its CPU is blamed where that is why",
    verdict: /has no (?:vmx|svm) unless|switches (?:vmx|svm) off|runs without KVM/,
    where: (one) => !asks(one) || isTcg(one),
  },
  {
    what: "a module is missing where the flag is there",
    verdict: /^(?!.*either).*module is (?:missing|not loaded)/,
    where: ({ sees, loaded }) => sees && !loaded,
  },
  {
    what: "no firmware is blamed or changed",
    verdict: /firmware (?:has it off|locked)/,
    steps: /firmware setup|BIOS/,
    where: () => false,
  },
  {
    what: "a host and its guest do not contradict each other",
    verdict: /cannot both be true|stays unknown/,
    where: () => false,
  },
  {
    what: "nested is read where it is not shown",
    steps: /cat \/sys\/module\/\w+\/parameters\/nested/,
    where: (_, host) => host !== "nested",
  },
  {
    what: "and switched on where it is off",
    steps: /nested=1/,
    where: ({ nested }, host) => !(host === "nested" && nested),
  },
  {
    what: "a CPU is given where it is not",
    steps: /cpu host\b|host-passthrough/,
    where: (one, host) => host !== "guest's CPU" || !asks(one) || isTcg(one),
  },
  {
    what: "Intel's names are used on Intel's CPUs",
    verdict: /kvm_intel|\bVMX\b|VT-x/,
    steps: /kvm_intel|\bvmx\b|VT-x/,
    where: ({ vendor }) => vendor === "intel",
  },
];
/** These say it of the two, where either may be. */
const OF_EITHER: ReadonlySet<string> = new Set(["uname", "count", "kvmOk", "guest's CPU"]);

/** What has to be said, where it is so of all. */
const NEEDED: readonly (readonly [what: string, verdict: RegExp, where: (one: Nested, host: string) => boolean])[] = [
  ["that it has it", /^The guest has (?:VMX|SVM)/, ({ sees }) => sees],
  [
    "that nested is off",
    /\.nested is (?:N|0) on its host/,
    ({ nested, sees }, host) => host === "nested" && !nested && !sees,
  ],
  [
    "which CPU leaves it out",
    /has no (?:vmx|svm) unless|switches (?:vmx|svm) off|without KVM|leaves svm out/,
    (one, host) => host === "guest's CPU" && (!asks(one) || isTcg(one)),
  ],
];

/** They show neither whether the flag is there nor that KVM can be used. */
const SAYS_LITTLE: ReadonlySet<string> = new Set(["detect"]);

describe("an answer holds on every host and guest that print the text", () => {
  it.each(PAIRS.map((pair) => [`${pair.host} of the host, ${pair.guest} of the guest`, pair] as const))(
    "%s",
    async (_, pair) => {
      const { host, guest } = pair;
      for (const [text, all] of printed(pair)) {
        const { lines } = await inShort(text);
        const [verdict = "", ...rest] = lines(400);
        const steps = rest.filter((line) => /^\s*do\s/.test(line)).join("\n");
        for (const { what, where, ...claim } of CLAIMS) {
          if (what.startsWith("Intel's") && !all.every(({ vendor }) => vendor === "amd")) continue;
          if (what.startsWith("Intel's") && (OF_EITHER.has(host) || SAYS_LITTLE.has(guest))) continue;
          if (all.every((one) => where(one, host))) continue;
          if (claim.verdict !== undefined) expect(verdict, `${what}\n${text}`).not.toMatch(claim.verdict);
          if (claim.steps !== undefined) expect(steps, `${what}\n${text}`).not.toMatch(claim.steps);
        }
        if (SAYS_LITTLE.has(guest)) continue;
        for (const [what, needed, where] of NEEDED) {
          if (all.every((one) => where(one, host))) expect(verdict, `${what}\n${text}`).toMatch(needed);
        }
      }
    },
  );
});

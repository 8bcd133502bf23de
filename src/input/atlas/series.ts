import { atlas } from "./atlas.js";
import type { AtlasEntry } from "./atlas-entry.js";

/*
 * Intel's processor numbers, and the family and model that the CPUs of a series report: most products are not in the atlas, and
 * others that are made from the same die are.
 */

interface Series {
  /** The whole processor number, with the name of the line where the number alone is not enough. */
  readonly number: RegExp;
  /** CPUID.1:EAX; of the stepping, only where another one is another series. */
  readonly signature: number;
  readonly ofStepping?: true;
}

/** Source: Intel's processor numbers (ark.intel.com); families and models as in asm/intel-family.h of Linux. */
const SERIES = [
  // Core, by generation.
  { number: /^i7-(?:39[3679]0[KX]|3820)$/, signature: 0x206d0 },
  { number: /^i[357]-3\d{3}/, signature: 0x306a0 },
  { number: /^i7-(?:48[26]0K|49[36]0[KX])/, signature: 0x306e0 },
  { number: /^i[357]-4\d{3}(?:[KSTRCE]|TE|MX?|M?Q|HQ|EQ|EC)?$/, signature: 0x306c0 },
  { number: /^i7-5[89]\d\d[KX]/, signature: 0x306f0 },
  { number: /^i[357]-5\d{3}(?:U|Y)$|^M-5Y/, signature: 0x306d0 },
  { number: /^i[57]-5[67]75[CR]/, signature: 0x40670 },
  { number: /^i7-6[89]\d\d[KX]/, signature: 0x406f0 },
  { number: /^(?:i[357]|m[357])-6(?:\d{3}U|Y\d\d)$/, signature: 0x406e0 },
  { number: /^i[357]-6\d{3}(?:K|T|P|TE|E|EQ|HQ|HK|R)?$/, signature: 0x506e0 },
  { number: /^i[79]-7[89]\d\d(?:X|XE)$/, signature: 0x50654, ofStepping: true },
  { number: /^(?:i[357]-7\d{3}U|m3-7Y\d\d|i[357]-8(?!121)\d{3}U)$/, signature: 0x806e0 },
  { number: /^i[357]-7\d{3}(?:K|T|HQ|HK|E|EQ)?$/, signature: 0x906e0 },
  { number: /^i[3579]-[89]\d{3}(?:K|KF|KS|F|T|H|HK|B)?$/, signature: 0x906e0 },
  { number: /^i[3579]-10[1-9]\d{2}(?:K|KF|F|T|TE|E)?$/, signature: 0xa0650 },
  { number: /^i[357]-10\d{2}G\d$/, signature: 0x706e0 },
  { number: /^i[357]-11\d{2}G\d$/, signature: 0x806c0 },
  { number: /^i[579]-11[4-9]\d{2}H$/, signature: 0x806d0 },
  { number: /^i[579]-11\d{3}(?:K|KF|F|T)?$/, signature: 0xa0670 },
  { number: /^i[3579]-12\d{3}(?:K|KF|KS|F|T|HX)?$/, signature: 0x90670 },
  { number: /^i[3579]-12\d{3}(?:H|P|U)$/, signature: 0x906a0 },
  { number: /^(?:i5-1[34]600KF?|i[79]-1[34][79]\d\d(?:K|KF|KS|F|T|HX)?)$/, signature: 0xb0670 },
  { number: /^i[3579]-13\d{2,3}(?:H|P|U)$/, signature: 0xb06a0 },
  { number: /^(?:N(?:95|97|100|200)|i3-N30[05])$/, signature: 0xb06e0 },
  // Celeron and Pentium of Atom cores.
  { number: /^(?:[JN]3[34]5\d|[JN]42\d\d)$/, signature: 0x506c0 },
  { number: /^(?:[JN]4[01]\d\d|[JN]50[034]\d)$/, signature: 0x706a0 },
  { number: /^N(?:45\d\d|509\d|51\d\d|60\d\d)$/, signature: 0x906c0 },
  // Xeon.
  { number: /^E5-[124]6\d\d[LWAC]?(?: 0)?$/, signature: 0x206d0 },
  { number: /^E5-[124]6\d\d[LWAC]? v2$/, signature: 0x306e0 },
  { number: /^E5-[124]6\d\d[LWAC]? v3$/, signature: 0x306f0 },
  { number: /^E5-[124]6\d\d[LWAC]? v4$/, signature: 0x406f0 },
  { number: /^E3-12\d\d[L]? v2$/, signature: 0x306a0 },
  { number: /^E3-12\d\d[L]? v3$/, signature: 0x306c0 },
  { number: /^E3-1[25]\d\d[LM]? v5$/, signature: 0x506e0 },
  { number: /^E3-1[25]\d\d[LM]? v6$/, signature: 0x906e0 },
  { number: /^D-15\d\d/, signature: 0x50660 },
  { number: /^D-21\d\d/, signature: 0x50654, ofStepping: true },
  { number: /^(?:Bronze 3|Silver 4|Gold [56]|Platinum 8)1\d\d[FMT]?$/, signature: 0x50654, ofStepping: true },
  { number: /^(?:Bronze 3|Silver 4|Gold [56]|Platinum [89])2\d\d[LMNRSTUVY]?$/, signature: 0x50657, ofStepping: true },
  { number: /^(?:Silver 4|Gold [56]|Platinum 8)3\d\d[HCLMNPQSTUVY]?\+?$/, signature: 0x606a0 },
  { number: /^(?:Bronze 3|Silver 4|Gold [56]|Platinum 8)4\d\d[CHMNPQSTUVY]?\+?$/, signature: 0x806f0 },
  { number: /^(?:Bronze 3|Silver 4|Gold [56]|Platinum 8)5\d\d[CHMNPQSTUVY]?\+?$/, signature: 0xc06f0 },
] as const satisfies readonly Series[];

/** Centaur's CPUs have signatures that Intel's have, too. */
const INTEL = "GenuineIntel";

/** Generations by the names of their designs, with the families and models of all that are called so. */
const GENERATIONS: readonly (readonly [name: RegExp, signatures: readonly number[]])[] = [
  [/^(?:Merom|Conroe)$/i, [0x6f0]],
  [/^(?:Penryn|Wolfdale|Yorkfield)$/i, [0x10670]],
  [/^Core ?2(?: (?:Duo|Quad|Extreme))?$/i, [0x6f0, 0x10670]],
  [/^(?:Westmere|Gulftown)$/i, [0x206c0]],
  [/^Sandy ?Bridge(?:-E[NPX]?)?$/i, [0x206d0]],
  [/^Ivy ?Bridge$/i, [0x306a0, 0x306e0]],
  [/^Ivy ?Bridge-E[NPX]?$/i, [0x306e0]],
  [/^Haswell$/i, [0x306c0, 0x306f0]],
  [/^Haswell-E[NPX]?$/i, [0x306f0]],
  [/^Broadwell$/i, [0x306d0, 0x40670, 0x406f0]],
  [/^Broadwell-E[NPX]?$/i, [0x406f0]],
  [/^Sky ?lake$/i, [0x406e0, 0x506e0, 0x50650]],
  [/^Sky ?lake-(?:SP|X)$|^Cascade ?Lake(?:-(?:SP|X))?$/i, [0x50650]],
  [/^(?:Kaby|Coffee) ?Lake$/i, [0x806e0, 0x906e0]],
  [/^Ice ?Lake-SP$/i, [0x606a0]],
  [/^Tiger ?Lake$/i, [0x806c0, 0x806d0]],
  [/^Alder ?Lake$/i, [0x90670, 0x906a0]],
  [/^Sapphire Rapids$/i, [0x806f0]],
];

/** The CPUs of the atlas of a generation: `Haswell-EP`, `Core 2 Duo`. */
export function kinOfGeneration(name: string): readonly AtlasEntry[] {
  const signatures = GENERATIONS.find(([words]) => words.test(name))?.[1] ?? [];
  return atlas().filter(
    ({ signature, vendor }) => vendor === INTEL && signatures.some((one) => signature >> 4 === one >> 4),
  );
}

/**
 * The CPUs of the atlas that are like the product with this processor number (`E5-2670 v3`, `i7-3770`, `Gold 6130`): those of its
 * series, or where the atlas has none, those made from the same die. What Intel switches off per product may differ between them.
 */
export function kinOf(number: string): readonly AtlasEntry[] {
  const own = number
    .trim()
    .replace(/^(?:Intel )?(?:Core |Xeon |Celeron |Pentium )?/i, "")
    .replace(/(?<=\d) ?(?=v\d$)/i, " ");
  const row: Series | undefined = SERIES.find((series) => series.number.test(own));
  if (row === undefined) return [];
  const isAlike = (signature: number) =>
    row.ofStepping === true ? signature === row.signature : signature >> 4 === row.signature >> 4;
  const ofDie = atlas().filter(({ signature, vendor }) => vendor === INTEL && isAlike(signature));
  const ofSeries = ofDie.filter(({ name }) => row.number.test(numberIn(name)));
  return ofSeries.length > 0 ? ofSeries : ofDie;
}

/** `E5-2630 v3` of `Intel(R) Xeon(R) CPU E5-2630 v3 @ 2.40GHz`. */
const numberIn = (name: string): string =>
  name
    .replace(/ @.*/, "")
    .replace(/\bCPU\b|\((?:R|TM)\)|\b\d\dth Gen\b|\b(?:Intel|CoreT?|Xeon|Celeron|Pentium|Silver(?= [NJ]))\b/gi, " ")
    .replace(/\s+/g, " ")
    .trim();

import type { Decoded } from "../../answers/answer.js";
import { bitText, type ExplainedBit, explainBit } from "../../answers/bits.js";
import { listText } from "../../bits/list-text.js";
import { replay } from "../../kvm/replay.js";
import { REPLAY_MSRS } from "../../rules/words.js";
import { findFeature } from "../../why/find-feature.js";
import { featureLayers } from "../../why/layers.js";
import { bitsOfFeature } from "../../why/run-part.js";
import { type ExplainContext, replayOptions } from "../context.js";
import type { Match } from "../match.js";
import { neverOffered } from "./feature-why.js";

/** Words for a feature that the tables of names do not have. */
const CALLED: readonly (readonly [words: RegExp, id: string])[] = [
  [/#ve\b/i, "ept-violation-ve"],
  [/a\/d/i, "ept-ad"],
  [/1[ -]?g/i, "ept-1gb"],
  [/execute[- ]only/i, "ept-execute-only"],
  [/^ept$|extended/i, "ept"],
  [/unrestricted/i, "unrestricted-guest"],
  [/^apic/i, "apicv"],
  [/shadow(?:ing| vmcs)/i, "vmcs-shadowing"],
  [/modification/i, "pml"],
  [/preemption/i, "preemption-timer"],
  [/trap/i, "mtf"],
  [/mode[- ]based/i, "mbec"],
  [/secondary/i, "secondary-controls"],
  [/bitmap/i, "msr-bitmaps"],
  [/posted/i, "posted-interrupts"],
  [/delivery/i, "virtual-interrupt-delivery"],
  [/nmi/i, "vnmi"],
  [/^true/i, "true-controls"],
  [/pause/i, "ple"],
  [/^ipi/i, "ipi-virt"],
];

/** A feature that a program missed: where it is, and at which layer the machine of the text loses it. */
export function decodeNamedFeature([{ groups }]: readonly [Match, ...Match[]], context: ExplainContext): Decoded {
  const name = groups.name ?? groups.name2 ?? "";
  const found = findFeature(CALLED.find(([words]) => words.test(name))?.[1] ?? name.replace(/s$/, ""));
  if (found.kind !== "one") return {};
  const { feature } = found;
  const bits: ExplainedBit[] = [];
  const { id, name: title, silicon } = feature;
  for (const [word, bit] of bitsOfFeature({ id, name: title, ...(silicon === undefined ? {} : { silicon }) })) {
    const [msr, half] = word.split(".");
    const index = (REPLAY_MSRS as { readonly [name: string]: number | undefined })[msr ?? ""];
    if (index !== undefined) bits.push(explainBit(index, half === "hi" && index >= 0x48c ? bit + 32 : bit, "named"));
  }
  const [first] = bits;
  const places = bits.map((one) => `${bitText(one)} of 0x${one.msr?.toString(16)}`);
  const where = first === undefined ? "" : ` It ${bits.length > 1 ? "needs" : "is"} ${listText(places)}.`;
  const open =
    feature.param === undefined
      ? "The CPU lacks it, or a hypervisor below hides it."
      : `The CPU lacks it, a hypervisor below hides it, or kvm_intel's parameter ${feature.param} is off.`;
  const never = first?.msr !== undefined && neverOffered(context, first.msr, first.bit) ? NEVER_OFFERED : "";
  const lost = lostAt(feature, context);
  return {
    what: `The text says that ${name} is missing.${where} ${lost === undefined ? `${open}${never}` : lost}`,
    bits,
    steps: [
      ...(first === undefined
        ? []
        : [
            {
              text: "Read the register; on a CPU whose name is known, the atlas answers, too.",
              commands: [`sudo modprobe msr; sudo rdmsr -a 0x${first.msr?.toString(16)}`],
            },
          ]),
      { text: "Ask which layer took it.", commands: [`vmxlens why ${feature.id} HOST`] },
    ],
  };
}

const NEVER_OFFERED = " KVM gives it to its guests in no release: in a guest of KVM no setting brings it.";

const AT = {
  silicon: "the CPU does not have it",
  firmware: "the firmware has VT-x off",
  boot: "Linux did not see it at boot",
  kvm: "KVM does not use it",
  param: "a parameter of KVM has it off",
} as const;

function lostAt(feature: Parameters<typeof featureLayers>[1], context: ExplainContext): string | undefined {
  const { host } = context;
  if (host === undefined) return undefined;
  const { lostAt: layer } = featureLayers(replay(host, replayOptions(context)), feature);
  return layer === undefined || layer === "nested" ? undefined : `On the machine of this text, ${AT[layer]}.`;
}

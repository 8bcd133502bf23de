import type { Decoded } from "../../../answers/answer.js";
import { formatU64 } from "../../../bits/u64.js";
import { describeMsr } from "../../../input/text/msr-names.js";
import { NOT_REPLAYED } from "../../../kvm/not-replayed.js";
import { mainlineRange, releaseOf } from "../../../rules/held.js";
import { holdsInNamed, surelyNotIn } from "../../../rules/held-in-named.js";
import { DROP_VMX } from "../../rows/shared-advice.js";
import { bitsFor, ruleFor } from "./set-msr-text.js";
import { askedFor, type SetMsr } from "./set-msr-why.js";

/** What one range of kernels is known to refuse. */
export function knownDefect({ index, asked, context }: SetMsr): Decoded | undefined {
  const { kernel, anywhere } = context;
  const shared = {
    bits: bitsFor({ index, asked, context }, { refused: [], fields: [] }),
    values: [{ name: "asked", value: formatU64(asked) }],
    rule: ruleFor({ index, asked, context }),
  };
  if (index === 0x491 && holdsInNamed(kernel, NOT_REPLAYED.vmfuncNotSet)) {
    const { since, until } = mainlineRange(NOT_REPLAYED.vmfuncNotSet.held);
    return {
      ...shared,
      what: `QEMU asked KVM to set ${describeMsr(index)} for the guest, and kernels from ${since} to ${until} show guests this register and cannot set it: KVM refuses every value.`,
      steps: [
        { text: `Use Linux ${releaseOf(NOT_REPLAYED.vmfuncNotSet.held.before)} or later on the host.` },
        DROP_VMX,
      ],
    };
  }
  const old = NOT_REPLAYED.synicTakesPosted;
  if ((index !== 0x48d && index !== 0x481) || !anywhere.has("synic") || surelyNotIn(kernel, old)) return undefined;
  if (!askedFor({ index, asked, context }, 7)) return undefined;
  return {
    ...shared,
    what: `QEMU asked KVM to set ${describeMsr(index)} for the guest, and KVM refused ${formatU64(asked)}. With SynIC (hv_synic), kernels before ${releaseOf(old.held.before)} take \`process posted interrupts\` (bit 7) away from a vCPU after QEMU has seen it.`,
    steps: [
      { text: `Use Linux ${releaseOf(old.held.before)} or later on the host.` },
      {
        text: "Until then leave one of the two out.",
        commands: ["-cpu host,hv_vpindex,hv_synic,-vmx-posted-intr", "-cpu host,hv_vpindex"],
      },
    ],
  };
}

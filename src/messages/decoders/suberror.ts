import type { Decoded } from "../../answers/answer.js";
import type { Advice } from "../../answers/message.js";
import { EVENT_PARTS, EXCEPTIONS, EXIT_REASONS } from "../../vmcs/fields/decode-tables.js";
import type { RegisterBlock } from "../../vmcs/stopped/register-block.js";
import type { ExplainContext } from "../context.js";
import type { Match } from "../match.js";
import { registerBlock } from "../register-block.js";
import { monitor, REAL_STEP } from "../rows/shared-advice.js";
import { NOT_VTX, OF_NESTED, ofBlock, TAKE_APIC } from "./internal-error/not-emulated.js";

const NOT_EMULATED =
  "KVM could not emulate an instruction of the guest (suberror 1). It emulates in real mode without unrestricted guest, and where the guest has no RAM that a CPU could run from. This is not a refused VM entry.";
const MEANINGS: { readonly [suberror: string]: string | undefined } = {
  2: "an event came while another one was delivered, with shadow page tables",
  3: "the guest exited while an event was being delivered to it, and KVM can resume delivery after a few exits only",
  4: "the CPU exited with a reason that this kernel has no handler for",
};

/** Where the words that say more are not in the text. */
function meaningOf(suberror: string, { anywhere }: ExplainContext): Decoded {
  return {
    what: `KVM gave up on the guest (suberror ${suberror}): ${MEANINGS[suberror]}. This is not a refused VM entry.`,
    onlyCauses: true,
    steps: [
      ...(suberror === "3" && anywhere.has("small-cores") ? [MICROCODE] : []),
      { text: "Give the lines `extra data` that follow: they say which event or exit it was." },
    ],
    onlySteps: true,
  };
}

/** Reports of Celeron J6412 and N5105 with Proxmox. */
const MICROCODE: Advice = {
  text: "Update the CPU's microcode: on such small CPUs (Celeron and Pentium J and N) guests were lost at random until it was new.",
  commands: ["grep -m1 microcode /proc/cpuinfo", "sudo apt install intel-microcode   # Debian: non-free-firmware"],
};

function unknownNumber(suberror: string): Decoded {
  return {
    what: `KVM gave up on the guest (suberror ${suberror}), with a number that KVM does not define: a patched kernel, or a test that overwrote it. This is not a refused VM entry.`,
    causes: [],
    onlyCauses: true,
    steps: [{ text: "Look for the number in the source of the kernel and of the program that run here." }],
    onlySteps: true,
  };
}

const WORDS_ALONE: Decoded = {
  gravity: "informs",
  what: "These are the words behind a line `KVM internal error. Suberror: N`, which says what they mean and is not in the text.",
  onlyCauses: true,
  steps: [{ text: "Give that line, too." }],
  onlySteps: true,
};

const TYPES = EVENT_PARTS.find(({ name }) => name === "type")?.values ?? {};

/** An event as IDT-vectoring and VM-exit interruption information hold it. */
export function eventText(word: bigint): string | undefined {
  if (((word >> 31n) & 1n) === 0n) return undefined;
  const vector = Number(word & 0xffn);
  const type = Number((word >> 8n) & 7n);
  const name = type === 3 ? EXCEPTIONS[vector] : undefined;
  return `${TYPES[type] ?? `event of type ${type}`} ${name ?? `with vector 0x${vector.toString(16)}`}`;
}

export const exitText = (word: bigint) =>
  `exit reason ${word & 0xffffn}${EXIT_REASONS[Number(word & 0xffffn)] === undefined ? "" : `, ${EXIT_REASONS[Number(word & 0xffffn)]}`}`;

/** What QEMU's machines for PCs have below 1 MByte and below 4 GByte that is not RAM. */
const isHole = (at: bigint): boolean =>
  (at >= 0xa0000n && at < 0x100000n) || (at >= 0xfe000000n && at < 0x1_0000_0000n);
/** Memory of a guest, as its command line has it; QEMU counts in MByte. */
const MEMORY = /(?:^|\s)-m (?:size=)?(\d{1,7})([MG]?)(?![\w.])/;
/** Whether a guest-physical address is surely none of its RAM. */
function isNoRam(at: bigint | undefined, { lines }: ExplainContext): boolean {
  if (at === undefined) return false;
  if (isHole(at)) return true;
  const given = lines(1, MOST_LINES).flatMap((line) => MEMORY.exec(line) ?? []);
  const [, size, unit] = given;
  return size !== undefined && at < 0xc0000000n && at >= BigInt(size) << (unit === "G" ? 30n : 20n);
}

/** An address in the page from which the CPU takes its page tables. */
const isOfCr3 = (at: bigint | undefined, block: RegisterBlock | undefined): boolean =>
  at !== undefined && block?.cr3 !== undefined && block.cr3 >> 12n === at >> 12n;

/** Where a CPU begins after a reset, with the paging of a guest that runs. */
const isHalfLoaded = (block: RegisterBlock | undefined): boolean =>
  block !== undefined && block.rip === 0xfff0n && (block.mode?.cr0 ?? 0) >>> 31 === 1;

const HALF_LOADED: Decoded = {
  what: "KVM gave up on the guest (suberror 3): its registers are of two states, as RIP is where a CPU begins after a reset while paging is on. QEMU loaded only a part of the state that came with the migration or the snapshot. No VM entry was refused, and no capability of VT-x is missing.",
  onlyCauses: true,
  steps: [
    { text: "Update QEMU where the guest arrives: later releases stop there, and name the part that KVM refused." },
  ],
  onlySteps: true,
};

const UPDATE_HOST: Advice = { text: "Update the host's kernel." };

/** Linux, handle_ept_misconfig: KVM marks memory that it emulates so. */
const EPT_MISCONFIGURATION = 49n;

/** What the extra data are, by suberror; the words behind these differ from release to release. */
const WORDS: {
  readonly [suberror: string]: (
    words: ReadonlyMap<number, bigint>,
    block: RegisterBlock | undefined,
    context: ExplainContext,
  ) => Decoded | undefined;
} = {
  2: (words) => {
    const [first, second] = [words.get(0), words.get(1)].map((word) =>
      word === undefined ? undefined : eventText(word),
    );
    if (first === undefined || second === undefined) return undefined;
    return {
      what: `KVM gave up on the guest (suberror 2): while one event was delivered to the guest (${first}), it met a second (${second}), with shadow page tables. This is not a refused VM entry.`,
      onlyCauses: true,
      steps: [
        {
          text: "See whether EPT is on: with it KVM does not end so. Where it is, update the host's kernel.",
          commands: ["cat /sys/module/kvm_intel/parameters/ept"],
        },
      ],
      onlySteps: true,
    };
  },
  3: (words, block, context) => {
    const event = eventText(words.get(0) ?? 0n);
    const reason = words.get(1);
    if (event === undefined || reason === undefined) return undefined;
    const at = words.get(3);
    const { anywhere } = context;
    // No exit has that bit: the entry would have failed, and KVM ends otherwise then.
    if (((reason >> 31n) & 1n) === 1n)
      return {
        what: `KVM gave up on the guest (suberror 3): it exited while an event was being delivered to it (${event}), and KVM can resume delivery after a few exits only. Its second word, 0x${reason.toString(16)}, has bit 31, which an exit that KVM reports here never has, so which exit it was stays open. No capability of VT-x is missing.`,
        onlyCauses: true,
        steps: [UPDATE_HOST],
        onlySteps: true,
      };
    if (isHalfLoaded(block) && (anywhere.has("moves") || anywhere.has("restored") || anywhere.has("migration")))
      return HALF_LOADED;
    if ((reason & 0xffffn) === EPT_MISCONFIGURATION && isNoRam(at, context))
      return {
        what: `KVM gave up on the guest (suberror 3): to deliver an event (${event}) the CPU had to use memory that is not RAM of the guest (${exitText(reason)}${at === undefined || at === 0n ? "" : `, at guest-physical address 0x${at.toString(16)}`}): its stack or a descriptor table lies where a device or nothing is. That is the guest's own state. This is not a refused VM entry, and no capability of VT-x is missing.`,
        onlyCauses: true,
        steps: [
          at !== undefined && isHole(at)
            ? {
                text: `Look in the guest for a stack that ran over, or for a jump to where no code is${block === undefined ? "" : "; ESP, EIP, GDT and IDT of the register block show where it was"}. No setting of the host changes that.`,
              }
            : {
                text: `See where the guest's memory ends${block === undefined ? "" : " and where it was (ESP, GDT and IDT of the register block)"}: it got less memory than it needs, or it jumped to where no code is.`,
                commands: [monitor("info mtree -f"), "-m 1G   # QEMU counts in MB where no unit is given"],
              },
        ],
        onlySteps: true,
      };
    if ((reason & 0xffffn) === EPT_MISCONFIGURATION && anywhere.has("cxl"))
      return {
        what: `KVM gave up on the guest (suberror 3): to deliver an event (${event}) the CPU used memory that KVM marks as a device's (${exitText(reason)}${at === undefined || at === 0n ? "" : `, at guest-physical address 0x${at.toString(16)}`}). ${isOfCr3(at, block) ? "It is the page that CR3 points to: the guest's own page tables are there. " : ""}QEMU's CXL memory is such memory: each access goes through QEMU, and KVM can run no code, no page tables and no stack from it. No capability of VT-x is missing.`,
        onlyCauses: true,
        steps: [
          {
            text: "Keep code and page tables of the guest out of it (leave it as a DAX device, and read and write data only), or emulate the CPU, too.",
            commands: ["daxctl reconfigure-device --mode=devdax dax0.0", "-accel tcg"],
          },
        ],
        onlySteps: true,
      };
    if ((reason & 0xffffn) === EPT_MISCONFIGURATION)
      return {
        what: `KVM gave up on the guest (suberror 3): to deliver an event (${event}) the CPU used memory that KVM marks as a device's, which KVM emulates (${exitText(reason)}${at === undefined || at === 0n ? "" : `, at guest-physical address 0x${at.toString(16)}`}), and KVM cannot emulate that delivery. ${isOfCr3(at, block) ? "It is the page that CR3 points to. " : ""}Where RAM of the guest is ${at === undefined ? "there" : "at that address"}, its mark is a defect of the host's KVM. No VM entry was refused.`,
        onlyCauses: true,
        steps: [
          at === undefined
            ? UPDATE_HOST
            : {
                text: "See what the guest has at that address; where it is RAM, update the host's kernel.",
                commands: [monitor("info mtree -f")],
              },
        ],
        onlySteps: true,
      };
    return {
      what: `KVM gave up on the guest (suberror 3): it exited with ${exitText(reason)}, while an event was being delivered to it (${event}), and KVM can resume delivery after a few exits only. This is not a refused VM entry, and no capability of VT-x is missing.`,
      causes: [
        {
          text: "Where delivery of an event does not cause such an exit on a CPU, KVM's own record of the event was wrong: APIC virtualization is where that happened before. Or the guest's descriptor tables or stack lie in memory that is emulated.",
          certainty: "possible",
        },
      ],
      onlyCauses: true,
      steps: [
        {
          text: "Update the host's kernel; to see whether APIC virtualization has to do with it, switch it off (no virtual machine may run).",
          commands: ["sudo modprobe -r kvm_intel && sudo modprobe kvm_intel enable_apicv=0"],
        },
      ],
      onlySteps: true,
    };
  },
  4: (words) => {
    const reason = words.get(0);
    if (reason === undefined) return undefined;
    if (reason >> 32n !== 0n) {
      return {
        what: `KVM gave up on the guest (suberror 4): its first word, 0x${reason.toString(16)}, is not an exit reason but a status of the TDX module, which does not run the trust domain any more. No capability of VMX is missing.`,
        onlyCauses: true,
        steps: [
          {
            text: "Look for what the host said before it: a machine check or a memory failure ends a trust domain.",
            commands: ["sudo dmesg | grep -iE 'mce|memory failure|seamcall|tdx'"],
          },
        ],
        onlySteps: true,
      };
    }
    return {
      what: `KVM gave up on the guest (suberror 4): this kernel has no handler for ${exitText(reason)}. This is not a refused VM entry.`,
      onlyCauses: true,
      steps: [{ text: "Use a later kernel on the host, one that knows this exit." }],
      onlySteps: true,
    };
  },
};

/** KVM gave up on the guest: what the words behind it and the register block in the same text say about it. */
export function decodeSuberror(matches: readonly [Match, ...Match[]], context: ExplainContext): Decoded {
  const suberror = matches.map(({ groups }) => groups.suberror ?? groups.suberror2).find((one) => one !== undefined);
  if (suberror === undefined) return WORDS_ALONE;
  const words = new Map(
    matches.flatMap(({ groups: { index, word } }): [number, bigint][] =>
      index === undefined || word === undefined ? [] : [[Number(index), BigInt(`0x${word}`)]],
    ),
  );
  const decoded = WORDS[suberror]?.(words, registerBlock(context), context);
  if (decoded !== undefined) return decoded;
  if (suberror !== "1")
    return MEANINGS[suberror] === undefined ? unknownNumber(suberror) : meaningOf(suberror, context);
  const block = registerBlock(context);
  if (block !== undefined) return ofBlock(block, context);
  const nested = context.circumstances.has("nested on") || context.circumstances.has("said to have nested on");
  if (isUnrestricted(context)) {
    return {
      what: `KVM could not emulate an instruction of the guest (suberror 1). Unrestricted guest is on by the text, so real mode is not the reason: it emulates where the guest uses memory other than RAM. ${NOT_VTX}${nested ? ` ${OF_NESTED}` : ""}`,
      onlyCauses: true,
      steps: [...(nested ? TAKE_APIC : []), GIVE_BLOCK],
      onlySteps: true,
    };
  }
  return nested
    ? { what: `${NOT_EMULATED} ${OF_NESTED}`, steps: [...TAKE_APIC, REAL_STEP], onlySteps: true }
    : { what: NOT_EMULATED, steps: [REAL_STEP, GIVE_BLOCK], onlySteps: true };
}

const GIVE_BLOCK: Advice = {
  text: "Give the register block that QEMU prints behind it: RIP and the bytes at Code= say which instruction it was.",
  instead: {
    is: "a program of its own on KVM",
    text: "Print RIP and CS (KVM_GET_REGS, KVM_GET_SREGS) and the bytes there: they say which instruction it was.",
  },
};

/** The secondary controls of KVM's vmcs_config, or the parameter, have unrestricted guest. */
function isUnrestricted({ lines }: ExplainContext): boolean {
  return lines(1, MOST_LINES).some((line) => {
    const controls = /\bcpu_based_2nd_exec_ctrl\s{0,4}[:=]\s{0,4}0x(?<word>[0-9a-f]{1,8})\b/.exec(line)?.groups?.word;
    return (
      (controls !== undefined && ((Number.parseInt(controls, 16) >>> 7) & 1) === 1) ||
      /\bunrestricted_guest\b[^\w\n]{1,12}[Y1]\b/.test(line)
    );
  });
}
const MOST_LINES = 5_000;

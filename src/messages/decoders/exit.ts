import { type Decoded, type NamedValue, sinceText } from "../../answers/answer.js";
import { comesAlways, EXIT_ADVICE, withoutShown } from "../../answers/exit-advice.js";
import type { Step } from "../../answers/message.js";
import { formatU64, parseHexU64, type U64 } from "../../bits/u64.js";
import { kvmExit } from "../../kvm/run-exits.js";
import { ENTRY_FAILURE_QUALIFICATIONS, EXIT_REASONS } from "../../vmcs/fields/decode-tables.js";
import { deviceText } from "../../vmcs/fields/devices.js";
import { eptViolationText, qualificationText, qualificationValue } from "../../vmcs/fields/exit-qualification.js";
import type { Vmcs } from "../../vmcs/state.js";
import { eptEntryFault } from "../../vmcs/stopped/ept-entries.js";
import { exact } from "../../vmcs/value64.js";
import type { ExplainContext } from "../context.js";
import type { Match } from "../match.js";
import { auditOf } from "./audit.js";
import { codeOf, entryFailure, ofOthers, pointedTo } from "./entry.js";
import { eventText } from "./suberror.js";

const MOST_LINES = 200;

// ---- exit reason n ----

export function decodeExitReason([match]: readonly [Match, ...Match[]], context: ExplainContext): Decoded {
  const { groups, row } = match;
  // A row of words alone has sentences of its own.
  const given = groups.code ?? groups.code2 ?? groups.code3 ?? groups.code4;
  if (row.id === "any-exit" && given === undefined) return {};
  const written = given ?? (groups.raw === undefined ? undefined : `0x${groups.raw}`);
  const code = written === undefined ? 0x8000_0021 : codeOf(written);
  if (code === undefined) return {};
  const reason = code & 0xffff;
  const failed = code >>> 31 === 1 || ENTRY_FAILURES.includes(reason);
  const qualification = codeOf(groups.qualification) ?? (failed ? qualificationNear(match, context)?.lo : undefined);
  const extra: NamedValue[] =
    qualification === undefined
      ? []
      : [
          {
            name: "exit qualification",
            value: `${qualification}${reason === 33 ? ` (${ENTRY_FAILURE_QUALIFICATIONS[qualification] ?? "undefined"})` : ""}`,
          },
        ];
  if (failed) {
    const isOfKvm = row.product === "KVM" || row.product === "KVM user space";
    const decoded = isOfKvm ? pointedTo(entryFailure(reason), context) : ofOthers(reason);
    const entry =
      qualification === undefined
        ? ""
        : reason === 34
          ? ` Here it is entry ${qualification}.`
          : reason === 33
            ? (CHECKED[qualification] ?? "")
            : "";
    return auditOf(context, (0x8000_0000 | reason) >>> 0, {
      ...decoded,
      ...(entry === "" ? {} : { what: `${decoded.what ?? ""}${entry}` }),
      ...(row.id === "any-exit" ? { onlySteps: true } : {}),
      values: [...(decoded.values ?? []), ...extra],
    });
  }
  const words = EXIT_REASONS[reason];
  const near = qualificationNear(match, context);
  const decodedQualification = near === undefined ? undefined : qualificationText(reason, near);
  const values = [
    { name: "exit reason", value: `${reason}: ${words ?? "undefined"}` },
    ...(near === undefined || decodedQualification === undefined
      ? extra
      : [{ name: "exit qualification", value: qualificationValue(reason, near) }]),
  ];
  const advice = adviceOn(reason, isEpt(reason) && addressIn(match, context) !== undefined, near !== undefined);
  const other = notOfCpu(reason, match, context);
  if (other !== undefined) return other;
  if (/un(?:expected|handled|known|supported)/i.test(match.text))
    return {
      ...unhandledExit(reason, words, row.product),
      ...(row.id === "any-exit" && reason !== 2
        ? { onlySteps: true, steps: [...(advice.steps ?? []), ...(comesAlways(reason) ? [] : HANDLE_IT)] }
        : {}),
      values,
    };
  return {
    ...advice,
    what:
      words === undefined
        ? `Exit reason ${reason} is not defined.`
        : `Exit reason ${reason} (0x${reason.toString(16)}) is ${words}: an ordinary VM exit, no failed entry.${decodedQualification === undefined ? "" : ` The exit qualification says: ${decodedQualification}.`}${comesOf(reason)}${isEpt(reason) ? addressNear(match, context) : ""}${reason === 49 ? faultNear(context) : ""}${reason === 0 ? eventNear(context) : ""}`,
    gravity: "informs",
    values,
  };
}

/** What a failed entry with reason 33 found by its qualification, where that names one check. */
const CHECKED: { readonly [qualification: number]: string } = {
  2: " Here the qualification is 2: a PDPTE has reserved bits set (PAE paging).",
  3: " Here the qualification is 3: an NMI was to be injected while STI blocks events.",
  4: " Here the qualification is 4: the VMCS link pointer (0x2800) is not valid. Without VMCS shadowing it has to be all ones, FFFFFFFF_FFFFFFFFH.",
};

/** A program that asks KVM to run a guest has its reasons from KVM; kernel code, and what reads a VMCS, has the CPU's. */
const OF_KVM_RUN = /\bKVM_RUN\b|\bKVM_EXIT_(?!REASON)[A-Z]|\bkvm_run\b|\bstruct kvm_(?:regs|sregs)\b|\bKVM API\b/;
const OF_VMCS = /\bVMCS\b|\bvmread\b|\b0x4402\b|\bkvm_exit:|\bVM[- ]?Exit Reason\b|\bexit_handler/i;
const OF_ANY: ReadonlySet<string> = new Set(["any-exit", "vmx-exit-reason"]);

/** A number that looks like an exit reason and is none of the CPU's. */
function notOfCpu(reason: number, { text, line, last, row }: Match, context: ExplainContext): Decoded | undefined {
  const all = OF_ANY.has(row.id) ? context.lines(1, MOST_LINES).join("\n") : "";
  const exit = OF_KVM_RUN.test(all) && !OF_VMCS.test(all) ? kvmExit(reason) : undefined;
  if (exit !== undefined)
    return {
      what: `As what KVM_RUN gives back, ${reason} is ${exit.name}: KVM has numbers of its own, and they are not the CPU's exit reasons.${exit.stops ? exit.means : " VM entries work."}`,
      ...(reason === FAIL_ENTRY || !exit.stops ? { gravity: "informs" as const } : {}),
      onlyCauses: true,
      steps: exit.stops ? [PRINT_RUN] : [],
      onlySteps: true,
    };
  const [below = ""] = context.lines(last + 1, last + 1);
  if (/^unhandled vm exit: 0x/.test(text) && !/vcpu_id/.test(line) && /^rax [0-9a-f]{16} rbx /.test(below))
    return {
      what: `The user space of an old KVM (kvm-NN, up to 2010) came back from KVM_RUN with KVM's own reason ${reason} (${kvmExit(reason)?.name ?? "unknown"}) and had no code for it: it is older than the kernel's module, or was built without that part. The number is none of the CPU's exit reasons; VT-x works.`,
      onlyCauses: true,
      steps: [{ text: "Use the QEMU of a current distribution with its own kernel." }],
      onlySteps: true,
    };
  if (reason === 0 && /\binstruction[- ]error\W{1,3}(?:0x)?0+\b/i.test(line))
    return {
      what: "The exit reason is 0, as is the VM-instruction error: no exit was recorded there, or no VMCS was current when the fields were read.",
      onlyCauses: true,
      onlySteps: true,
    };
  return undefined;
}

const FAIL_ENTRY = 9;
const PRINT_RUN: Step = {
  text: "Print what struct kvm_run has beside it, and the registers (KVM_GET_REGS, KVM_GET_SREGS), and give that.",
};

/** The exit qualification that is printed with an exit: in the same line or in the few around it. */
function qualificationNear({ first, last, line, groups }: Match, context: ExplainContext): U64 | undefined {
  const beside = groups.qualification;
  const text =
    (beside === undefined ? undefined : `qualification ${beside}`) ??
    [line, ...context.lines(last + 1, last + 8), ...context.lines(first - 4, first - 1)].find((one) =>
      QUALIFICATION.test(one),
    );
  const found = text === undefined ? undefined : QUALIFICATION.exec(text)?.groups;
  const number = found?.value ?? found?.value2;
  if (number === undefined) return undefined;
  return parseHexU64(number.startsWith("0x") ? number.slice(2) : Number(number).toString(16));
}

const QUALIFICATION =
  /\bexit[ _]?qual\w{0,20}[^\n]{0,60}?(?<value>0x[0-9a-f]{1,16}|\b\d{1,10}\b)|\bqual(?:ification)?\s{0,3}[:=]?\s{0,3}(?<value2>0x[0-9a-f]{1,16})/i;

const ADDRESS =
  /\b(?:guest[-_ ]?phys(?:ical)?(?:[-_ ]?addr(?:ess)?)?|GPA)\b[^\n0-9]{0,20}(?:0x)?(?<high>[0-9a-f]{0,8}?)(?<low>[0-9a-f]{4,8})\b/i;

/** The guest-physical address that is printed with an exit. */
function addressIn({ first, last, line }: Match, context: ExplainContext): U64 | undefined {
  for (const one of [line, ...context.lines(last + 1, last + 8), ...context.lines(first - 4, first - 1)]) {
    const { high = "", low = "" } = ADDRESS.exec(one)?.groups ?? {};
    if (low !== "") return { lo: Number.parseInt(low, 16) >>> 0, hi: high === "" ? 0 : Number.parseInt(high, 16) };
  }
  return undefined;
}

/** The same as a sentence, where a PC has a device there. */
function addressNear(match: Match, context: ExplainContext): string {
  const address = addressIn(match, context);
  const device = address === undefined ? "" : deviceText(address);
  return address === undefined || device === "" ? "" : ` The guest-physical address is ${formatU64(address)}${device}.`;
}

const HANDLE_IT: readonly Step[] = [
  {
    text: "Handle the exit, or take away what makes it: the control, or the feature that the guest's CPUID shows.",
    commands: ["vmxlens controls HOST --want NAMES"],
  },
];

/** `address` and `qualification`: the text has them. */
function adviceOn(reason: number, address: boolean, qualification: boolean): Pick<Decoded, "causes" | "steps"> {
  const { causes = [], steps = [] } = EXIT_ADVICE[reason] ?? {};
  return {
    causes: causes.map((text) => ({ text, certainty: "possible" as const })),
    steps: steps.map((step) => withoutShown(step, address, qualification)),
  };
}

/** What a list of fields says about the ordinary exit that it was printed after. */
export function exitShown(fields: Vmcs["fields"]): Pick<Decoded, "what" | "steps"> | undefined {
  const of = (encoding: number) => {
    const value = fields.get(encoding);
    return value === undefined ? undefined : exact(value);
  };
  const { lo: reason } = of(EXIT_REASON) ?? { lo: 0 };
  const words = EXIT_REASONS[reason];
  // 0 is what a field has that was never written.
  if (reason === 0 || words === undefined || ENTRY_FAILURES.includes(reason)) return undefined;
  const qualification = of(QUALIFICATION_FIELD);
  const means = qualification === undefined ? undefined : qualificationText(reason, qualification);
  const { lo = 0, hi = 0 } = (isEpt(reason) ? of(GUEST_PHYSICAL) : undefined) ?? {};
  const says = [
    `Exit reason ${reason} (0x${reason.toString(16)}): ${words}, an ordinary VM exit.`,
    ...(means === undefined ? [] : [`The exit qualification says: ${means}.`]),
    ...(lo === 0 && hi === 0
      ? []
      : [`The guest-physical address is ${formatU64({ lo, hi })}${deviceText({ lo, hi })}.`]),
  ];
  return { what: says.join(" "), ...adviceOn(reason, lo !== 0 || hi !== 0, means !== undefined) };
}

const EXIT_REASON = 0x4402;
const QUALIFICATION_FIELD = 0x6400;
const GUEST_PHYSICAL = 0x2400;
const ENTRY_FAILURES: readonly number[] = [33, 34, 41];
const isEpt = (reason: number) => reason === 48 || reason === 49;

/** By which control or rule the exit comes, as a sentence after others. */
function comesOf(reason: number): string {
  const comes = EXIT_ADVICE[reason]?.comes;
  return comes === undefined ? "" : ` ${comes}`;
}

// ---- EPT violation, EPT misconfiguration ----

/** The two exits of EPT in words, with their exit qualification. */
export function decodeEptExit([match]: readonly [Match, ...Match[]], context: ExplainContext): Decoded {
  const word = match.groups.what ?? match.groups.what2 ?? match.groups.what3 ?? match.groups.what4;
  if (word === undefined) return {};
  const reason = /^misconf/i.test(word) ? 49 : 48;
  const qualification = reason === 48 ? qualificationNear(match, context) : undefined;
  const means =
    reason === 49
      ? "An EPT misconfiguration (exit reason 49): an EPT entry on the way to the guest-physical address has a value that the CPU calls invalid, whatever the access was. VM entries work."
      : "An EPT violation (exit reason 48): the guest touched memory for which its EPT has no entry with the right, and the hypervisor did not resolve it. VM entries work.";
  return {
    ...adviceOn(reason, addressIn(match, context) !== undefined, qualification !== undefined),
    onlyCauses: true,
    onlySteps: true,
    what: `${means}${qualification === undefined ? "" : ` The exit qualification says: ${eptViolationText(qualification)}.`}${addressNear(match, context)}${reason === 49 ? faultNear(context) : ""}`,
    ...(qualification === undefined
      ? {}
      : { values: [{ name: "exit qualification", value: qualificationValue(reason, qualification) }] }),
  };
}

const EVENT =
  /\b(?:VM_?EXIT_)?(?:INTR_INFO|INTERRUPTION[_ -]INFO\w{0,12}|intr[_ ]info|interruption info\w{0,12})\b\W{1,6}(?:0x)?(?<word>8[0-9a-f]{7})\b/i;

/** What the exception or NMI was, by the interruption information that is printed with it. */
function eventNear({ lines }: ExplainContext): string {
  const word = EVENT.exec(lines(1, MOST_LINES).join("\n"))?.groups?.word;
  const event = word === undefined ? undefined : eventText(BigInt(`0x${word}`));
  return event === undefined ? "" : ` The interruption information 0x${word} is ${event}.`;
}

/** Of the entries that are printed with it, as a sentence. */
function faultNear({ lines }: ExplainContext): string {
  const fault = eptEntryFault(lines(1, MOST_LINES).join("\n"));
  return fault === undefined ? "" : ` The text shows why: ${fault}`;
}

function unhandledExit(reason: number, words: string | undefined, product: string): Decoded {
  return {
    what: `A VM exit with reason ${reason} (${words ?? "not defined"}) came, and ${product === "VMX" ? "the hypervisor" : product} has no handler for it${product === "VMX" ? "" : ": the virtual machine is stopped"}.${reason === 3 && product === "KVM" ? INIT_SENT : ""}${comesOf(reason)}`,
    ...(reason === 3 && product === "KVM" ? { steps: [LAST_WORDS] } : {}),
    causes: [
      ...(reason === 3
        ? []
        : (EXIT_ADVICE[reason]?.causes ?? []).map((text) => ({ text, certainty: "likely" as const }))),
      ...(reason === 3
        ? [
            {
              text: "An INIT signal reached the CPU while it ran a guest: another CPU, the firmware or a crash dump was resetting the machine.",
              certainty: "likely" as const,
            },
          ]
        : comesAlways(reason)
          ? []
          : [
              {
                text: "The control or the guest-visible feature that makes this exit possible is on and the hypervisor does not know of it: a patched module, a control that must be 1 on this CPU, or a hypervisor older than the CPU.",
                certainty: "possible" as const,
              },
            ]),
    ],
    ...(product === "VMX"
      ? {}
      : {
          rule: {
            fn: product === "KVM" ? "vmx_handle_exit" : "VM exit handler",
            ...(product === "KVM" ? { file: "arch/x86/kvm/vmx/vmx.c" } : {}),
            says: "An exit reason without a handler goes to user space as an internal error.",
            since: product === "KVM" ? sinceText(undefined) : product,
          },
        }),
  };
}

/** Kvm mailing list, 2024: what Linux sends is for CPUs that do not run guests. */
const INIT_SENT =
  " The guest does not cause it: something on the host sent INIT to that CPU, as firmware does that takes the CPUs over, or a kernel that crashed and starts another one.";
const LAST_WORDS: Step = {
  text: "Look for what failed first: the last lines of the other CPUs, what the firmware logged, and whether a crash dump began.",
  commands: ["journalctl -b -1 -k | tail -200; sudo ipmitool sel list; ls /var/crash"],
};

import { answer, type TextVerdict } from "../../../../answers/answer.js";
import { svmNamed } from "../../../../input/text/svm-named.js";

/*
 * The CPU that a guest is given, where a program in it misses more than it has, and what libvirt notes of it. Facts: QEMU,
 * docs/system/cpu-models-x86; libvirt, src/conf/domain_conf.c (virDomainTaintType).
 */

type Says = Omit<TextVerdict, "covers">;

const LACKS =
  /\bCPU (?:does not support|ISA level is lower than required|must support|requires|lacks)(?: the)? ?(?<what>x86-64-v[234]|AVX(?:2|-?512\w{0,3})?|SSE4[._]?[12]|POPCNT)?(?: (?:support|instructions?))?\b/i;
/** Models that show no more than the first CPUs with 64 bits did. */
const PLAIN = /\b(?:qemu64|kvm64|qemu32|kvm32)\b|\bCommon KVM processor\b|\bQEMU Virtual CPU\b/i;

/** A program asks for what the CPU of its guest does not show. */
function lacksLevel(text: string): Says | undefined {
  const found = LACKS.exec(text);
  if (found === null) return undefined;
  const plain = PLAIN.exec(text)?.[0];
  if (plain === undefined && !/\bx86-64-v[234]\b|\bISA level\b/i.test(found[0])) return undefined;
  return answer(
    `"${found[0]}": the program asks for features that the CPU it sees does not show${
      plain === undefined
        ? ". In a virtual machine the CPU model that it was given decides that (QEMU's default qemu64 and Proxmox VE's kvm64 show little more than the first 64-bit CPUs); on hardware the CPU is too old"
        : `, and the CPU model in the text (${plain}) shows little more than the first 64-bit CPUs, whatever the host has`
    }. VT-x has no part in that.`,
    [
      {
        text: "Give the guest the host's CPU, or a model that has them; then shut it down and start it.",
        commands: ["-cpu host", "<cpu mode='host-model'/>", "qm set VMID --cpu x86-64-v2-AES"],
      },
    ],
  );
}

const TAINTED = /\bDomain id=\d{1,8}\b[^\n]{0,200} is tainted: (?<why>[a-z-]{3,30})/g;
const MEANS: { readonly [why: string]: string } = {
  "host-cpu": "the guest is given the host's CPU as it is (host-passthrough)",
  "high-privileges": "QEMU runs as root",
  "custom-argv": "the definition has arguments for QEMU of its own",
  "custom-monitor": "its monitor was used by hand",
};
const FAILS = /\b(?:errors?|fail\w{0,4}|cannot|could not|unable|crashed|invalid)\b|错误|失败/i;

/** libvirt's note of a guest with which its developers help less, and nothing that failed. */
function tainted(text: string): Says | undefined {
  const names = [...new Set([...text.matchAll(TAINTED)].map(({ groups }) => groups?.why as string))];
  const known = names.filter((name) => name in MEANS);
  return known.length === 0 || FAILS.test(text)
    ? undefined
    : answer(
        `A note of libvirt's, and no error: it marks a guest that runs with something its developers help less with. ${known.map((name) => `${name}: ${MEANS[name]}`).join("; ")}.`,
        [],
      );
}

const BLOCKED = /\bState blocked by non-migratable CPU device \((?<why>[\w -]{3,30}?)(?: flag)?\)/;

/** QEMU, target/i386/kvm/kvm.c (invtsc_mig_blocker): a guest whose CPU must not move. */
function blockedByCpu(text: string): Says | undefined {
  const why = BLOCKED.exec(text)?.groups?.why;
  return why === undefined
    ? undefined
    : answer(
        `The guest's CPU has ${why}, with which QEMU moves, saves and snapshots no running guest${why === "invtsc" ? ", as the TSC of another host has another rate" : ""}. VMX has no part in that.`,
        why === "invtsc"
          ? [
              {
                text: "Take it from the guest's CPU, and start it again; or, between hosts that can keep it, say at which rate the TSC runs.",
                commands: [
                  "-cpu MODEL,-invtsc",
                  "<feature policy='disable' name='invtsc'/>",
                  "-cpu MODEL,tsc-frequency=HZ",
                ],
              },
            ]
          : [],
      );
}

const NESTED_SVM = /\bkvm(?:_amd)?: Nested Virtualization enabled\b/;

/** Linux, arch/x86/kvm/svm/svm.c (svm_hardware_setup): a log in which nothing is wrong. */
const svmLoaded = (text: string): Says | undefined =>
  NESTED_SVM.test(text) && !FAILS.test(text)
    ? answer(
        "kvm_amd is loaded, so AMD-V (SVM) is on, and its parameter nested is, too: guests that are given svm can run guests of their own.",
        [],
      )
    : undefined;

const GIVES_VMX =
  /\bhost-passthrough\b|-cpu (?:host(?![-\w])(?!\S{0,80}(?:-vmx\b|vmx=off))|[\w.-]{1,40}\S{0,60},(?:\+vmx\b|vmx=on\b))|--cpu host(?![-\w])|\bcpu(?: ?(?:type|model|mode))?(?: is|:|=|\s?→)(?: set to)? {0,2}["'`]?host["'`]?(?![-\w])|<feature policy=['"](?:require|force|optional)['"] name=['"]vmx['"]/i;
const IN_GUEST =
  /\b(?:in(?:side)?|within|on|from) (?:of )?(?:the|my|a|this|that) (?:\w{2,12} )?(?:guests?|VMs?|virtual machines?|L1)\b|\b(?:guest|VM|virtual machine)(?: itself)? (?:has|shows?|sees|does|do|did|gets|lacks|starts|boots|runs)\b|\binside\b|\b(?:vm|guest) ?\d{0,5}:/i;
const ON_HOST = /\b(?:on|of) (?:the|my|this) host\b[^\n.]{0,40}\bno vmx\b|\bhost (?:has|shows) no\b/i;
const NESTED_IS =
  /\bnested\b[^\n.]{0,60}?(?:\b(?:on|enabled|true)\b|[=:\s](?<yes>Y|1)\b)|\bnested\s{0,3}\n\s{0,4}[Y1]\s/i;
const NESTED_OFF = /\bnested\s{0,3}[=:\n]?\s{0,3}(?:N|0|off|disabled)\b/i;
const OTHERS = /\b(?:VMware|vSphere|ESXi?|VirtualBox|Hyper-V|Azure|AWS|EC2|GCP|Parallels|Xen|bhyve|WSL)\b/i;

/** A guest that is configured with the host's CPU, or with vmx, and shows none. */
export function notGiven(text: string, messages: readonly string[]): TextVerdict | undefined {
  if (messages.length === 0 || !messages.every((message) => message === "any-no-flag")) return undefined;
  const given = [...text.matchAll(/(?<![\w-])-cpu ["']?([A-Za-z][\w.,=+-]{2,200})/g)].map(([, cpu]) => cpu as string);
  if (given.some((cpu) => !/^(?:host|max)\b(?!-)|[+,]vmx\b|\bvmx=on\b/.test(cpu))) return undefined;
  const gives = GIVES_VMX.exec(text)?.[0];
  if (gives === undefined || !IN_GUEST.test(text) || ON_HOST.test(text) || OTHERS.test(text)) return undefined;
  if (svmNamed(text) !== undefined || NESTED_OFF.test(text)) return undefined;
  const old = /\b-?enable-nesting\b|\b20(?:09|10)-\d\d-|\b2011-0[1-9]-/.test(text);
  const isOn = NESTED_IS.test(text);
  const started =
    "the guest was not shut down and started since it got this CPU (a restart from inside keeps the old one), or the definition that runs is another one";
  return {
    ...answer(
      `The guest is to have VMX by its configuration ("${gives}"), and shows no vmx. ${
        old
          ? "In those years KVM gave guests on Intel no VMX at all: nested VMX came with Linux 3.1, and -enable-nesting is for AMD's SVM."
          : isOn
            ? `With nested on in the host's kvm_intel, what is left is that ${started}, or that QEMU runs it without KVM.`
            : `Either KVM offers guests none, because nested of the host's kvm_intel is off, or ${started}.`
      } The firmware's VT-x is on where KVM runs it.`,
      [
        ...(old
          ? [{ text: "Use a later kernel and QEMU on the host; nested is a parameter of kvm_intel there." }]
          : [
              ...(isOn
                ? []
                : [
                    {
                      text: "On the host, switch nested on; no virtual machine may run meanwhile.",
                      commands: [
                        "cat /sys/module/kvm_intel/parameters/nested",
                        "sudo modprobe -r kvm_intel && sudo modprobe kvm_intel nested=1",
                      ],
                    },
                  ]),
              {
                text: "Shut the guest down and start it; then see which CPU the running one was given.",
                commands: ["ps aux | grep -oE -- '(qemu|kvm)[^ ]* .*-cpu [^ ]+' | grep -oE -- '-cpu [^ ]+'"],
              },
            ]),
      ],
    ),
    covers: messages,
  };
}

export const givenCpu = (text: string): Says | undefined =>
  lacksLevel(text) ?? tainted(text) ?? blockedByCpu(text) ?? svmLoaded(text);

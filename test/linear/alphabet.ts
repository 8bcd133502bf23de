import { READERS } from "../../src/input/formats/registry.js";
import { SHORT_TEXTS } from "../input/formats-in-short.js";

/*
 * What the texts of the sweep are made of: characters and words that mean something to a reader, and the lines of a short
 * text in every format.
 */

/** Fails to end anything that may only be followed by blanks or the end of a line. */
export const LETTER = "x";

export const BLANKS = [
  ..." \t\r\n\f\u2028\u2029\u00a0\u200b\ufeff",
  " \t",
  " \r",
  "\r\n",
  "\u001b[",
  "\u001b[0m",
  "\u001b]",
];

const MARKS = [
  ...`=><|&[]{}()"'\`*_-.,:;/\\#$%~+?!^@`,
  ..."=3D,=20,=\n,=E2=80,> ,| ,&gt;,&lt;,&amp;,<a ,<pre>,</a>,<!--,-->,'',```,**,***,__,- ,..,: ,->,//".split(","),
  ...["\\\\", "\\n", "\\u0022", '\\"', "\\x1b[", "[[", '{"', '":', "{[", "],", "},", ", "],
];

const DIGITS = [
  ..."01faZx",
  ..."0x;0 ;1 ;a ;0x48b;0x48b ;0x0000048b;48b:;0x6802;0000048BH;1.;1-;1,;0-1,;0x1 ;00000000 ".split(";"),
  ..."12:34:56 ;[    0.000000] ;<6>;2024-01-01 00:00:00 ;Nov 28 12:00:00 ;host kernel: ".split(";"),
];

const WORDS = [
  ..."flags:;flags : ;vmx flags\t: ;processor\t: 0;hypervisor ;svm;MSR(48BH).vmx-x ;MSR(48BH);vmx-;vmx-a-;-a;vmx ".split(
    ";",
  ),
  ..."VMX ;kvm;kvm: ;kvm_intel: ;kernel: ;Linux version 5.;Linux ;msr ;rdmsr ;wrmsr ;rdmsr -p 1 0x48b ".split(";"),
  ..."MSR_IA32_VMX_;IA32_VMX_BASIC ;VMCS_;GUEST_;GUEST_CR0 ;GUEST_CR0=;CPU_BASED_X ;VM_EXIT_;VM-Exit controls ".split(
    ";",
  ),
  ..."exit reason ;CPUID 00000001: ;CPU 0: ;CPU0: ;EAX=;RAX=00000000 ; RBX=;rax=0000000000000000 rbx=;haxm_x: ".split(
    ";",
  ),
  ..."*** Guest State ***;*** Control State ***;CR0: actual=0x;(XEN) ;d1v0 ;VCPU 1 ;Guest CPUM;-cpu ;a=off,".split(";"),
  ..."<feature policy='disable' name=';modprobe ;options kvm_intel ;nested=1 ;VERR_;VERR_VMX_NO_VMX ;VT-x: ".split(";"),
  ..."hyper-v;virtualbox;vmware;Features2=0x;HM: MSR_IA32_;Hst: ;true;null;0x480,;0x480:;off:;required:;exit/;pin.".split(
    ";",
  ),
  ...['"a":0,', '"a":{', '{"a":', "doesn't support requested feature: ", "failed to set MSR 0x48b to 0x", "at "],
  ..."unexpected exit reason 0x;hardware error 0x;invalid guest state (;error: ;Error ;code=0x;qemu-system-x86_64: ".split(
    ";",
  ),
  ..."Traceback;is not supported ;not found ;Not tainted ;Call Trace:;Hardware name: ;uname -r ".split(";"),
];

const each = (texts: readonly string[]) => [...new Set(texts)].filter((text) => text !== "");

/** Words by which readers know their lines. */
const OWN = READERS.flatMap((reader) => {
  if (reader.kind === "facts") return reader.words ?? [];
  return reader.kind === "xml" ? reader.elements.map((name) => `<${name} `) : [];
});

export const ALPHABET: readonly string[] = each([...BLANKS, ...MARKS, ...DIGITS, ...WORDS, ...OWN]);

/** What a pattern most often repeats. */
export const REPEATED: readonly string[] = [" ", "\r", "0", "a", "a,", "-"];
export const REPEATED_TOO: readonly string[] = [
  ...REPEATED,
  ...'\t\n\u2028_.=:(["\\',
  ..."0 ;a ;a.;a-;a=0,;: ;, ;\\n;A".split(";"),
];

export const LINES: readonly string[] = each(
  Object.values(SHORT_TEXTS).flatMap((text) => text.split("\n").map((line) => line.slice(0, 200))),
);

/** The beginnings of those lines, up to each mark and blank. */
export const BEGINNINGS: readonly string[] = each(
  LINES.flatMap((line) =>
    [...line.matchAll(/[\s:=([,"']{1,8}/g)]
      .slice(0, 12)
      .map(({ index, 0: mark }) => line.slice(0, index + mark.length)),
  ),
);

import { answer, type TextVerdict } from "../../answers/answer.js";
import { NOT_REPLAYED } from "../../kvm/not-replayed.js";
import { releaseOf } from "../../rules/held.js";
import { EXIT_REASONS } from "../../vmcs/fields/decode-tables.js";

/*
 * Failing tests of kvm-unit-tests: a small hypervisor that runs in a guest, and so tests KVM's nested VMX.
 */

const TESTS =
  /\bkvm-unit-tests?\b|\bx86\/vmx_tests\.c:\d|^(?:FAIL|SUMMARY: \d{1,7} tests)\b[^\n]{0,80}\bvmx|\bfilter = \w{2,40}, test = /m;
const FAILS = /^[\s>]{0,8}FAIL\b|\bAssertion failed\b|\bunexpected failures\b/im;
const EXPECTED = /\bExpected VMX_\w{2,40}, got VMX_\w{2,40}/i;
const GOT = /\bUnexpected exit to L1, exit_reason: VMX_\w{2,40} \(0x[0-9a-f]{1,4}\)/i;
/** What the test prints: expected and met, each with its number. */
const NUMBERS =
  /\bLHS: 0x0{0,14}(?<want>[0-9a-f]{1,2})\b[^\0]{0,160}?\bRHS: 0x0{0,14}(?<got>[0-9a-f]{1,2})\b[^\0]{0,160}?\bExpected VMX_/i;
/** CR3 with bit 61 or 62 set, which a test written before LAM expects VM entry to reject. */
const LAM = /\bHOST_CR3 [246]0{3}[0-9a-f]{12}: vmlaunch fails/i;

/** Linux, tools/testing/selftests/kvm: what the tests of nested VMX ask of KVM before they run. */
const SKIPPED = /\bRequirement not met: kvm_cpu_has\(X86_FEATURE_VMX\)|\bnested VMX not enabled, skipping test\b/;

/** Undefined where no test of them fails, and none is left out. */
export function kvmUnitTests(text: string): Omit<TextVerdict, "covers"> | undefined {
  if (SKIPPED.test(text))
    return answer(
      `The kernel's own tests (selftests: kvm) that need nested VMX were skipped: KVM offers its guests no VMX. kvm_intel.nested is off there (it is on by default from Linux ${releaseOf(NOT_REPLAYED.nestedByDefault.held.since)}), or the CPU is AMD's, whose tests are others.`,
      [
        {
          text: "See which it is, and load the module with it; no virtual machine may run.",
          commands: [
            "cat /sys/module/kvm_intel/parameters/nested",
            "sudo modprobe -r kvm_intel && sudo modprobe kvm_intel nested=1",
          ],
        },
      ],
    );
  if (!TESTS.test(text) || !FAILS.test(text)) return undefined;
  const vmx = /vmx/i.test(text);
  const found = (EXPECTED.exec(text) ?? GOT.exec(text))?.[0];
  const numbers = NUMBERS.exec(text)?.groups;
  const named = (hex: string | undefined) => {
    const number = Number.parseInt(hex ?? "", 16);
    return EXIT_REASONS[number] === undefined ? undefined : `${number} (${EXIT_REASONS[number]})`;
  };
  const [want, got] = [named(numbers?.want), named(numbers?.got)];
  const lam = LAM.test(text)
    ? " HOST_CR3 with bit 61 or 62 is valid on a CPU with LAM (linear-address masking), so an entry that the test expects to fail succeeds there: the test is older than the CPU."
    : "";
  const exits =
    found === undefined
      ? ""
      : ` "${found}"${want === undefined || got === undefined ? "" : `: exit reason ${got} came where ${want} was due`}.`;
  return {
    says: vmx
      ? `A test of kvm-unit-tests fails. It is a small hypervisor in a guest: it tests nested VMX of this kernel's KVM, with the CPU that QEMU gives the guest. VT-x itself works.${lam}${exits}`
      : "A test of kvm-unit-tests fails. It is a small guest: it tests what this kernel's KVM and QEMU give a guest, and not nested VMX. VT-x itself works.",
    steps: [
      {
        text: "Use the newest kvm-unit-tests, and run it with another QEMU and with -cpu host: where the version of QEMU decides, what it gives the guest differs.",
        commands: [
          `QEMU=/path/qemu-system-x86_64 ACCEL=kvm ./x86/run x86/${vmx ? "vmx.flat -cpu host -append NAME" : "NAME.flat -cpu host"}`,
        ],
      },
      ...(vmx ? [{ text: "See what KVM offers a guest of this host.", commands: ["vmxlens nested"] }] : []),
    ],
    evidence: [],
  };
}

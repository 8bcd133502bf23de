import type { FoundVerdict } from "../../../answers/answer.js";
import { showsModule } from "../../../kvm/replay.js";
import type { OwnMachine } from "../../../situation/evidence/own-machine.js";

/*
 * A guest that is slow because QEMU was not asked for KVM. Facts: QEMU, docs/system/introduction.rst (accelerators): without an
 * option it is TCG; qemu-kvm of Debian and RHEL ask for KVM themselves.
 */

const LONGEST = 20_000;
const COMMAND = /\bqemu-system-(?:x86_64|i386)\b(?<options>(?:[^\n\\]|\\[^\n]|\\\n){1,4000})/g;
const ACCELERATED = /\bkvm\b|\baccel\b|-(?:enable-)?(?:kvm|hax|whpx|hvf|nvmm)\b|\bxen\b|\btcg\b/i;
const SLOW =
  /\b(?:(?:so|very|too|really|extremely|painfully|quite|super|way too) )?slow(?:ly|er|ness)?\b|\blag(?:s|gy|ging)\b|\bsluggish\b|\bbad performance\b|\bpoor performance\b/i;
const OTHERS = /-enable-kvm\b|\baccel[= ]\w|<domain type|\bvirsh\b/;

/** The answer where the command line of QEMU asks for no accelerator and the guest is found slow. */
export function withoutAccelerator(
  text: string | undefined,
  machine: OwnMachine | undefined,
): FoundVerdict | undefined {
  if (text === undefined || text.length > LONGEST || OTHERS.test(text) || !SLOW.test(text)) return undefined;
  const commands = [...text.matchAll(COMMAND)].map(({ groups }) => groups?.options as string);
  if (!commands.some((options) => /\s-\w/.test(options)) || commands.some((options) => ACCELERATED.test(options)))
    return undefined;
  const isLoaded = machine !== undefined && showsModule(machine.situation.host);
  return {
    says: `QEMU's command line asks for no accelerator, so QEMU emulates the guest's CPU (TCG), which is many times slower: VT-x is not used.${isLoaded ? " kvm_intel is loaded, so KVM is there for it." : ""}`,
    steps: [
      {
        text: "Ask for KVM, and give the guest the host's CPU; it fails with a message where /dev/kvm may not be opened.",
        commands: ["-enable-kvm -cpu host"],
      },
    ],
    evidence: [],
    covers: [],
  };
}

import type { FoundVerdict } from "../../../../answers/answer.js";
import type { OwnMachine } from "../../../../situation/evidence/own-machine.js";

/*
 * Options in a file that modprobe does not read: modprobe.d(5) asks for names that end in .conf.
 */

const FILES = /\/etc\/modprobe\.d\/(?<name>[a-z][\w.-]{0,60}\w)(?![\w*/])/gi;
const OPTIONS = /\boptions kvm/;

/** The answer with that, where the module does not have what such a file asks for. */
export function unreadOptions(found: FoundVerdict, text: string, machine: OwnMachine | undefined): FoundVerdict {
  if ((machine?.situation.notApplied ?? []).length === 0 || !OPTIONS.test(text)) return found;
  const names = new Set([...text.matchAll(FILES)].map(({ groups }) => groups?.name as string));
  const [name, ...more] = names;
  if (name === undefined || more.length > 0 || name.endsWith(".conf")) return found;
  return {
    ...found,
    says: `${found.says} modprobe reads the files of /etc/modprobe.d whose names end in .conf, and the one in the text (${name}) does not.`,
    steps: [
      {
        text: "Give the file that ending, and load the module again; no virtual machine may run.",
        commands: [
          `sudo mv /etc/modprobe.d/${name} /etc/modprobe.d/${name}.conf`,
          "sudo modprobe -r kvm_intel && sudo modprobe kvm_intel",
        ],
      },
      ...found.steps,
    ],
  };
}

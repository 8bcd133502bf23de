import { describe, expect, it } from "vitest";
import { desktopMessages } from "../../src/messages/desktop-messages.js";
import { explainPieces } from "../../src/messages/explain.js";
import { EXAMPLES } from "./every-message.js";

/*
 * Every message beside words of Windows, of a cloud or of another product: no step and no cause is for another place, or done.
 */

const SURROUNDINGS: readonly { readonly text: string; readonly never: RegExp; readonly but?: readonly string[] }[] = [
  {
    text: "I've already enabled the Virtual Machine Platform feature on Windows 11.\n",
    never: /featurename:VirtualMachinePlatform/,
  },
  {
    text: "PS C:\\Users\\me> bcdedit /set hypervisorlaunchtype auto\nThe operation completed successfully.\n",
    never: /^bcdedit \/set hypervisorlaunchtype auto$/,
  },
  { text: "Microsoft Windows [Version 10.0.17134.1]\n", never: /featurename:VirtualMachinePlatform/ },
  { text: "Windows 11, in a Hyper-V VM on my laptop.\n", never: /Azure: choose/ },
  { text: "It runs on an AWS EC2 c8i.2xlarge instance.\n", never: /Choose a \.metal|^In a cloud the kind/ },
  { text: "I'm in a Gitpod workspace, which runs on Google Cloud.\n", never: /gcloud compute|modprobe kvm/ },
  { text: "Not in a hypervisor partition (HVP=0) (VERR_NEM_NOT_AVAILABLE).\n", never: /^On Windows with Hyper-V/ },
  // Its words are those of VirtualBox on Linux.
  { text: "Windows 10 host, VirtualBox 7.\n", never: /^KVM has a guest/, but: ["vbox-root-mode"] },
];

const desktop = await desktopMessages();

async function saidIn(text: string): Promise<readonly string[]> {
  const pieces = (async function* () {
    yield text;
  })();
  const { explanations, verdict } = await explainPieces(pieces, { desktop });
  const told = explanations.filter(({ message = "" }) => verdict?.covers.includes(message) !== true);
  const steps = [...(verdict?.steps ?? []), ...told.flatMap((one) => one.steps)];
  return [
    ...steps.flatMap(({ text: says, commands = [] }) => [says, ...commands]),
    ...told.flatMap(({ causes }) => causes.map((cause) => cause.text)),
  ];
}

describe("nothing is said for another place than the one that the text shows", () => {
  it.each(SURROUNDINGS.map((one) => [one.text.trim(), one] as const))("%s", async (_, { text, never, but }) => {
    const found: string[] = [];
    for (const [message, line] of EXAMPLES) {
      if (but?.includes(message)) continue;
      const said = await saidIn(`${text}${line}\n`);
      found.push(...said.filter((one) => never.test(one)).map((one) => `${message}: ${one}`));
    }
    expect(found).toEqual([]);
  });
});

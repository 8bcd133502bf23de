import type { Explanation, FoundVerdict } from "../../../answers/answer.js";
import type { Step } from "../../../answers/message.js";
import { listText } from "../../../bits/list-text.js";
import { msrBit } from "../../../host/msr.js";
import { atlas, entryHost } from "../../../input/atlas/atlas.js";
import type { ParamsGiven } from "../../../kvm/load/params.js";
import { parseBool } from "../../../kvm/load/parse-param.js";
import { nestedMsrs } from "../../../kvm/nested-msrs.js";
import { replay } from "../../../kvm/replay.js";
import { ALLOWED1, registerOf } from "../../../registers/registers.js";
import { assume } from "../../../situation/assume.js";
import type { OwnMachine } from "../../../situation/evidence/own-machine.js";
import { WANTS_VMX } from "./nested-off.js";

/*
 * VMX features that a host cannot give to guests, where a parameter that its text shows or asks for takes them: that is
 * seen by replaying a CPU that has them all, with the parameter and without.
 */

/** The answer to a message about missing VMX features; undefined where no parameter of the text explains one. */
export function withParamOff(
  found: FoundVerdict,
  { message = "", bits }: Explanation,
  machine: OwnMachine | undefined,
): FoundVerdict | undefined {
  const refused = bits.filter(({ role }) => role === "refused");
  if (machine === undefined || !WANTS_VMX.has(message) || refused.length === 0) return undefined;
  const { host, candidates } = machine.situation;
  const shown = { ...host.paramsAsked?.kvm_intel, ...host.params?.kvm_intel };
  const off = Object.entries(shown).filter(([name, value]) => name !== "nested" && parseBool(value) === false);
  if (off.length === 0) return undefined;
  const { release } = candidates[0];
  const offered = (cpu: ReturnType<typeof newest>, params: ParamsGiven) => {
    const msrs = nestedMsrs(replay(cpu, { release, params }).cpu);
    return refused.map(({ msr, bit }) => {
      const value = msr === undefined ? undefined : msrs.get(msr);
      if (msr === undefined || bit === undefined) return "unknown";
      const at = registerOf(msr)?.layout === "controls" ? bit + ALLOWED1 : bit;
      return value === undefined ? "unknown" : msrBit({ state: "value", ...value }, at);
    });
  };
  const cpu = newest();
  const all = offered(cpu, {});
  const by = off.flatMap(([name, value]) => {
    const without = offered(cpu, { kvm_intel: { [name]: value } });
    const taken = refused.filter((_, at) => all[at] === "yes" && without[at] === "no");
    return taken.length === 0 ? [] : [{ name, value, taken }];
  });
  if (by.length === 0) return undefined;
  const says = by.map(
    ({ name, value, taken }) =>
      `The text has kvm_intel.${name}=${value}, with which KVM offers guests no ${listText(
        taken.map(({ qemu, sdm, bit }) => qemu ?? sdm ?? `bit ${bit}`),
        "and no",
      )}.`,
  );
  const step: Step = {
    text: `Take ${listText(by.map(({ name, value }) => `${name}=${value}`))} out of /etc/modprobe.d and the kernel command line, and load the module again, with no guest running.`,
    commands: [
      "grep -rs kvm_intel /etc/modprobe.d; cat /proc/cmdline",
      "sudo modprobe -r kvm_intel && sudo modprobe kvm_intel",
    ],
  };
  return {
    ...found,
    says: `${found.says} ${says.join(" ")}`,
    steps: [step, ...found.steps],
    covers: [...found.covers, message],
  };
}

/** The newest server of the atlas, which has what others have. */
function newest() {
  const [entry] = [...atlas()].filter(({ id }) => /sapphirerapids|emeraldrapids|graniterapids/.test(id));
  if (entry === undefined) throw new Error("the atlas has no server CPU of today");
  return assume(assume(entryHost(entry), "firmware=enabled").host, "registers=sdm").host;
}

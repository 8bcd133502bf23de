import { guestVmx } from "../../../compare/guest-vmx.js";
import { belowOf } from "../../../host/below.js";
import { isSvmVendor, showsVmx } from "../../../host/host.js";
import { readGuests } from "../../../input/guests/guest-cpu.js";
import { parseBool } from "../../../kvm/load/parse-param.js";
import { isLoadedOn } from "../../../kvm/replay.js";
import type { NextStep } from "../../../why/questions/answer.js";
import { GUEST_MODEL, SEE_NESTED } from "../../../why/questions/host-and-guest.js";
import type { FoundVerdict, Recognised } from "../../answer.js";
import { ownMachine } from "../../own-machine.js";
import { passesChecks } from "../passed-checks.js";
import { findsNone, VBOX_NO_VMX } from "../weight.js";
import { ABOUT_VMX, isWritten, NESTED_ON_THE_HOST, SEE_GIVEN, stepToGive } from "./guest-verdict.js";

/*
 * A host and its guest in one text, each under its own heading or behind its own prompt: what the host and the configuration of
 * the guest show is why the guest has no VMX.
 */

type Side = "host" | "guest";

/** A line that says where the outputs below it come from. */
const HEADING =
  /^\W{0,6}(?:[\w' ]{0,24}\b(?:on|in|inside|from|within) )?(?:the |my |our |a |this )?(?:(?:physical|bare[- ]metal|proxmox|pve|kvm|outer|nested|linux|ubuntu|debian|centos|fedora|windows|virtual) ){0,2}(?:(?<host>host|hypervisor|L0)|(?<guest>guest|VM|virtual machine|L1))(?: (?:machine|system|side|os|VM|output|node|server|\(?L[01]\)?)){0,2}\W{0,4}$/i;
/** `user@name:~$ `, `[user@name ~]# `, `host$ ` and `guest# `. */
const PROMPT =
  /^[ \t]{0,8}(?:\[?[\w.-]{1,32}@(?<name>[\w.-]{1,63})[: ][^\n$#]{0,60}[$#]|\(?(?<side>host|guest|vm|L0|L1)\)?(?::~)? ?[$#>]) (?<command>.*)/i;
const OF_HOST = /^(?:(?:kvm-?)?host|pve|proxmox|hypervisor|l0|node|esxi?)/i;
const OF_GUEST = /^(?:guest|vm(?!ware)|l1|nested)|[-_.]?(?:vm|guest)\d{0,3}$/i;
/** What is typed where guests are run. */
const RUNS_GUESTS = /\bparameters\/nested\b|^(?:sudo )?(?:virsh|qm|virt-install|qemu-system-)\b/;

/** The lines of each side, and which lines are the guest's; undefined where the text does not have both. */
function sidesOf(text: string):
  | {
      readonly host: string;
      readonly guest: string;
      readonly ofGuest: ReadonlySet<number>;
      readonly isGuessed: boolean;
    }
  | undefined {
  const lines = text.split("\n");
  const byName = sidesOfPrompts(lines);
  const parts: { readonly [S in Side]: string[] } = { host: [], guest: [] };
  const ofGuest = new Set<number>();
  let side: Side | undefined;
  const isGuessed = [...byName.keys()].every((name) => sideOfPrompt(name, NO_NAMES) === undefined) && byName.size > 0;
  for (const [at, line] of lines.entries()) {
    const heading = line.length > 80 ? undefined : HEADING.exec(line)?.groups;
    if (heading !== undefined) {
      side = heading.host === undefined ? "guest" : "host";
      continue;
    }
    const prompt = PROMPT.exec(line)?.groups;
    if (prompt !== undefined) side = sideOfPrompt(prompt.side ?? prompt.name ?? "", byName) ?? side;
    if (side === undefined) continue;
    parts[side].push(line);
    if (side === "guest") ofGuest.add(at + 1);
  }
  return parts.host.length === 0 || parts.guest.length === 0
    ? undefined
    : { host: parts.host.join("\n"), guest: parts.guest.join("\n"), ofGuest, isGuessed };
}

const NO_NAMES: ReadonlyMap<string, Side> = new Map();

const sideOfPrompt = (name: string, byName: ReadonlyMap<string, Side>): Side | undefined =>
  byName.get(name) ?? (OF_HOST.test(name) ? "host" : OF_GUEST.test(name) ? "guest" : undefined);

/** Of two names that say nothing, the one on which guests are run is the host. */
function sidesOfPrompts(lines: readonly string[]): ReadonlyMap<string, Side> {
  const names = new Map<string, boolean>();
  for (const line of lines) {
    const { name, command = "" } = PROMPT.exec(line)?.groups ?? {};
    if (name !== undefined) names.set(name, names.get(name) === true || RUNS_GUESTS.test(command));
  }
  if (names.size !== 2) return new Map();
  const [one, other] = [...names.keys()] as [string, string];
  const known = (name: string) => sideOfPrompt(name, NO_NAMES);
  const isHost = (name: string, beside: string) =>
    known(name) === "host" || known(beside) === "guest" || (names.get(name) === true && names.get(beside) !== true);
  if (isHost(one, other) === isHost(other, one)) return new Map();
  return isHost(one, other)
    ? new Map([
        [one, "host"],
        [other, "guest"],
      ])
    : new Map([
        [one, "guest"],
        [other, "host"],
      ]);
}

/** In the guest, whatever the host has. */
const saysNone = ({ message = "", outcome }: Recognised): boolean =>
  outcome !== "no access" &&
  (outcome === "no device" || findsNone({ message }) || VBOX_NO_VMX.has(message) || OF_MODULE.has(message));
const OF_MODULE: ReadonlySet<string> = new Set([
  "modprobe-error",
  "kvm-ok-unusable",
  "emulator-acceleration",
  "qemu-no-kvm",
]);

/** The answer for the guest; undefined where the text does not show both, or shows neither that the guest has VMX nor that it lacks it. */
export function hostBesideGuest(text: string, recognised: readonly Recognised[]): FoundVerdict | undefined {
  const sides = sidesOf(text);
  if (sides === undefined) return undefined;
  const inGuest = recognised.filter(({ lines: [first] }) => first !== undefined && sides.ofGuest.has(first));
  const others = recognised.filter((one) => one.gravity === "blocks" && !(inGuest.includes(one) && saysNone(one)));
  if (others.length > 0) return undefined;
  const [host, guest] = [ownMachine(sides.host, undefined), ownMachine(sides.guest, undefined)];
  const shown = host?.situation.read;
  if (sides.isGuessed && (guest === undefined || belowOf(guest.situation.read).virtual !== true)) return undefined;
  if (isSvmVendor(shown?.vendor) || isSvmVendor(guest?.situation.read.vendor) || showsVmx(shown) === false)
    return undefined;
  const flag = showsVmx(guest?.situation.read);
  const lacks = flag === false || inGuest.some(saysNone);
  const has = flag === true || (flag === undefined && guest?.countsEither() === true) || passesChecks(sides.guest);
  // A list of flags has no vmx, whatever it is shown for.
  const said = text.split("\n").filter(isWritten).join("\n");
  const isElse = inGuest.length === 0 && said.trim() !== "" && !ABOUT_VMX.test(said);
  if (lacks === has || isElse) return undefined;
  const nested = shown?.params?.kvm_intel?.nested ?? shown?.paramsAsked?.kvm_intel?.nested;
  const isOn = nested === undefined ? undefined : parseBool(nested);
  const [configured] = readGuests(text);
  if (
    nested === undefined &&
    configured === undefined &&
    showsVmx(shown) !== true &&
    host?.countsEither() !== true &&
    (shown === undefined || !isLoadedOn(shown))
  )
    return undefined;
  const found = has
    ? { says: "The guest has VMX: Linux shows the flag in it.", steps: [] }
    : lacking(isOn, nested, configured);
  return {
    ...found,
    evidence: [],
    covers: inGuest.map(({ message }) => message as string),
    settles: true,
  };
}

type Configured = ReturnType<typeof readGuests>[number] | undefined;

/** Why the guest has none. */
function lacking(
  isOn: boolean | undefined,
  nested: string | undefined,
  guest: Configured,
): { readonly says: string; readonly steps: readonly NextStep[] } {
  const vmx = guest === undefined ? undefined : guestVmx(guest);
  const ofModel = vmx?.gets === "none" ? vmx.why : undefined;
  const who = guest?.name ?? "The guest";
  if (isOn === false) {
    const why = [`kvm_intel.nested is ${nested} on its host`, ...(ofModel === undefined ? [] : [ofModel])];
    return {
      says: `${who} gets no VMX, because ${why.join(", and ")}.`,
      steps: [
        NESTED_ON_THE_HOST,
        ...(guest !== undefined && ofModel !== undefined ? [stepToGive(guest, nested)] : []),
        ...(guest === undefined ? [GUEST_MODEL] : []),
      ],
    };
  }
  if (guest !== undefined && ofModel !== undefined)
    return {
      says: `${who} gets no VMX, because ${ofModel}.${isOn === true ? " On the host nested of kvm_intel is on." : ""}`,
      steps: [stepToGive(guest, nested)],
    };
  if (vmx?.gets === "offered")
    return isOn === true
      ? {
          says: `The host has nested of kvm_intel on, and the configuration gives ${guest?.name ?? "the guest"} a CPU with vmx, which the guest does not show: it was not shut down and started since, or runs with another CPU.`,
          steps: [SEE_GIVEN],
        }
      : {
          says: `The configuration gives ${guest?.name ?? "the guest"} a CPU with vmx, and the guest does not show it: nested of kvm_intel is off on the host, or the guest was not shut down and started since.`,
          steps: [SEE_NESTED, SEE_GIVEN],
        };
  return isOn === true
    ? {
        says: `The host offers guests VMX (kvm_intel.nested=${nested}), and this guest does not have it: its CPU model leaves vmx out, or it was not shut down and started since.`,
        steps: [GUEST_MODEL],
      }
    : {
        says: "The host has virtualization and does not pass it to this guest: nested of kvm_intel is off there, or the guest's CPU model leaves vmx out.",
        steps: [SEE_NESTED, GUEST_MODEL],
      };
}

import { listText } from "../bits/list-text.js";
import { formatU64, parseHexU64 } from "../bits/u64.js";
import { type Host, msrOf, showsVmx } from "../host/host.js";
import { knownValue, msrBit } from "../host/msr.js";
import { isVmxMsr } from "../input/text/msr-names.js";
import { ALLOWED1, registerOf } from "../registers/registers.js";
import { diffedOutputs, type NamedHost, namedHosts } from "../situation/evidence/named-hosts.js";
import { ownMachine } from "../situation/evidence/own-machine.js";
import { READ_LOCK, RELOAD_WITH_NESTED } from "../why/questions/next-steps.js";
import { answer, type TextVerdict } from "./answer.js";
import { differing } from "./asked/two-values.js";
import type { Step } from "./message.js";

/*
 * Outputs of several hosts in one text: what they differ in.
 */

interface Shown {
  readonly name: string;
  readonly host: Host;
}

/** A fact that hosts differ in, as a sentence without its end. */
interface Difference {
  readonly about: "flag" | "firmware" | "CPU" | "nested" | "parameter" | "kernel";
  readonly says: string;
  /** The hosts at which something is to be done. */
  readonly at: readonly string[];
}

/** What the hosts of a text differ in; undefined where it shows no two hosts, or nothing that differs. */
export function hostsCompared(text: string): Omit<TextVerdict, "covers"> | undefined {
  const outputs = diffedOutputs(text);
  const parts = outputs.length > 0 ? outputs : namedHosts(text);
  const shown = parts.flatMap(shownBy);
  if (shown.length < 2 || shown.length < parts.length) return undefined;
  const differences = [
    ...flag(shown),
    ...listed(shown),
    ...registers(shown),
    ...vmxFlags(shown),
    ...parameters(shown),
    ...kernels(shown),
  ].slice(0, MOST);
  if (differences.length === 0) return undefined;
  const moves = /\bmigrat|\bmov(?:e|es|ing)\b/i.test(text);
  const lacksCpu = differences.some(({ about }) => about === "CPU" || about === "flag" || about === "nested");
  return answer(
    `The ${outputs.length > 0 ? "two outputs" : "hosts"} differ: ${differences.map(({ says }) => says).join("; ")}.${moves && lacksCpu ? " A guest that was given what one of them lacks cannot be moved there." : ""}`,
    stepsOf(differences),
  );
}
const MOST = 4;

function shownBy({ name, text }: NamedHost): readonly Shown[] {
  const machine = ownMachine(text, undefined);
  return machine === undefined ? [] : [{ name, host: machine.situation.read }];
}

/** The hosts by the value that they show, where two show another one. */
function byValue(hosts: readonly Shown[], shows: (host: Host) => string | undefined): ReadonlyMap<string, string[]> {
  const values = new Map<string, string[]>();
  for (const { name, host } of hosts) {
    const value = shows(host);
    if (value !== undefined) values.set(value, [...(values.get(value) ?? []), name]);
  }
  return values.size > 1 ? values : new Map();
}

const grouped = (values: ReadonlyMap<string, readonly string[]>): string =>
  listText([...values].map(([value, names]) => `${value} on ${listText(names)}`));

function flag(hosts: readonly Shown[]): readonly Difference[] {
  const values = byValue(hosts, (host) => {
    const shows = showsVmx(host);
    return shows === undefined ? undefined : String(shows);
  });
  const [lacking, having] = [values.get("false"), values.get("true")];
  return lacking === undefined || having === undefined
    ? []
    : [
        {
          about: "flag",
          says: `${listText(lacking)} ${lacking.length > 1 ? "show" : "shows"} no vmx, and ${listText(having)} ${having.length > 1 ? "do" : "does"}`,
          at: lacking,
        },
      ];
}

const BASIC = 0x480;

function registers(hosts: readonly Shown[]): readonly Difference[] {
  const indices = new Set(hosts.flatMap(({ host }) => [...host.cores[0].msrs.keys()]));
  return [...indices]
    .filter((index) => index === 0x3a || isVmxMsr(index))
    .sort((a, b) => a - b)
    .flatMap((index): readonly Difference[] => {
      const values = byValue(hosts, (host) => {
        const value = knownValue(msrOf(host.cores[0], index));
        // The revision of the VMCS does not count.
        return value === undefined ? undefined : formatU64(index === BASIC ? { ...value, lo: 0 } : value);
      });
      if (values.size === 0) return [];
      const register = registerOf(index);
      const name = index === 0x3a ? "IA32_FEAT_CTL (0x3a)" : `${register?.sdm ?? "MSR"} (0x${index.toString(16)})`;
      const [one, other, ...more] = [...values].map(([value, names]) => ({ value: parseHexU64(value), names }));
      const bits =
        register === undefined ||
        index === 0x3a ||
        one?.value === undefined ||
        other?.value === undefined ||
        more.length > 0
          ? []
          : differing(register, one.value, other.value, [listText(one.names), listText(other.names)]);
      const off = [...values].flatMap(([value, names]) => (index === 0x3a && value === "0x1" ? names : []));
      return [
        {
          about: index === 0x3a ? "firmware" : "CPU",
          says: `${name} is ${grouped(values)}${bits.length === 0 ? "" : ` (${bits.join(", ")})`}${off.length === 0 ? "" : " (0x1: the firmware locked VMX off)"}`,
          at: off,
        },
      ];
    });
}

/** Bits that two outputs list one by one, and show in part. */
function listed([one, other, ...more]: readonly Shown[]): readonly Difference[] {
  if (one === undefined || other === undefined || more.length > 0) return [];
  const lacks = (side: Shown, beside: Shown): readonly Difference[] => {
    const names = [...side.host.cores[0].msrs].flatMap(([index, msr]) => {
      const [register, besides] = [registerOf(index), msrOf(beside.host.cores[0], index)];
      if (knownValue(msr) !== undefined && knownValue(besides) !== undefined) return [];
      const from = register?.layout === "controls" ? ALLOWED1 : 0;
      return (register?.bits ?? [])
        .filter(({ bit }) => msrBit(msr, bit + from) === "no" && msrBit(besides, bit + from) === "yes")
        .map(({ sdm }) => sdm);
    });
    return names.length === 0
      ? []
      : [{ about: "CPU", says: `${side.name} lacks ${listText(names)}, which ${beside.name} has`, at: [side.name] }];
  };
  return [...lacks(one, other), ...lacks(other, one)];
}

/** The line shows the CPU's registers: names that one host has and another one lacks. */
function vmxFlags(hosts: readonly Shown[]): readonly Difference[] {
  const lists = hosts.flatMap(({ name, host }) =>
    host.observed?.vmxFlags === undefined ? [] : [{ name, flags: host.observed.vmxFlags }],
  );
  const all = new Set(lists.flatMap(({ flags }) => flags));
  return lists.flatMap(({ name, flags }): readonly Difference[] => {
    const lacks = [...all].filter((one) => !flags.includes(one));
    return lacks.length === 0 || lists.length < 2
      ? []
      : [{ about: "CPU", says: `${name} lacks ${listText(lacks)} on its line \`vmx flags\``, at: [name] }];
  });
}

function parameters(hosts: readonly Shown[]): readonly Difference[] {
  const names = new Set(hosts.flatMap(({ host }) => Object.keys(host.params?.kvm_intel ?? {})));
  return [...names].flatMap((name): readonly Difference[] => {
    const values = byValue(hosts, ({ params }) => params?.kvm_intel?.[name]);
    if (values.size === 0) return [];
    const off = [...values].flatMap(([value, at]) => (/^(?:N|0)$/.test(value) ? at : []));
    return [
      { about: name === "nested" ? "nested" : "parameter", says: `kvm_intel.${name} is ${grouped(values)}`, at: off },
    ];
  });
}

function kernels(hosts: readonly Shown[]): readonly Difference[] {
  const values = byValue(hosts, ({ kernel }) =>
    kernel !== undefined && /^[\w.+~-]{3,60}$/.test(kernel) ? kernel : undefined,
  );
  return values.size === 0 ? [] : [{ about: "kernel", says: `the kernel is ${grouped(values)}`, at: [] }];
}

function stepsOf(differences: readonly Difference[]): readonly Step[] {
  const on = (about: Difference["about"]): string | undefined => {
    const at = new Set(differences.flatMap((one) => (one.about === about ? one.at : [])));
    return at.size === 0 ? undefined : listText([...at]);
  };
  const [flagless, off, unnested, without] = [on("flag"), on("firmware"), on("nested"), on("parameter")];
  return [
    ...(off === undefined
      ? []
      : [
          {
            text: `On ${off}, enable VT-x in the firmware setup, save, and switch the machine off and on: a restart does not release the lock.`,
          },
        ]),
    ...(flagless === undefined || off !== undefined
      ? []
      : [
          {
            text: `On ${flagless}, read IA32_FEAT_CTL: 1 is locked off by the firmware; 5 or 7 is on, and then the CPU or a hypervisor below hides VT-x.`,
            commands: READ_LOCK.commands ?? [],
          },
        ]),
    ...(unnested === undefined
      ? []
      : [
          {
            ...RELOAD_WITH_NESTED,
            text: `On ${unnested}, load the module with nested on; no virtual machine may run.`,
          },
        ]),
    ...(differences.some(({ about }) => about === "CPU") ? [COMPARE] : []),
    ...(without === undefined
      ? []
      : [{ text: `On ${without}, see what sets it, and what its CPU shows.`, commands: [SEE_SETTINGS] }]),
  ].slice(0, 3);
}

const COMPARE: Step = {
  text: "No parameter of KVM changes what that shows: the CPUs, their microcode or a hypervisor below differ. Compare these on both; then ask which features guests may be given on all.",
  commands: [
    "grep -m1 'model name' /proc/cpuinfo; grep -m1 microcode /proc/cpuinfo; lscpu | grep -i hypervisor",
    "vmxlens baseline HOST1.txt HOST2.txt",
  ],
};
const SEE_SETTINGS = "modprobe -c | grep 'options kvm'; cat /proc/cmdline; grep -m1 'vmx flags' /proc/cpuinfo";

import type { Cause, Decoded } from "../../answers/answer.js";
import type { Advice, Gravity, Outcome, RefusingLayer } from "../../answers/message.js";
import { replay } from "../../kvm/replay.js";
import { kernelName } from "../../rules/release.js";
import { type ExplainContext, replayOptions } from "../context.js";
import type { Match } from "../match.js";
import {
  ENABLE_FIRMWARE,
  ENABLE_OUTER,
  JOIN_KVM,
  KERNEL_LOG,
  LOAD_KVM,
  PASS_DEVICE,
  READ_FEAT_CTL,
  STOP_RIVAL,
  WHO_USES_VMX,
} from "../rows/shared-advice.js";

/*
 * A program could not open /dev/kvm, or could not use it. Each words the same few errors of the kernel in its own way, as
 * a sentence or as a number.
 */

type Errno = "EISDIR" | "ENOENT" | "ENODEV" | "EACCES" | "EPERM" | "EBUSY" | "EIO";

const NUMBERS: { readonly [number: string]: Errno | undefined } = {
  1: "EPERM",
  2: "ENOENT",
  5: "EIO",
  21: "EISDIR",
  6: "ENODEV",
  13: "EACCES",
  16: "EBUSY",
  19: "ENODEV",
};

const WORDS: readonly (readonly [pattern: RegExp, errno: Errno])[] = [
  [/is a directory|EISDIR/i, "EISDIR"],
  [
    /no such file|不存在|n['’]existe pas|(?:no|não) existe|не (?:существует|найден)|отсутствует|existiert nicht|fehlt|nie istnieje|not found|(?:cannot|can['’]t|could not|unable to) find|missing|n['’o]t (?:exist|appear|show up|created|being created|been created|there)|never|unavailable|no [`'"]?\/dev\/kvm|not installed|not loaded|not present|no supported hypervisor/i,
    "ENOENT",
  ],
  [/no such device|device not configured/i, "ENODEV"],
  [
    /permission|(?:cannot|can't) (?:read|write|open)|not writable|not accessible|not readable|no (?:read|write) access|EACCES/i,
    "EACCES",
  ],
  [/not permitted|EPERM/i, "EPERM"],
  [/busy|EBUSY/i, "EBUSY"],
  [/input\/output|EIO/i, "EIO"],
];

interface Meaning {
  readonly what: string;
  readonly outcome?: Outcome;
  readonly layer: RefusingLayer;
  readonly gravity?: Gravity;
  readonly causes: readonly Cause[];
  readonly steps: readonly Advice[];
}

const likely = (text: string): Cause => ({ text, certainty: "likely" });
const possible = (text: string): Cause => ({ text, certainty: "possible" });

/** AMD's CPUs have neither. */
const OF_VMXON = possible("VMXON faulted because IA32_FEAT_CTL is not set on some CPU.");

const MEANINGS: { readonly [E in Errno]: Meaning } = {
  ENOENT: {
    what: "There is no /dev/kvm: KVM's module is not loaded, or the device was not passed into the container that the program runs in.",
    outcome: "no device",
    layer: "KVM load",
    causes: [
      likely(
        "kvm_intel is not loaded (on an AMD CPU kvm_amd): it refused because the firmware has VT-x off or an outer hypervisor (VMware, a cloud, WSL) does not pass it, or it was never loaded. The kernel log says which.",
      ),
      possible("In a container: the host has /dev/kvm and the container does not."),
    ],
    steps: [LOAD_KVM, PASS_DEVICE, ENABLE_FIRMWARE, ENABLE_OUTER],
  },
  ENODEV: {
    what: "/dev/kvm exists only as a name: no module is behind it, because KVM's module is not loaded.",
    outcome: "no device",
    layer: "KVM load",
    causes: [
      likely(
        "The node was made by hand or comes with an image; KVM's module is not loaded, or refused to load because VT-x is off or not passed by the outer hypervisor.",
      ),
    ],
    steps: [LOAD_KVM, ENABLE_OUTER, ENABLE_FIRMWARE],
  },
  EISDIR: {
    what: "/dev/kvm is a directory, and no device: Docker makes one for a volume (-v /dev/kvm) whose file the host does not have. KVM's module was not loaded on the host then.",
    outcome: "no device",
    layer: "host operating system",
    causes: [likely("A bind mount of /dev/kvm where the host had no such file.")],
    steps: [
      {
        text: "On the host, remove the directory and load the module, which makes the device; then pass it as a device, not as a volume.",
        commands: [
          "sudo rmdir /dev/kvm; sudo modprobe -a kvm_intel kvm_amd; ls -l /dev/kvm",
          "docker run --device /dev/kvm ...",
        ],
      },
    ],
  },
  EACCES: {
    what: "KVM is loaded, and the user running the program may not open /dev/kvm.",
    outcome: "no access",
    layer: "host operating system",
    causes: [
      likely("The user is not in the group that owns /dev/kvm, or has not logged in again since joining it."),
      possible("A service runs as a user of its own (libvirt-qemu, nixbld, a CI runner) that is not in the group."),
    ],
    steps: [JOIN_KVM],
  },
  EPERM: {
    what: "The kernel forbids the program to use /dev/kvm, although the file may be readable.",
    outcome: "KVM is there",
    layer: "host operating system",
    causes: [
      likely("The device rules of a container (LXC, OpenVZ, Docker) or a security module do not allow 10:232."),
      possible("A virtual private server of this kind has no KVM at all; only its provider can change that."),
    ],
    steps: [
      {
        text: "See whether this is a container: then the rules of its host for devices decide, and to join a group changes nothing.",
        commands: ["systemd-detect-virt -c"],
      },
      PASS_DEVICE,
    ],
  },
  EBUSY: {
    what: "KVM could not switch VMX on: CR4.VMXE is already 1 on some CPU.",
    outcome: "KVM is there",
    layer: "another hypervisor",
    causes: [likely("Another hypervisor (VirtualBox, VMware, Jailhouse) runs and holds VT-x.")],
    steps: [WHO_USES_VMX, STOP_RIVAL],
  },
  EIO: {
    what: "KVM could not switch VMX on for the first virtual machine.",
    outcome: "KVM is there",
    layer: "another hypervisor",
    causes: [
      likely("Another hypervisor holds VT-x on some CPU; since it is one failure for all CPUs, Linux says only this."),
      OF_VMXON,
    ],
    steps: [WHO_USES_VMX, KERNEL_LOG],
  },
};

/** `Could not access KVM kernel module: Permission denied`, `KvmNew(Error(13))`, `(os error 2)` and their like. */
export function decodeDevice(matches: readonly [Match, ...Match[]], context: ExplainContext): Decoded {
  // A line that names the error says more than one that only says that something failed.
  const errno = matches.map(errnoOf).find((one) => one !== undefined);
  const { circumstances } = context;
  if ((errno === undefined || errno === "ENOENT") && circumstances.has("KVM's module not loaded"))
    return circumstances.has("kvm.ko loaded") ? { ...NOT_LOADED, what: SHARED_ALONE } : NOT_LOADED;
  if (errno === "ENOENT" && circumstances.has("kvm.ko loaded") && !isElsewhere(context))
    return { ...NOT_LOADED, what: SHARED_ALONE };
  if (errno === undefined && circumstances.has("kvm_intel loaded")) return LOADED;
  if (errno === undefined) return {};
  if (errno === "ENOENT" && context.anywhere.has("loaded-since")) return LOADED_SINCE;
  if (errno === "ENOENT" && isElsewhere(context)) return NOT_PASSED;
  const known = MEANINGS[errno];
  const { causes, ...meaning } =
    circumstances.has("no container") || circumstances.has("device passed") ? onMachine(known) : known;
  const load = errno === "ENOENT" || errno === "ENODEV" ? loadCause(context) : undefined;
  return {
    ...meaning,
    causes: [
      ...(load === undefined ? [] : [load]),
      ...causes.filter((one) => one !== OF_VMXON || !circumstances.has("AMD")),
    ],
    onlyCauses: true,
    onlySteps: true,
    values: [{ name: "error", value: errno }],
    ...(load === undefined && (errno === "ENOENT" || errno === "ENODEV")
      ? { depends: ["why the module is not loaded: the kernel log says it"] }
      : {}),
  };
}

/** The same where the program runs on the machine itself. */
function onMachine({ what, causes, ...meaning }: Meaning): Meaning {
  return {
    ...meaning,
    what: what.replace(/, or the device was not passed into the container[^.]*/, ""),
    causes: causes.filter(({ text }) => !/container/.test(text)),
  };
}

/** The ioctl that makes a virtual machine failed: only some of its errors have to do with VMX. */
export function decodeCreateVm([match]: readonly [Match, ...Match[]], context: ExplainContext): Decoded {
  const { groups, line } = match;
  const number = groups.errno ?? groups.errno2;
  if (number === "12" || /Cannot allocate memory|ENOMEM/.test(line)) {
    return {
      outcome: "KVM is there",
      layer: "host operating system",
      what: "The kernel found no memory for a new virtual machine (ENOMEM): KVM needs a few larger contiguous pieces, and memory is full or fragmented. VMX is on and is not the reason.",
      onlyCauses: true,
      steps: [
        {
          text: "Free the page cache and let the kernel defragment memory; then start it again.",
          commands: [
            "free -h",
            "sync; echo 3 | sudo tee /proc/sys/vm/drop_caches; echo 1 | sudo tee /proc/sys/vm/compact_memory",
          ],
        },
      ],
      onlySteps: true,
    };
  }
  if (number === "22" || /Invalid argument|EINVAL/.test(line)) {
    return {
      outcome: "KVM is there",
      layer: "user space",
      what: "KVM does not know the kind of virtual machine that was asked for (EINVAL): a type such as TDX, SEV-SNP or protected that this kernel or CPU does not have, or KVM of another architecture. VMX is not the reason.",
      onlyCauses: true,
      steps: [{ text: "Start it without that type; a plain machine of this architecture needs none." }],
      onlySteps: true,
    };
  }
  if (errnoOf(match) !== "EBUSY") return {};
  if (context.circumstances.has("VMX locked off") || context.circumstances.has("after a suspend"))
    return {
      what: "KVM could not switch VMX on on some CPU (EBUSY). Where VMXON faults, that is IA32_FEAT_CTL, and no other hypervisor.",
      onlyCauses: true,
      steps: [READ_FEAT_CTL],
      onlySteps: true,
    };
  const holder = HOLDERS.find(([sign]) => context.signs[sign])?.[1];
  const { causes, steps } = MEANINGS.EBUSY;
  const isNamed = context.circumstances.has("Intel") || context.circumstances.has("AMD");
  const isShown = holder !== undefined && context.circumstances.has("rival beside KVM");
  return {
    what: `KVM could not switch VMX on: CR4.VMXE is already 1 on some CPU${isNamed ? "" : " (on AMD EFER.SVME)"}, so another hypervisor holds VT-x${holder === undefined ? "" : `; the text names ${holder}`}.`,
    causes,
    onlyCauses: true,
    steps: isShown ? [stopRival(holder)] : steps,
    onlySteps: true,
  };
}

/** Its process runs, or its module is in use: which one it is need not be asked. */
const STOP_VIRTUALBOX: Advice = {
  text: "Stop VirtualBox's machines, or unload its modules; then start the program again.",
  commands: ["VBoxManage list runningvms", "sudo modprobe -r vboxnetadp vboxnetflt vboxdrv"],
};
const STOP_VMWARE: Advice = {
  text: "Stop VMware's machines, or unload its module; then start the program again.",
  commands: ["vmrun list", "sudo modprobe -r vmmon"],
};

export const stopRival = (holder: string): Advice => (holder === "VirtualBox" ? STOP_VIRTUALBOX : STOP_VMWARE);

export const HOLDERS = [
  ["virtualBox", "VirtualBox"],
  ["vmware", "VMware"],
] as const;

/** The text shows that the host has the device, or the module that makes it. */
function isElsewhere({ circumstances }: ExplainContext): boolean {
  return circumstances.has("/dev/kvm exists") || circumstances.has("KVM's module loaded");
}

/** The module makes the device. */
const LOADED: Decoded = {
  what: "kvm_intel is loaded, so VT-x is on and /dev/kvm is there: the user may not open it, or the program runs in a container that was not given the device.",
  outcome: "KVM is there",
  layer: "host operating system",
  onlyCauses: true,
  steps: [{ text: "See who may open it.", commands: ["ls -l /dev/kvm; id -nG"] }, JOIN_KVM, PASS_DEVICE],
  onlySteps: true,
};

const SHARED_ALONE =
  "There is no /dev/kvm, because KVM's module is not loaded: kvm is, which both vendors share, and it is kvm_intel (on an AMD CPU kvm_amd) that makes the device.";

/** lsmod shows it: nothing has to be passed anywhere before the module is there. */
const NOT_LOADED: Decoded = {
  what: "There is no /dev/kvm, because KVM's module is not loaded.",
  outcome: "no device",
  layer: "KVM load",
  causes: [
    likely(
      "It refused: the firmware has VT-x off, or the hypervisor below a virtual machine does not pass it. The kernel log says which.",
    ),
    possible("It was never asked to load."),
  ],
  onlyCauses: true,
  steps: [LOAD_KVM],
  onlySteps: true,
};

const LOADED_SINCE: Decoded = {
  what: "The module was not loaded when the program looked for /dev/kvm. It was loaded by hand since, and the device is there: start the program again.",
  layer: "KVM load",
  values: [{ name: "error", value: "ENOENT" }],
  onlyCauses: true,
  steps: [
    {
      text: "Have it loaded at every boot.",
      commands: ["echo kvm_intel | sudo tee /etc/modules-load.d/kvm.conf", "sudo usermod -aG kvm $USER"],
    },
  ],
  onlySteps: true,
};

const NOT_PASSED: Decoded = {
  what: "The host has /dev/kvm, and the program that failed does not see it: it was not passed into the container or pod in which it runs.",
  layer: "user space",
  values: [{ name: "error", value: "ENOENT" }],
  causes: [{ text: "The check that found the device ran elsewhere than the program.", certainty: "likely" }],
  onlyCauses: true,
  steps: [PASS_DEVICE],
  onlySteps: true,
};

const SYSTEM =
  /no such|(?:cannot|can['’]t|could not|unable to) find|(?:cannot|can't) (?:read|write)|not writable|not readable|(?:read|write) access|permission|not permitted|busy|input\/output|\bE[A-Z]{3,6}\b|missing|not (?:loaded|exist|installed|found|present)/i;

function errnoOf({ row, groups, text }: Match): Errno | undefined {
  const number = groups.errno ?? groups.errno2 ?? groups.errno3 ?? groups.errno4;
  if (number !== undefined && NUMBERS[number] !== undefined) return NUMBERS[number];
  const reason = groups.reason ?? text;
  // In any program's own words only an error of the system is one.
  if ((row.id === "any-no-kvm" || row.id === "qemu-tcg-no-vmx") && !SYSTEM.test(reason)) return undefined;
  return WORDS.find(([pattern]) => pattern.test(reason))?.[1];
}

/** Whether the module loads on the machine that was given. */
function loadCause(context: ExplainContext): Cause | undefined {
  const { host } = context;
  if (host === undefined) return undefined;
  const { loads, release, error } = replay(host, replayOptions(context));
  const where = `On the machine that was given, ${kernelName(release)}`;
  if (loads === "unknown") return undefined;
  return loads === "yes"
    ? { text: `${where} loads kvm_intel: it only has to be asked to.`, certainty: "likely" }
    : { text: `${where} refuses to load kvm_intel (${error ?? "no reason known"}).`, certainty: "certain" };
}

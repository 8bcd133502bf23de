import type { TextVerdict } from "../../../answers/answer.js";
import type { Step } from "../../../answers/message.js";
import { outerStep } from "../../../why/questions/next-steps.js";
import { JOIN_KVM } from "../../rows/shared-advice.js";

/*
 * Who may open /dev/kvm: by the line of ls, the groups of the user, and whether a container or libvirt is in between.
 */

type Says = Pick<TextVerdict, "says" | "steps">;

/** `crw-rw---- 1 root kvm 10, 232 Nov  5 10:00 /dev/kvm`; a plus: there are further rights. */
const LISTED =
  /^[ \t>]{0,8}c(?<mode>[rwx-]{9})(?<more>[+.@]?)\s{1,4}\d{1,3}\s{1,4}(?<owner>[\w-]{1,32})\s{1,4}(?<group>[\w-]{1,32})\s{1,4}10,\s{1,4}\d{1,4}\s[^\n]{1,40}\/dev\/kvm\b/m;
/** What `id -nG` or `groups` printed. */
const GROUPS = /\b(?:id -n?G\w{0,2}|groups)\b[^\n]{0,60}\n(?<groups>[^\n]{1,400}(?:\n[\w-]{1,32}(?![^\n])){0,40})/;
/** What `id` printed: `uid=1000(me) gid=1000(me) groups=1000(me),27(sudo)`. */
const IDS = /\buid=\d{1,10}\([^)\n]{1,32}\) gid=[^\n]{1,60}? groups=(?<groups>[^\n]{1,400})/;
/** What the kernel shows for ids that a user namespace does not have. */
const UNMAPPED = /^no(?:body|group)$/;
const IN_CONTAINER = /\b(?:containers?|docker(?!\.io\b)|podman(?![ -](?:machine|desktop))|kubernetes|pod|lxc|lxd)\b/i;
const ON_GITHUB = /\b(?:GHA|GitHub(?:-hosted)? (?:Actions|runners?|workflows?)|ubuntu-latest)\b/i;
const BY_LIBVIRT = /\blibvirt(?:Error|d)?\b|\bclosed the monitor\b|\bconnecting to monitor\b|\bvirt-manager\b/i;
const NOT_IN_GROUP =
  /\b(?:not (?:in|part of|a member of)|(?:isn['’]t|aren['’]t) (?:in|part of)|add(?:ing|ed)? (?:the |my )?(?:\w{2,12} )?(?:user )?(?:to|in)) (?:the )?[`'"]?kvm[`'"]? group\b/i;

/** `[ -r /dev/kvm ] && [ -w /dev/kvm ] && echo "OK" || echo "FAIL"`, and its second word as what came out. */
const TESTED =
  /\[ -[rw] \/dev\/kvm \][^\n]{0,60}\|\| echo ["']?(?:FAIL\w{0,2}|NO|denied|missing)\b[^\n]{0,40}(?:=|:|\n)[^\w\n]{0,4}(?:FAIL\w{0,2}|NO|denied|missing)\b/i;

const IN_THE_CONTAINER: Step = {
  text: "In a container the number of the group counts, not its name: give its user the number that the host's device has.",
  commands: [
    "docker run --device /dev/kvm --group-add $(stat -c %g /dev/kvm) ...",
    "podman run --device /dev/kvm --group-add keep-groups ...",
  ],
};
const QEMU_OF_LIBVIRT: Step = {
  text: "libvirt starts QEMU as a user of its own: that one needs the right.",
  commands: [
    "grep -E '^ *(user|group)' /etc/libvirt/qemu.conf; ls -l /dev/kvm",
    "sudo usermod -aG kvm libvirt-qemu   # Fedora, RHEL: qemu",
  ],
};
const GROUP_OF_DEVICE: Step = {
  text: "Give the device to the group, now and by udev's rule.",
  commands: [
    "sudo chgrp kvm /dev/kvm && sudo chmod 660 /dev/kvm",
    `echo 'KERNEL=="kvm", GROUP="kvm", MODE="0660"' | sudo tee /etc/udev/rules.d/65-kvm.rules`,
  ],
};

/** The same command works from a shell. */
const BY_HAND =
  /\b(?:direct(?:ly)?|manual(?:ly)?|by hand|from (?:the|a|my) (?:shell|terminal|command line))\b[^.\n]{0,60}\b(?<!\b(?:not|never|n['’]t) )(?:works?|worked|succeeds?|starts fine|runs fine)\b|\bworks?(?: fine)? (?:when|if) (?:I |it is |it['’]s )?(?:run|execut|start|launch)\w{0,3} (?:it )?(?:manually|directly|by hand)\b/i;

const NO_RIGHTS_SAID = /\bdon['’]t have (?:the )?(?:rights|permissions?)\b|\bnot in (?:the )?["'`]?kvm["'`]? group\b/i;

function groupsIn(text: string): readonly string[] | undefined {
  const ids = IDS.exec(text)?.groups?.groups;
  if (ids !== undefined) return [...ids.matchAll(/\d{1,10}\(([^)\n]{1,32})\)/g)].map(([, name]) => name as string);
  return GROUPS.exec(text)?.groups?.groups?.split(/[\s:]+/);
}

const IS_DENIED = /\bKVM\b[^\n]{0,60}: (?:Permission denied|Operation not permitted)/i;

const OF_LXC: Step = {
  text: "Give the container the device with a group that it knows, or open it to all on the host.",
  commands: [
    "pct set CTID --dev0 /dev/kvm,gid=GID   # Proxmox; GID of the group kvm in the container",
    "sudo chmod 666 /dev/kvm",
  ],
};

/** What the listed rights come to; undefined where none are listed, or where they explain nothing. */
export function listedRights(text: string): Says | undefined {
  const { mode, more, owner, group } = LISTED.exec(text)?.groups ?? {};
  if (mode === undefined || owner === undefined || group === undefined) return undefined;
  if (mode.slice(6, 8) === "rw" && IS_DENIED.test(text))
    return {
      says: "/dev/kvm is there, and by its mode everyone may read and write it: what refuses is not the group, but the container's list of devices, a security module (SELinux, AppArmor), or a sandbox.",
      steps: [
        {
          text: "See whether the container is given the device (character device 10:232), and what a security module says.",
          commands: ["cat /proc/self/cgroup; id -Z", "sudo dmesg | grep -iE 'apparmor|avc: +denied' | tail"],
        },
      ],
    };
  if (UNMAPPED.test(owner) || UNMAPPED.test(group))
    return {
      says: `/dev/kvm is there, and belongs to ${owner} and ${group}: the container does not map the owner of the host's device, so groups inside it do not count.`,
      steps: /\bLXC\b|\blxc\./.test(text)
        ? [OF_LXC]
        : [IN_THE_CONTAINER, { text: "Or open it to all on the host.", commands: ["sudo chmod 666 /dev/kvm"] }],
    };
  if (mode.slice(6, 8) === "rw")
    return NO_RIGHTS_SAID.test(text) && !/\bpermission denied\b/i.test(text)
      ? {
          says: "/dev/kvm is there, and everyone may read and write it: the group kvm does not count, and a program that asks for it checks the wrong thing. KVM works there as far as rights go.",
          steps: [],
        }
      : undefined;
  // Who logged in at the machine may be in the access list.
  const others = more === "+" ? "; the plus sign means further rights, which getfacl shows" : "";
  if (group === "root" && others === "")
    return {
      says: "/dev/kvm is there, and its group is root: the user root alone may open it, and the group kvm does not count.",
      steps: IN_CONTAINER.test(text) ? [GROUP_OF_DEVICE, IN_THE_CONTAINER] : [GROUP_OF_DEVICE],
    };
  const groups = groupsIn(text);
  return groups === undefined || groups.includes(group)
    ? undefined
    : {
        says: `/dev/kvm is there for root and the group ${group}, and the groups that the text lists are without it (${groups
          .filter((one) => one !== "")
          .join(", ")
          .slice(0, 80)})${others}.`,
        steps: [JOIN_KVM, ...(others === "" ? [] : [{ text: "See who else may.", commands: ["getfacl /dev/kvm"] }])],
      };
}

/** The rights in a text without a message. */
export function rightsIn(text: string): Says | undefined {
  const found = listedRights(text);
  if (found !== undefined) return found;
  if (TESTED.test(text))
    return {
      says: "The test of /dev/kvm in the text fails: the user may not read and write the device then, or the device is gone. That is about the rights of the file, which udev or a program may change at any time: VT-x and nested virtualization are not what is missing.",
      steps: [
        {
          text: "See the device and its access list at that moment.",
          commands: ["ls -l /dev/kvm; getfacl /dev/kvm; id -nG"],
        },
        JOIN_KVM,
      ],
    };
  if (!NOT_IN_GROUP.test(text)) return found;
  return {
    says: "The text is about the right to open /dev/kvm, which the group kvm has: KVM itself is there.",
    steps: [JOIN_KVM, ...(IN_CONTAINER.test(text) ? [IN_THE_CONTAINER] : [])],
  };
}

/** A program that found no KVM, where the text says that its user is not in the group. */
export const outsideGroup = (text: string): readonly Step[] =>
  NO_RIGHTS_SAID.test(text) && !JOINED.test(text) ? [JOIN_KVM] : [];

/** A program that runs as a snap, by where its files are, and what its confinement comes to. */
export const IN_SNAP = /\/home\/[^\s/]{1,32}\/snap\/[^\0]{1,4000}\bOperation not permitted\b/;

const LOG_IN_AGAIN: Step = {
  text: "Log out and in again, or start a shell that has the group.",
  commands: ["newgrp kvm; id -nG"],
};
/** Typed, and no advice of a program. */
const JOINED =
  /^\W{0,12}(?:sudo )?(?:usermod -aG kvm|adduser \S{1,32} kvm)\b[^?\n]{0,80}$|`(?:sudo )?usermod -aG kvm [^`\n]{1,40}`/m;

/** The line of the group as the Android emulator shows it, with a user in it. */
const IN_GROUP_FILE = /\bin \/etc\/group is: \[kvm:[^:\]\n]{0,8}:\d{1,8}:(?<users>[\w.,-]{1,200})\]/;

/** The text says that the device may be opened, and what happens then. */
const HAS_ACCESS =
  /\b(?:do|does) have access to [`'"]?\/dev\/kvm\b|\bif I (?:deny|remove|revoke) (?:the )?(?:access|permission)/i;

/** What the text adds to an answer that the device may not be opened. */
export function withRights(found: TextVerdict, text: string): TextVerdict {
  if (IN_SNAP.test(text))
    return {
      ...found,
      covers: [...found.covers, "any-no-kvm", "qemu-no-kvm"],
      says: "The kernel forbids the program to use /dev/kvm: it runs as a snap, whose confinement lets it do so only where its plug kvm is connected. The group kvm and the mode of the file do not count then.",
      steps: [
        {
          text: "Connect it; the snap has to have the plug.",
          commands: ["snap connections NAME", "sudo snap connect NAME:kvm"],
        },
      ],
    };
  if (HAS_ACCESS.test(text))
    return {
      ...found,
      says: "The text says that /dev/kvm may be opened; the message is what comes where it may not. So KVM is loaded and used, and the guest itself fails with it.",
      steps: [
        {
          text: "Keep QEMU from restarting the guest, and see where it stops.",
          commands: ["qemu-system-x86_64 -enable-kvm -no-reboot -d cpu_reset ...", "sudo dmesg | tail"],
        },
      ],
    };
  const users = IN_GROUP_FILE.exec(text)?.groups?.users;
  if (users !== undefined)
    return {
      ...found,
      says: `${found.says} The group kvm has members already (${users}): a session that is older than the change is without it, and so is every other user.`,
      steps: [LOG_IN_AGAIN],
    };
  if (JOINED.test(text))
    return {
      ...found,
      says: `${found.says} The text adds a user to the group kvm: that counts from the next login on, and not for programs that run already.`,
      steps: [LOG_IN_AGAIN],
    };
  const said = listedRights(text);
  if (said !== undefined) return { ...found, says: `${found.says} ${said.says}`, steps: said.steps };
  if (BY_LIBVIRT.test(text) && !/qemu:\/\/\/session(?!`)/.test(text))
    return {
      ...found,
      says: `${found.says} Under libvirt that is QEMU's own user.`,
      steps: [QEMU_OF_LIBVIRT],
    };
  if (BY_HAND.test(text))
    return {
      ...found,
      says: `${found.says} The text says that it works by hand: the program that starts QEMU runs it as another user, or where it does not get the device.`,
      steps: [
        {
          text: "Give the right to the user as whom that program starts QEMU, and start the program again.",
          commands: ["ls -l /dev/kvm; sudo usermod -aG kvm USER"],
        },
      ],
    };
  if (ON_GITHUB.test(text) && !/\bself-hosted\b/i.test(text))
    return {
      ...found,
      says: `${found.says} On GitHub's hosted runners it is there for root alone, until a rule opens it: nested virtualization is not what is missing.`,
      steps: [
        { ...outerStep("GitHub Actions"), text: "Open it in a step of the workflow, before the program starts." },
      ],
    };
  return IN_CONTAINER.test(text) ? { ...found, steps: [IN_THE_CONTAINER, ...found.steps] } : found;
}

import type { Decoded } from "../../../answers/answer.js";
import { listText } from "../../../bits/list-text.js";
import { listedModules } from "../../../input/formats/linux/installed-kernels.js";
import type { ExplainContext } from "../../context.js";
import type { Match } from "../../match.js";

/** Its modules are packages of their own. */
const OPENWRT = /\bOpenWrt\b|\bopkg\b|\biStoreOS\b|\bImmortalWrt\b/i;
const ALL = 4000;

/** modprobe finds no file of the module: whether /lib/modules has a directory of the running kernel. */
export function decodeModuleNotFound([match]: readonly [Match, ...Match[]], context: ExplainContext): Decoded {
  const lines = context.lines(1, ALL);
  if (lines.some((line) => OPENWRT.test(line)))
    return {
      what: "This system has KVM's modules in packages of their own, which are not installed. That says nothing about VT-x.",
      onlyCauses: true,
      steps: [
        {
          text: "Install them, for the vendor of the CPU.",
          commands: ["opkg update; opkg install kmod-kvm-x86 kmod-kvm-intel   # AMD: kmod-kvm-amd", "ls -l /dev/kvm"],
        },
      ],
      onlySteps: true,
    };
  const directory = match.groups.directory ?? match.groups.directory2;
  const running = directory === undefined ? context.kernel?.text : /\/modules\/([^/\s]{1,80})/.exec(directory)?.[1];
  const core = `kernel-core-${running}`;
  const has = (name: string): boolean => lines.some((line) => line.trim().startsWith(name));
  if (running !== undefined && has(core) && !has(`kernel-modules-core-${running}`) && !has(`kernel-modules-${running}`))
    return {
      what: `The running kernel ${running} is installed without its packages of modules, as the list of packages shows. VT-x is not the reason.`,
      onlyCauses: true,
      steps: [
        {
          text: "Install them, and load the module.",
          commands: [
            "sudo dnf install kernel-modules-core-$(uname -r) kernel-modules-$(uname -r)",
            "sudo modprobe kvm_intel",
          ],
        },
      ],
      onlySteps: true,
    };
  const listed = listedModules(lines);
  if (running === undefined || listed === undefined) return {};
  const others = listed.filter((release) => release !== running);
  if (others.length === listed.length)
    return {
      what: `The running kernel is ${running}, and /lib/modules has no directory of it any more, only of ${listText(others)}: an update removed its modules. VT-x is not the reason.`,
      onlyCauses: true,
      steps: [{ text: "Restart into the installed kernel." }],
      onlySteps: true,
    };
  return {
    what: `The running kernel ${running} has a directory in /lib/modules, and the module is not in it: its package of modules is not installed any more, or in part, or this kernel was built without KVM.`,
    onlyCauses: true,
    steps: [
      ...(others.length === 0
        ? []
        : [
            {
              text: `Restart into another kernel that is installed (${listText(others)}), or install the modules of this one.`,
            },
          ]),
      {
        text: "See what of KVM there is, and how this kernel was built.",
        commands: [
          "find /lib/modules/$(uname -r) -name 'kvm*'; grep -E 'CONFIG_KVM(_INTEL)?=' /boot/config-$(uname -r)",
        ],
      },
    ],
    onlySteps: true,
  };
}

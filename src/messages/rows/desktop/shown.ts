import type { Needless, Shown } from "../../desktop-messages.js";
import { HYPERV_OFF, KVM_ON_LINUX, WHPX_ON } from "../shared-advice.js";

/** What a text shows of its machine in words: a pattern, and one that rules it out. */
export const SHOWN: readonly Shown[] = [
  // Where programs and files are on Linux and nowhere else.
  [
    "on Linux",
    /\/usr\/(?:lib\/virtualbox|bin\/(?:VBoxManage|VirtualBox))\b|\/proc\/(?:sys|cpuinfo)\b|\bGNU\/Linux\b/,
    /\b[A-Z]:\\|\bWSL|\bWindows (?:host|\d\d|Pro)\b/,
  ],
  ["on Windows", /\bWindows[ -]{0,2}(?:7|8|10|11|Vista|Server)\b|\b[A-Z]:\\/i, /\/dev\/kvm|\buname\b|\bUbuntu\b/i],
  // Windows 11 begins with build 22000, and still calls itself version 10.0.
  [
    "Windows 10",
    /\bWindows 10\b|\b10\.0\.1\d{4}\b|\bVersion \d\dH\d \(?(?:OS )?Build 1\d{4}\b/i,
    /\bWindows 11\b|\b10\.0\.2[2-9]\d{3}\b|\bBuild 2[2-9]\d{3}\b/i,
  ],
  ["macOS", /\b(?:mac ?OS|OS X|MacBook|iMac|Darwin|x?hyve|hyperkit)\b/i, /\bFreeBSD\b|\billumos\b/],
  // What CPUID says to VirtualBox on Windows.
  ["no hypervisor below", /\(HVP=0\)/],
  // People who looked.
  [
    "said to be on",
    /(?<!\b(?:ensure|sure|must|please|check|verify|see|whether|if|that|until|once|unless|when)\b[^.\n]{0,24})\b(?:virtuali[sz]ation|VT-?x|SVM|AMD-V)\b(?: \w{1,12}){0,3} (?:is|are|was|has been|already) (?:\w{1,10} )?(?:enabled|turned on|activated|on)\b|(?<!\byou )\b(?:I|I've|have|already) (?:\w{1,10} )?(?:enabled|turned on|activated|checked)(?: \w{1,14}){0,3} (?:virtuali[sz]ation|VT-?x|SVM)\b|^\s{0,8}Virtuali[sz]ation: Enabled/im,
    /\b(?:virtuali[sz]ation|VT-?x|SVM)\b(?: \w{1,12}){0,3} (?:is|are|was) not\b/i,
  ],
];

/** Steps that this makes needless. */
export const NEEDLESS: readonly Needless[] = [
  [HYPERV_OFF.text, "on Linux"],
  [HYPERV_OFF.text, "no hypervisor below"],
  [KVM_ON_LINUX.text, "on Windows"],
  [KVM_ON_LINUX.text, "macOS"],
  [WHPX_ON.text, "on Linux"],
  [WHPX_ON.text, "macOS"],
];

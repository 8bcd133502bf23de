import type { Shown } from "../../desktop-messages.js";
import { SAID_OFF, SAID_ON } from "../../verdict/desktop/said-on.js";

/** What a text shows of its machine in words: a pattern, and one that rules it out. */
export const SHOWN: readonly Shown[] = [
  // Where programs and files are on Linux and nowhere else, and what VirtualBox calls a failure everywhere but on Windows.
  [
    "on Linux",
    /\/usr\/(?:lib\/virtualbox|bin\/(?:VBoxManage|VirtualBox))\b|\/proc\/(?:sys|cpuinfo)\b|\bGNU\/Linux\b|\bNS_ERROR_FAILURE\b|\blsb_release\b|\blsmod\b|\bHost (?:OS|operating system|platform)\b(?: Type)?(?: is|[\s:#*=]{1,8})(?:\$ [^\n]{1,40}\n)?[^\n]{0,16}\b(?:Linux|Ubuntu|Debian|Fedora|Arch|CentOS|openSUSE|Mint|NixOS|Manjaro)\b/i,
    /\b[A-Z]:\\|\bWSL|\bWindows (?:host|\d\d|Pro)\b|\bVBoxManage\.exe\b|\bmac ?OS\b|\bOS X\b|\bDarwin\b/i,
  ],
  ["on Windows", /\bWindows[ -]{0,2}(?:7|8|10|11|Vista|Server)\b|\b[A-Z]:\\/i, /\/dev\/kvm|\buname\b|\bUbuntu\b/i],
  // Windows 11 begins with build 22000, and still calls itself version 10.0.
  [
    "Windows 10",
    /\bWindows 10\b|\b10\.0\.1\d{4}\b|\bVersion \d\dH\d \(?(?:OS )?Build 1\d{4}\b/i,
    /\bWindows 11\b|\b10\.0\.2[2-9]\d{3}\b|\bBuild 2[2-9]\d{3}\b/i,
  ],
  // No hypervisor of Windows' own, on a desktop.
  [
    "Windows 7",
    /\bWindows (?:7|Vista|XP)\b(?! ?(?:guest|VM|image|iso|virtual))/i,
    /\bWindows (?:8|10|11|Server)\b|\bHyper-?V\b|\bguest (?:OS|operating system)\b[^\n]{0,20}\n{0,2}[^\n]{0,20}Windows|\bLinux\b|\bUbuntu\b|\bmac ?OS\b|\bOS X\b|\b(?:run|install|boot|start)(?:s|ning|ing|ed)? (?:a |an )?Windows (?:7|Vista|XP)\b(?! (?:host|machine|PC|laptop|system))/i,
  ],
  [
    "macOS",
    /\b(?:mac ?OS|OS X|MacBook|iMac|Darwin|x?hyve|hyperkit)\b/i,
    /\bFreeBSD\b|\billumos\b|\bWindows (?:7|8|10|11)\b|\b[A-Z]:\\|\bVBoxManage\.exe\b/,
  ],
  // What CPUID says to VirtualBox on Windows.
  ["no hypervisor below", /\(HVP=0\)/],
  // People who looked.
  ["said to be on", SAID_ON, SAID_OFF],
];

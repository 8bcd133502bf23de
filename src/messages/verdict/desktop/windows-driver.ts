import { answer, type TextVerdict } from "../../../answers/answer.js";
import type { Advice } from "../../../answers/message.js";
import { isSaidOn } from "../../../input/prose/said-on.js";
import { isWithoutHyperV } from "../../../input/prose/windows-words.js";
import { insideOf } from "../../../why/below/named-outer.js";
import { outerStep } from "../../../why/questions/next-steps.js";
import { ENABLE_FIRMWARE, HYPERV_OFF, SEE_SECURITY } from "../../rows/shared-advice.js";

/*
 * A hypervisor of one's own comes as a driver on Windows, which says with a number why it did not start. The numbers: Microsoft,
 * system error codes.
 */

const HYPERVISOR =
  /\bVMM driver\b|VMX\b|\bVT-?x\b|\bHVCI\b|\bhypervisor\b|\b(?:HyperDbg|HyperHide|airhv|HyperPlatform|DdiMon|SimpleVisor|HyperBone|DBVM)/i;
const NO_DRIVER =
  /\b(?:fail\w{0,3}|unable|cannot|can['’]t|could ?n['’o]t|does ?n['’o]t(?: want)?|won['’]t) (?:to )?(?:install or load|install|load|start)\w{0,3} (?:the |its |my |a )?(?:\w{2,12} )?driver\b|\bdriver (?:\w{2,10} ){0,2}(?:failed to load|can ?not be loaded|blocked from loading|does ?n['’]t load|not load\w{0,3})\b/i;
const STARTED =
  /\b(?:StartService\w{0,8}|(?:load|start|install)\w{0,3}\b[^\n]{0,16}\bdriver|driver[^\n]{0,30}\b(?:load|start)\w{0,3})\b[^\n]{0,40}?(?:fail\w{0,4}|error\w{0,5}|LastError|失败)[^\n\w]{0,4}(?:(?:with |code )?error |code )?(?:\(?0x(?<hex>[0-9a-f]{1,8})\b|\((?<bare>[0-9a-f]{1,4})\)|(?<code>\d{1,5})\b)/i;

/** What the driver printed itself. */
const LOADED = /\bVMLAUNCH on\b|\bvmx-root\b|\bVmx\w{4,40}:\d/;

type Reason = "refused itself" | "signature" | "other Windows" | "file" | "rights";
const CODES: { readonly [code: number]: readonly [says: string, reason: Reason] } = {
  1: ["the function is not there", "refused itself"],
  2: ["the driver's file was not found", "file"],
  3: ["the driver's path was not found", "file"],
  5: ["access denied", "rights"],
  31: ["the driver's own start routine failed", "refused itself"],
  50: ["not supported", "refused itself"],
  127: ["the driver asks for a function that this Windows does not have", "other Windows"],
  193: ["the driver is built for another architecture", "other Windows"],
  577: ["the driver's signature is not accepted", "signature"],
  647: ["the driver's own start routine failed", "refused itself"],
  1058: ["the service is disabled", "file"],
  1275: ["Windows blocks the driver", "signature"],
};

const TEST_SIGNING: Advice = {
  text: "For a driver without Microsoft's signature: test signing, and memory integrity off (Secure Boot has to be off).",
  commands: ["bcdedit /set testsigning on"],
};

/** The driver of a hypervisor, which Windows did not start. */
export function driverNotStarted(text: string): Omit<TextVerdict, "covers"> | undefined {
  if (text.length > LONGEST || !HYPERVISOR.test(text) || LOADED.test(text)) return undefined;
  const { hex, bare, code } = STARTED.exec(text)?.groups ?? {};
  const number = code === undefined ? Number.parseInt(hex ?? bare ?? "", 16) : Number(code);
  const status = CODES[number];
  if (status !== undefined) return ofCode(number, status, text);
  const driver = NO_DRIVER.exec(text)?.[0];
  if (driver === undefined) return undefined;
  return answer(
    `Windows did not load the program's driver ("${driver}"). That comes before the driver uses VT-x: its signature is not accepted, memory integrity (HVCI) refuses it, or it was built for another Windows. A driver that was loaded can also end itself, where Windows' own hypervisor has VT-x.`,
    [SEE_SECURITY, TEST_SIGNING],
  );
}

/** Cheat Engine's own hypervisor, in trouble; of systems that freeze with it there is more to say. */
export function ofDbvm(text: string): Omit<TextVerdict, "covers"> | undefined {
  if (
    text.length > LONGEST ||
    !/\bD(?:BV|VB)M\b/i.test(text) ||
    FREEZES.test(text) ||
    DETECTS.test(text) ||
    IN_HYPER_V.test(text)
  )
    return undefined;
  return answer(
    "DBVM is a hypervisor of Cheat Engine's own. It needs VT-x (or AMD-V) on in the firmware setup, and Windows' own hypervisor off: memory integrity, WSL2 and some virus scanners run one as well. Where both hold and it crashes, the fault is in DBVM, or in what it does not know of this CPU.",
    [SEE_SECURITY, HYPERV_OFF, ENABLE_FIRMWARE],
  );
}
/** It runs in a machine of Hyper-V, or another hypervisor of a driver is what is tried. */
const IN_HYPER_V = /\bhyper-?v(?:['’]s)? (?:guest|VM|with nested)\b|-ExposeVirtualizationExtensions\b|\bHyperDbg\b/i;
const DETECTS = /\bhow\b[^\n?]{0,40}\b(?:detect|check|know)\b/i;
const FREEZES = /\b(?:freez|frozen?|hang|lock(?:s|ed)? ?up|CLOCK_WATCHDOG)/i;

/** A longer text is a log. */
const LONGEST = 6_000;

function ofCode(number: number, [says, reason]: (typeof CODES)[number], text: string): Omit<TextVerdict, "covers"> {
  const what = `Windows did not start the hypervisor's driver: ${says} (error ${number}).`;
  if (reason !== "refused itself")
    return answer(
      `${what} That comes before the driver uses VT-x.`,
      reason === "signature"
        ? [SEE_SECURITY, TEST_SIGNING]
        : reason === "other Windows"
          ? [{ text: "Take a driver that is built for this Windows.", commands: ["winver"] }]
          : [
              {
                text: "Install it again as administrator, and see how it is registered.",
                commands: ["sc.exe qc NAME"],
              },
            ],
    );
  const inside = insideOf(text);
  return answer(
    `${what} Windows loaded it; such a driver ends so where it finds no VT-x that it can have: Windows' own hypervisor runs${isSaidOn(text) ? "" : ", VT-x is off in the firmware setup"}${inside === undefined ? ", or, in a virtual machine, not passed to it" : `, or, here, ${inside} does not pass it`}.`,
    [
      ...(inside === undefined ? [] : [outerStep(inside)]),
      SEE_SECURITY,
      { text: "Read what the driver itself says.", commands: ["DbgView (Capture, Capture Kernel)"] },
      ...(isWithoutHyperV(text) ? [] : [HYPERV_OFF]),
    ],
  );
}

/** Hypervisors that are drivers of Windows, and what its compiler, its kernel and its debugger have. */
const WINDOWS_ALONE =
  /\b(?:HyperPlatform|DdiMon|EopMon|MemoryMon|hvpp|HyperDbg|HyperBone|HyperWin|airhv|gbhv|memhv|VivienneVMM|DBVM|__(?:read|write)msr|__vmx_\w{2,20}|DbgPrint(?:Ex)?|KdPrint\w{0,3}|DbgView|WinDbg|KeBugCheck(?:Ex)?|KeIpiGenericCall|DriverEntry|KDMAPPER)\b|\bnt!\w{2,40}/i;
/** Together: a hypervisor is written, and Windows is what it runs on. */
const OF_WINDOWS =
  /\b(?:BSODs?|blue ?screens?|PatchGuard|test ?signing|Win(?:dows)? ?(?:7|8|10|11)|\w{2,24}\.sys)\b|蓝屏/i;
const WRITTEN =
  /\b(?:VMCS|VM_?LAUNCH|VM_?RESUME|VMXON|vmexit\w{0,8}|vm[- ]exit handler|my (?:own )?hypervisor|by the hypervisor|EPT ?hooks?|proc_based_\w{2,20}|CPU_BASED_\w{3,40}|SimpleVisor|hypervisor-from-scratch)\b/i;
const ELSEWHERE =
  /\b(?:KVM|QEMU|Linux|Ubuntu|insmod|modprobe|dmesg|rdmsr|U?EFI|edk2|OVMF|macOS|Proxmox|Hyper-?V guest)\b|\/dev\/|\/proc\//i;

/** Whether the text is about a hypervisor that is being written or tried as a driver on Windows. */
export const isWindowsDriver = (text: string): boolean =>
  text.length <= LONGEST_WRITTEN &&
  !ELSEWHERE.test(text) &&
  (WINDOWS_ALONE.test(text) || (OF_WINDOWS.test(text) && WRITTEN.test(text)));
const LONGEST_WRITTEN = 20_000;

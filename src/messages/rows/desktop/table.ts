import type { Recognised } from "../../../answers/answer.js";
import { parametersNamed } from "../../../answers/asked/name-asked.js";
import { mixedHosts } from "../../../answers/mixed-hosts.js";
import { topicAsked, withRule } from "../../../answers/topics.js";
import { decodeHaxmChecktool } from "../../decoders/haxm.js";
import { decodeHvStatus } from "../../decoders/hv-status.js";
import {
  decodeErrorInWords,
  decodeExitHandler,
  decodeFieldNumber,
  decodeInstructionFlags,
  decodeKvmRunExit,
} from "../../decoders/hypervisor-author.js";
import { decodeVboxStatus } from "../../decoders/vbox.js";
import { decodeWindowsStatus } from "../../decoders/windows-status.js";
import type { DesktopMessages } from "../../desktop-messages.js";
import { authorInstead, authorQuestion } from "../../verdict/desktop/author-questions.js";
import { apicvInhibited } from "../../verdict/desktop/features/apicv-inhibited.js";
import { featureForGuests } from "../../verdict/desktop/features/guest-features.js";
import { joinedOnDesktop } from "../../verdict/desktop/joined.js";
import { featureOfNamed, namedThing, withFeatures } from "../../verdict/desktop/named-thing.js";
import { bootTrouble } from "../../verdict/desktop/shown/boot-trouble.js";
import { describesChange, ofChange } from "../../verdict/desktop/shown/described-change.js";
import { notGiven } from "../../verdict/desktop/shown/given-cpu.js";
import { hostAndGuest } from "../../verdict/desktop/shown/host-and-guest.js";
import { onMshv } from "../../verdict/desktop/shown/on-mshv.js";
import { unreadOptions } from "../../verdict/desktop/shown/unread-options.js";
import { wantsOff } from "../../verdict/desktop/shown/wants-off.js";
import { byAnother } from "../../verdict/desktop/shown/who-decides.js";
import { withoutKvm } from "../../verdict/desktop/shown/without-kvm.js";
import { subjectOf } from "../../verdict/desktop/subject.js";
import { askedAbout, asksOfKvmHost } from "../../verdict/desktop/subject-linux.js";
import { troubleOf } from "../../verdict/desktop/trouble-linux.js";
import { driverNotStarted, ofDbvm } from "../../verdict/desktop/windows-driver.js";
import { withWords } from "../../verdict/desktop/words-beside.js";
import { exitStats, withStats } from "../../verdict/exit-stats.js";
import { bisected, parameterHelped } from "../../verdict/guests/bisected.js";
import { codeInCxl } from "../../verdict/guests/code-in-cxl.js";
import { guestFirmware } from "../../verdict/guests/guest-firmware.js";
import { nestedReset, windowsWatchdog } from "../../verdict/guests/guest-kinds.js";
import { hyperVInside } from "../../verdict/guests/inner-hyperv.js";
import { emulated, hasShadow, kvmRuns, onlyByKvm, vcpuTraced } from "../../verdict/guests/kvm-runs.js";
import { kvmUnitTests } from "../../verdict/kvm-unit-tests.js";
import { migrationFails, streamCut } from "../../verdict/migration.js";
import { ANDROID_MESSAGES } from "./android.js";
import { AUTHORS_MESSAGES } from "./authors.js";
import { BHYVE_MESSAGES } from "./bhyve.js";
import { DESKTOP_MESSAGES } from "./desktop.js";
import { HAXM_MESSAGES } from "./haxm.js";
import { SHOWN } from "./shown.js";
import { VIRTUALBOX_MESSAGES } from "./virtualbox.js";
import { VMWARE_MESSAGES } from "./vmware.js";
import { WINDOWS_MESSAGES } from "./windows.js";

const idsOf = (recognised: readonly Recognised[]) => recognised.map(({ message }) => message as string);

/** A parameter of KVM was read: its module is loaded, so VT-x is on. */
const readsParameter = (text: string): boolean => /\bkvm_intel\b[^\0]{0,40}?\b[a-z]\w{2,30} ?= ?[YN]\b/.test(text);

const subjectIn: DesktopMessages["subject"] = (text, machine) =>
  apicvInhibited(text) ??
  guestFirmware(text) ??
  (machine?.hasRegisters === true ? undefined : mixedHosts(text)) ??
  namedThing(text, machine) ??
  authorQuestion(text, machine) ??
  troubleOf(text, machine) ??
  (machine === undefined ? topicAsked(text, false) : undefined) ??
  (asksOfKvmHost(text) ? askedAbout(text, machine) : undefined) ??
  (machine === undefined && readsParameter(text)
    ? undefined
    : (subjectOf(text, machine) ?? askedAbout(text, machine))) ??
  (machine === undefined ? parametersNamed(text) : undefined);

/** The messages of desktop products, and the decoders that only they need. */
export const DESKTOP: DesktopMessages = {
  rows: [
    ...VIRTUALBOX_MESSAGES,
    ...VMWARE_MESSAGES,
    ...WINDOWS_MESSAGES,
    ...ANDROID_MESSAGES,
    ...BHYVE_MESSAGES,
    ...DESKTOP_MESSAGES,
  ],
  lastRows: [...HAXM_MESSAGES, ...AUTHORS_MESSAGES],
  joined: (text, recognised, machine) =>
    streamCut(text, idsOf(recognised)) ??
    hostAndGuest(text, idsOf(recognised)) ??
    notGiven(text, idsOf(recognised)) ??
    (recognised.every(({ product }) => product === "VMX") ? kvmUnitTests(text) : undefined) ??
    (recognised.length === 0
      ? (driverNotStarted(text) ??
        ofDbvm(text) ??
        bisected(text) ??
        parameterHelped(text) ??
        hyperVInside(text) ??
        onlyByKvm(text) ??
        nestedReset(text) ??
        windowsWatchdog(text) ??
        emulated(text) ??
        (hasShadow(text) ? kvmRuns(text, machine) : undefined) ??
        migrationFails(text) ??
        codeInCxl(text) ??
        featureForGuests(text) ??
        vcpuTraced(text) ??
        (machine?.situation.host.cores[0].cpuid.features.vmx === true ? kvmRuns(text, machine) : undefined))
      : undefined) ??
    (machine === undefined &&
    recognised.length > 0 &&
    recognised.every(({ message }) => message === "any-feature-missing")
      ? featureOfNamed(text, true)
      : undefined) ??
    authorInstead(text, recognised, machine) ??
    (machine === undefined ? ofChange(text, recognised) : undefined) ??
    onMshv(text, recognised) ??
    bootTrouble(text, recognised) ??
    wantsOff(text, recognised) ??
    (machine === undefined ? withoutKvm(text, recognised) : undefined) ??
    joinedOnDesktop(text, recognised, machine),
  subject: (text, machine) =>
    exitStats(text) ?? (machine === undefined && describesChange(text) ? undefined : subjectIn(text, machine)),
  withWords: (found, text, recognised, machine) =>
    byAnother(
      unreadOptions(
        withRule(
          withStats(withFeatures(withWords(found, text, recognised, machine), text, recognised, machine), text),
          text,
        ),
        text,
        machine,
      ),
      text,
      recognised,
      machine,
    ),
  shown: SHOWN,
  decoders: {
    "error-in-words": decodeErrorInWords,
    "exit-handler": decodeExitHandler,
    "field-number": decodeFieldNumber,
    "instruction-flags": decodeInstructionFlags,
    "kvm-run-exit": decodeKvmRunExit,
    "haxm-checktool": decodeHaxmChecktool,
    "hv-status": decodeHvStatus,
    "vbox-status": decodeVboxStatus,
    "windows-status": decodeWindowsStatus,
  },
};

import { hostsOfPrompts } from "../../situation/evidence/own-machine.js";
import { proseOf } from "./guests/guest-verdict.js";

/*
 * What a whole text is about, as far as a pattern shows it.
 */

/** The host's own device is at stake. */
export const LISTS_DEVICE = /\b10, {1,4}232\b[^\n]{1,40}\/dev\/kvm\b/;

/** QEMU over another accelerator than KVM, which passes no VMX. */
export const usesOther = (text: string | undefined): boolean =>
  text !== undefined &&
  (/\baccel[= ](?:hvf|whpx|hax|nvmm)\b/.test(text)
    ? !/-enable-kvm\b/.test(text)
    : /\baccel[= ]tcg\b/.test(text) && !/\baccel[= ]kvm\b|-enable-kvm\b/.test(text));

/** In a sentence, and not among flags. */
export const asksVtx = (text: string | undefined): boolean => text === undefined || ASKS_VTX.test(proseOf(text));

/** VT-x is spoken of, and not a parameter of KVM alone. */
export const ASKS_VTX =
  /(?<![-_.\w])(?:VT-?x|vmx|(?<!\b(?:detects?|detecting|detected) )virtuali[sz]ation(?! (?:detection|platform|products?|software))|虚拟化)(?![-_\w])/i;

/** Guests with VMX are what it is about; a list of parameters has the word, too. */
export const OF_NESTED = /(?<![/_.,{])\bnest(?:ed|ing)\b(?!["'`]?\s{0,40}(?:[:=,}]|-->|<==|\n))|嵌套/i;

/** Outputs of a guest and of what it runs in. */
export const OF_TWO =
  /^[^\n$#]{0,40}\b(?:on|from|of|in) (?:the |my )?(?:host|hypervisor|L0|guest|VM|L1)\b[^\n$#]{0,24}:\s*$/im;

/** The domain that libvirt refused is the one that should have been made: nothing comes from inside it. */
export const OWN_DOMAIN = /\bdefining (?:libvirt )?domain xml:?\s{0,4}<domain\b/i;

/** Numbers of processors that only Intel makes, all with VT-x. */
export const OF_INTEL = /^(?:i[3579]-\d|E[357]-\d)/;

/** A longer text is a log. */
const LONGEST_OF_TWO = 20_000;
const HOST_HEADING = /^.{0,40}\b(?:host|hypervisor|L0)\b/im;
const GUEST_HEADING = /^.{0,40}\b(?:guest|VM|virtual machine|L1)\b/im;

/** Whether it may hold outputs of a host and of its guest: that is looked at where it may. */
export const mayBeOfTwo = (text: string): boolean =>
  text.length <= LONGEST_OF_TWO &&
  ((HOST_HEADING.test(text) && GUEST_HEADING.test(text)) || OF_HOST.test(text) || hostsOfPrompts(text) > 1);

/** Outputs of a host of guests. */
const OF_HOST = /\/parameters\/nested\b|\b(?:virsh|qm) \w|^\s{0,8}kvm_(?:intel|amd) {1,24}\d/m;

const NAMES_INTEL = /\bIntel\b|\bVT-?x\b|\bkvm[_-]intel\b/i;
const NAMES_AMD = /\bAMD\b|\bSVM Mode\b|\bkvm[_-]amd\b/i;

/** What a kernel's log has of Intel's CPUs alone: graphics of the CPU, its sensors and memory controllers, its module of KVM. */
const INTEL_HARDWARE =
  /\bi915 0000:00:02\.0\b|\bEDAC (?:skx|sbridge|i10nm|ie31200|i7core)\b|\b(?:intel_powerclamp|intel_rapl\w{0,12}|intel_cstate|intel_pstate|x86_pkg_temp_thermal)\b|\bModules linked in:[^\n]{0,2000}\bkvm_intel\b/;
export const showsIntel = (text: string): boolean => INTEL_HARDWARE.test(text);

/** Intel's CPUs are spoken of, and AMD's are not. */
export const isOfIntel = (text: string): boolean => NAMES_INTEL.test(text) && !NAMES_AMD.test(text);

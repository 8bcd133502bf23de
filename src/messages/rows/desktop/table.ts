import { decodeHaxmChecktool } from "../../decoders/haxm.js";
import { decodeVboxStatus } from "../../decoders/vbox.js";
import type { DesktopMessages } from "../../desktop-messages.js";
import { ANDROID_MESSAGES } from "./android.js";
import { DESKTOP_MESSAGES } from "./desktop.js";
import { HAXM_MESSAGES } from "./haxm.js";
import { VIRTUALBOX_MESSAGES } from "./virtualbox.js";
import { VMWARE_MESSAGES } from "./vmware.js";
import { WINDOWS_MESSAGES } from "./windows.js";
import { checkedOnDesktop } from "./windows-check.js";

/** The messages of desktop products, and the decoders that only they need. */
export const DESKTOP: DesktopMessages = {
  rows: [...VIRTUALBOX_MESSAGES, ...VMWARE_MESSAGES, ...WINDOWS_MESSAGES, ...ANDROID_MESSAGES, ...DESKTOP_MESSAGES],
  lastRows: HAXM_MESSAGES,
  checked: checkedOnDesktop,
  decoders: { "haxm-checktool": decodeHaxmChecktool, "vbox-status": decodeVboxStatus },
};

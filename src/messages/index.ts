/**
 * Messages: what a line of a log, or a whole pasted thread, says about virtualization: what happened, which rule refused and
 * since when, and the smallest thing to change. The messages of Linux, KVM, QEMU, libvirt and their like are always known;
 * those of VirtualBox, VMware, Windows and other desktop products are a chunk of their own, which `desktopMessages` loads.
 *
 * @module messages
 */
export type { Explanation } from "../answers/answer.js";
export type { ExplainOptions } from "./context.js";
export { desktopMessages } from "./desktop-messages.js";
export { explain, explainStream } from "./explain.js";

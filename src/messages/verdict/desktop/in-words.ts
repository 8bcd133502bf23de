/* What a text says in words of where it was written. */

/** Questions of forms, and conditions in what programs print: they do not describe this machine. */
const ASKED =
  /\bAre you running inside a virtuali[sz]ed Windows[^:\n]{0,60}:?(?!\s{0,6}yes\b)[^\n]{0,80}|\bif you(?: are|'re)\b[^.\n]{0,80}/gi;
export const saidOf = (text: string): string => text.replace(ASKED, "");

export const IN_A_MACHINE =
  /\bWi?n?dows (?:\d\d |Server \d{0,4} ?)?VM\b|\bVDI\b|\bvirtual desktop\b|\bvirtuali[sz]ed (?:VMware|Windows)\b|\b(?:VM|Windows|Win\d\d) (?:running )?(?:on|under|in) (?:ESXi|Parallels|Proxmox)\b|\b(?:inside|in|on|within) (?:a|an|my|this|the) (?:\w{2,12} )?(?:VM|virtual machine|VPS)\b/i;

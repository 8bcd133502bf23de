/*
 * What people switched on in Windows already, and releases of other products that lack something.
 */

const PLATFORM_ON =
  /\b(?:I|I['’]ve|we|we['’]ve|already|also|having)(?: (?:have|already|also|just|had|both)){0,2} (?:enabled|turned on|switched on|activated|installed|checked|ticked|added)\b[^.\n]{0,60}\bVirtual ?Machine ?Platform\b|(?<!\b(?:if|whether|ensure|sure|check|verify|that|unless|when)\b[^.\n]{0,40})\bVirtual ?Machine ?Platform\b["'”`]?(?:,? (?:and|&|\+) [\w -]{2,40}?| features?)?(?: (?:is|are|was|were|has been|have been|both|all|already|also)){1,3} (?:enabled|turned on|switched on|activated|installed|checked|ticked|added|on)\b|\bVirtual ?Machine ?Platform\b["'”`]?[ \t]{0,8}[:=|][ \t]{0,8}(?:enabled|on|yes|checked|installed)\b|\bFeatureName {1,12}: VirtualMachinePlatform\b[^\0]{1,200}?\bState {1,20}: Enabled\b|(?:启用|打开|开启|勾选|安装)了[^。，\n]{0,16}虚拟机平台|虚拟机平台[^。，\n]{0,10}(?:已经?|都)(?:启用|打开|开启|勾选|安装)/i;

/** The feature that WSL2 and Docker Desktop need. */
export const hasPlatform = (text: string): boolean => /platform|虚拟机平台/i.test(text) && PLATFORM_ON.test(text);

/** A program says so itself. */
export const SAYS_HYPERV_RUNS = /\bcomputer is running Hyper-V\b/i;

/** Windows 10 before version 1903, which has no such feature. */
export const BEFORE_PLATFORM = /\b10\.0\.1(?:0\d{3}|[4-6]\d{3}|7[0-7]\d{2})\b/;

/** What Apple calls the releases of macOS before 15, which have no nested virtualization. */
export const BEFORE_MACOS_15 =
  /\bmac ?OS (?:\w{3,9} )?(?:1[0-4]\b|Sonoma|Ventura|Monterey|Big Sur|Catalina|Mojave)|\b(?:OS ?X|Monterey|Ventura|Big Sur|Catalina|Mojave|High Sierra|Sonoma)\b/i;

/** As bcdedit lists it, or as it was typed. */
export const LAUNCH_AUTO =
  /\bhypervisorlaunchtype {2,30}Auto\b|^[^\n]{0,60}[>#$] ?bcdedit(?:\.exe)? \/set (?:["']?\{current\}["']? )?hypervisorlaunchtype auto\b/im;
export const BCDEDIT_REFUSED =
  /\baccess (?:is )?denied\b|\bparameter is incorrect\b|\bcommand specified is not valid\b/i;

/** The author cannot do without Hyper-V, or without what runs on it. */
export const HYPERV_NEEDED =
  /\b(?:I|we)(?: also| still)? (?:require|need) (?:to (?:have|keep|use) )?(?:Hyper-?V|WSL ?2?|Docker)\b(?![^.\n]{0,24}\b(?:off|disabled|removed)\b)|\bwithout (?:having to )?(?:disabl|turn|switch)\w{1,3}(?: off)? (?:Hyper-?V|WSL ?2?)\b|\b(?:can ?not|can['’]t) (?:be )?(?:turn|switch)\w{0,3} (?:it|Hyper-?V) (?:on and )?off\b/i;

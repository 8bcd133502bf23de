/* What people say in words of virtual machines on Linux: that nesting is on, that something hangs, is slow, or began with an update. */

/** Nested virtualization is said to be on. */
const ON: readonly RegExp[] = [
  /\bnest(?:ed|ing)[ -]?(?:(?:hardware )?virt\w{0,12}|VMX|VT-?x|KVM)?["'”`*]{0,3}(?: support)?(?: in \w{2,12})?(?: is| was| are|:)?[\s"'*]{1,4}(?:already |now |fully |properly )?(?:enabled|activated|active|turned on|switched on|(?<=(?:is|was|:)[\s"'*]{1,4})on|true|yes)\b/i,
  /\b(?:enabled|activated|turned on|switched on|set up|configured)(?: the)?[\s"'“*]{1,4}nest(?:ed|ing)\b/i,
  /(?<!\b(?:libvirt|config|domain|provider|vb?)\.)\bnested\b[`'")\]]{0,3}\s{0,3}(?:=|:|is|returns|shows|gives)\s{0,3}[`'"]?(?:[Yy]|1|yes|true)\b/,
  /\b(?:VMX|VT-x) is (?:now )?(?:enabled|visible|present|there) (?:on|in|inside) (?:the |my )?(?:guest|VM|L1)\b/i,
  /\bvirt(?:uali[sz]ation)? (?:bits?|extensions?|flags?) (?:are |is )?(?:exposed|passed through)\b/i,
  /\bflags\b[^.\n]{0,20}\b(?:include|contain|show|have)\b[^.\n]{0,12}\bvmx\b/i,
  /\bhardware[- ]assisted (?:CPU )?virtuali[sz]ation is (?:already )?exposed\b/i,
  /\byes,? nested virtuali[sz]ation is supported on my\b/i,
  /\breturn(?:s|ed) (?:a )?[`'"]?Y\b[^.\n]{0,30}\bnested\b/,
];
/** It is used. */
const USED =
  /\bin a nested (?:virtuali[sz]ation )?(?:setting|setup|environment)\b|\b(?:the|an?) L2 (?:guest|VM)\b[^.\n]{0,20}\b(?:executes|runs|reads|gets|dies|will|crash\w{0,3}|hangs?)\b|\b(?:during|using|uses?|utili[sz]ing|occur\w{0,3} (?:in|with|under)) (?:a |of )?["'“*]{0,3}nested (?:(?:hardware )?virt\w{0,12}|VMX|KVM|VMs?\b|guests?\b)/i;
/** Nested virtualization is missing. */
const NONE =
  /(?:\b(?:no|not|without|lacks?)|n['’]t (?:have|support)) (?:\w{2,8} ){0,2}(?:nest(?:ed|ing) (?:virt|support|KVM|VMX)|KVM nesting)/i;
const DENIED =
  /(?:n['’]t|\b(?:not|never|whether|if|unless|how|once|until|when|must|should|needs?|requires?|ensure|sure|can|could|is it|are there|want|without))\b[^.\n]{0,80}$/i;

const MISBEHAVES =
  /#GP\b|\b(?:general[- ]protection faults?|boot[- ]?loop(?:s|ed|ing)?|boot (?:failure|problems)|(?<!\bI(?: got| am| was|['’]m)? )stuck|freez\w{1,4}|froze\w?|hang(?:s|ing)?|hung|(?:hard|soft)? ?lock[- ]?up|locks up|crash(?:es|ed|ing)?|blue ?screen|BSOD|kernel panic|reboot cycle|boot ?loop|unresponsive|times? out|timed out|triple fault|shut down by|just sits|does nothing|(?:stops?|prevents?)\b[^.\n]{0,24}\bboot(?:ing)?|(?:not|never|fails to) (?:\w{2,10} )?boot\w{0,3})\b|n['’]t (?:\w{2,10} )?boot\w{0,3}\b/i;

const SLOW =
  /\b(?:(?:very|too|so|extremely|really|painfully|is|are|was|runs?|be) (?:\w{2,9} )?slow(?:er|ly)?|(?:pretty|much|far|\d{1,3} ?(?:x|times)) slower|slowness|slow (?:VM|guest|nested|performance|memory|disk|boot\w{0,3})|(?:poor|bad|terrible|awful|low|worse) performance|high latenc(?:y|ies)|\b(?:I\/?O|disk|network|throughput|performance|speed)\b[^.\n]{0,20}\b(?:is|are) (?:\w{2,9} )?(?:terrible|awful|poor|bad|slow|horrible|abysmal)\b|performance\b[^.\n]{0,40}\b(?:bad|poor|terrible|worse|awful))\b/i;

const UPDATED =
  /\b(?:after|since|until)\b[^.\n]{0,40}\b(?:updat\w{1,3}|upgrad\w{1,3}|new kernel|kernel \d)\b|\b(?:upgraded|updated) (?:\w{2,12} ){0,3}(?:kernel|to (?:the )?(?:\w{2,12} )?(?:latest|new|\d))/i;

/** Whether a sentence says that nested virtualization is on, and neither asks, supposes nor denies it. */
export function saysNestedOn(text: string): boolean {
  return text.split(/(?<=[.?!])\s|\n/).some((sentence) =>
    ON.some((words) => {
      const found = words.exec(sentence);
      return found !== null && !sentence.endsWith("?") && !DENIED.test(sentence.slice(0, found.index));
    }),
  );
}

/** Nested virtualization is denied for this case. */
const NOT_SO =
  /\bnested virt\w{0,12}[^.\n]{0,12}\s(?:which )?(?:does(?:n['’]t| not) seem|is(?:n['’]t| not)) (?:to be )?(?:the case|used|in use|involved)/i;
/** Its parameter is read, and is on. */
const READ_ON = /\/parameters\/nested["'`]?\s{0,4}\n\s{0,8}[Y1]\s{0,4}(?:\n|$)/;
export const saysNestedUsed = (text: string): boolean =>
  !NOT_SO.test(text) && (USED.test(text) || READ_ON.test(text) || saysNestedOn(text));
/** The module's parameter, and no use of it. */
export const withoutParameter = (text: string): string =>
  text.replace(/\bkvm[_-](?:amd|intel)\b[^\n]{0,24}\bnested\b(?! (?:virt|guest|VM|KVM))/gi, "");
export const deniesUse = (text: string): boolean => NOT_SO.test(text) || isHowTo(text);
export const deniesNested = (text: string): boolean => NONE.test(text);
/** What is said to go wrong with a running machine, in the text's own word. */
export const troubleIn = (text: string): string | undefined => MISBEHAVES.exec(text)?.[0];
export const isSlow = (text: string): boolean => SLOW.test(text);
export const beganWithUpdate = (text: string): boolean => UPDATED.test(text);

/** Instructions, which have their answer. */
const INSTRUCTS = /\/etc\/modprobe\.d\/|^\s{0,8}# \d\. |\*\*must be\b/m;
/** A question, or a machine of the author's. */
const SPEAKS = /\?|\b(?:I|I['’]m|I['’]ve|we|my|our)\b/;
export const isHowTo = (text: string): boolean => INSTRUCTS.test(text) && !SPEAKS.test(text);

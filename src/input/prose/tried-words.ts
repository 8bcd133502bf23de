/*
 * What people say they did in the firmware setup already, besides switching VT-x on: so that no answer proposes it again.
 */

/** A question, a demand or a wish is nothing that was done. */
const NOT_DONE =
  /[?？]|\b(?:you|your|please|should|must|could|would|will|going to|want|try|need|have to|tomorrow|if|before)\b|\bhard power ?off\/power ?on\b|请|需要|bitte|пожалуйста/i;

const says = (text: string, words: RegExp): boolean =>
  words.test(text) &&
  text
    .split(/\n|(?<=[.!?。！？])\s{1,4}|(?<=[。！？])/)
    .some((sentence) => words.test(sentence) && !NOT_DONE.test(sentence));

const POWER_TAKEN =
  /\b(?:unplugged|(?:pulled|took|removed|disconnected)(?: out)? (?:out )?(?:the |its )?(?:plug|power|battery|cord|mains|AC)\b|power(?:ed)?[- ]cycled|cold[- ]booted|power(?:ed)? (?:it |the machine )?(?:completely |fully )?(?:off|down) (?:completely|fully|and on|for (?:\d|a|some|several))|(?:did|done|after|tried|multiple|several|even) (?:an? |the )?(?:\w{2,10} )?(?:cold[- ]?boots?|power[- ]?cycl(?:es?|ing)|full (?:shutdown|power[- ]?off)s?)\b|cold[- ]?boots?,? (?:too|as well|done|did|didn|does|no|several|twice))|vom (?:Strom|Netz) (?:getrennt|genommen)|Netzstecker (?:ge)?zogen|Stecker gezogen|stromlos|débranchée?|desenchuf\w{2,4}|desconect\w{2,4} (?:da|de la|el|o) (?:tomada|corriente|cabo|cable)|обесточ\w{2,6}|из розетки|(?:拔(?:掉|了|下|过)?电源|断(?:了|过)?电)|電源(?:コード|ケーブル)を抜/i;
const NEWEST_FIRMWARE =
  /\b(?:BIOS|UEFI|firmware)\b(?: \(?[\w.-]{1,12}\)?){0,3} (?:is|was|are) (?:already |also )?(?:on |at )?(?:the )?(?:very )?(?:latest|newest|most recent|up[- ]to[- ]date|current)\b|\b(?:have|has|running|on|with|updated|upgraded|flashed|installed|already)\b[^.\n]{0,40}\b(?:latest|newest|most recent|current)(?: \w{2,12})? (?:BIOS|UEFI|firmware)\b|\b(?:latest|newest|most recent) (?:BIOS|UEFI|firmware)(?: \w{2,10})? (?:installed|flashed|already)\b|\b(?:updated|upgraded|flashed|updating|upgrading|flashing) (?:to )?(?:the |my |its |our )?(?:\w{2,12} ){0,2}(?:BIOS|UEFI|firmware)\b|\b(?:BIOS|UEFI|firmware)(?: \w{1,10}){0,2} (?:updated|upgraded|flashed|up[- ]to[- ]date)\b|\b(?:neue(?:ste[sn]?|m)|aktuelle[snm]?) (?:BIOS|UEFI)|\b(?:BIOS|UEFI)\b[^.\n]{0,12}\b(?:ist aktuell|aktualisiert|à jour|actualizad[oa]|atualizad[oa])\b|обновил\w{0,3} (?:БИОС|BIOS)|(?:БИОС|BIOS)[^.\n]{0,12}(?:последн|обновл[её]н)|(?:BIOS|UEFI)[^。\n]{0,8}(?:是最新|已更新|更新过|升级到|升级过)|(?:更新|升级)(?:了|过)(?:主板)?(?:BIOS|UEFI)|最新の?(?:BIOS|UEFI)/i;
const DEFAULTS =
  /\b(?:clear(?:ed|ing)|reset(?:ting)?) (?:the |my )?CMOS\b|\bCMOS (?:was |has been )?(?:cleared|reset)\b|\b(?:loaded|restored|reset|load)\b[^.\n]{0,24}\b(?:optimi[sz]ed |factory |setup |BIOS |UEFI )?defaults\b|\b(?:took|pulled|removed) (?:out )?the CMOS battery\b|\bCMOS (?:gelöscht|reset gemacht)|(?:清(?:除|空)?了?|重置了?) ?CMOS|сбр[оа]с\w{1,4} (?:БИОС|BIOS|CMOS)/i;
const TXT_OFF =
  /\b(?:Intel )?(?:TXT|Trusted Execution)\b(?: Technology)?[^.\n]{0,12}(?:\b(?:is|was|already)\b|[:=]| -)[^.\n]{0,12}\b(?:off|disabled)\b|\b(?:disabled|turned off|switched off) (?:Intel )?(?:TXT|Trusted Execution)\b/i;

/** The machine was without power. */
export const saysPowerTaken = (text: string): boolean => says(text, POWER_TAKEN);
/** Its firmware is the newest, or was updated. */
export const saysNewestFirmware = (text: string): boolean => says(text, NEWEST_FIRMWARE);
export const saysDefaultsLoaded = (text: string): boolean => says(text, DEFAULTS);
export const saysTxtOff = (text: string): boolean => says(text, TXT_OFF);

/** The setup asks for a password that is not known. */
export const saysLocked = (text: string): boolean =>
  /\b(?:BIOS|UEFI|setup|supervisor|administrator|admin) password\b[^.\n]{0,40}\b(?:unknown|forgot\w{0,3}|lost|(?:do ?n['’]t|do not|does ?n['’]t|not) (?:know|have)|locked)\b|\b(?:forgot\w{0,3}|lost|(?:do ?n['’]t|do not) (?:know|have)|without)\b[^.\n]{0,24}\b(?:BIOS|UEFI|supervisor|administrator|admin) password\b|\b(?:BIOS|UEFI|setup) (?:is )?(?:locked|password[- ]protected)\b[^.\n]{0,30}\b(?:IT|company|school|employer|password|admin)/i.test(
    text,
  );

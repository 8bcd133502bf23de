/*
 * People who say that VT-x (or SVM) is on: they looked in the firmware setup, or at what Windows shows. Programs that ask for it
 * use the same words in another mood.
 */

const VTX = String.raw`(?<!\bnested )\b(?:virtuali[sz]ation(?: (?:technology|support|extensions?|features?|options?|settings?))?|VT-?x|VT(?!-?d\b|-c\b| for )|SVM(?: mode)?|AMD-?V|Intel VT(?!-?d\b)|IVT|VMX)(?! (?:should|must|needs?|has to|have to|can|may|might|is required|to be)\b)`;
const ON = "(?:enabled?|turned on|switched on|activated|active|set to enabled|checked|ticked|on)";
const SETUP = String.raw`(?:(?:both )?(?:the |my |its |our )?(?:\w{2,12} ){0,2}(?:BIOS|UEFI|firmware|motherboard|EFI)|task ?manager)\b`;
/** Words before it that make it a demand, a question or a condition. */
const NOT_SAID = String.raw`(?<!\b(?:ensure|make sure|be sure|must|please|verify|check|see|whether|if|until|once|unless|should|needs?|requires?d?|n['’]t|cannot|how to|try(?:ing)? to)\b[^.\n;]{0,48}|\b(?:is|are|not|when|no|enable|after) |^[ \t>*]{0,8}\d[.)] )`;

const SAID = [
  // VT-x is (already) on; VT-x has been enabled.
  `${NOT_SAID}${VTX}\\b(?: [\\w/&,()'"“”*-]{1,14}){0,6} (?:is|are|was|were|has been|have been|['’]s)(?: (?:already|also|indeed|both|of course|all|now|shown as|listed as|displayed as|\\w{3,9}(?<!usual|normal|typical|general|probab|possib|hopeful|automatical|common|supposed)ly)){0,2} ${ON}\\b(?! (?:or|when|if|by the guest|only)\\b|, but is not operational)`,
  // virtualization turned on in bios; VT-x and VT-d enabled in BIOS.
  `${NOT_SAID}${VTX}\\b(?: (?!not\\b|never\\b)[\\w/&,()'"“”*-]{1,14}){0,4} (?:enabled|turned on|switched on|activated|on) (?:in|from|on|via|at|under) ${SETUP}`,
  // I've enabled virtualization in the BIOS; I have VT-x on; already enabled SVM.
  `(?<!\\b(?:you|if|how|should|can|when) )\\b(?:I|I['’]ve|I['’]d|I['’]m|we|we['’]ve|have|having|already|also|yes|with)(?: (?:have|has|had|already|also|just|even|double|triple|did|got|then|both|definitely)){0,3} (?:enabled|turned on|switched on|activated|checked|ticked|verified|confirmed|ensured|made sure|double-?checked|enabling|see|got)(?: (?!not\\b)[\\w'’/&-]{1,14}){0,5} ["“']?${VTX}\\b(?![^.\\n]{0,40}\\b(?:disabled|not|n['’]t|off)\\b)`,
  `\\b(?:I|we|I['’]ve|already)(?: (?:have|already|did|do|also)){0,2} (?:have )?(?:(?!check|if|need|must|should|want|can|how|could|to )\\w{1,10} ){0,2}${VTX}\\b(?: [\\w/&,-]{1,14}){0,3} (?:enabled|turned on|switched on|activated)\\b`,
  `(?:despite|although|though|even (?:though|if|when|with)|while|with|has|having)(?: [\\w'’/&,-]{1,14}){0,5} ${VTX}\\b(?: [\\w/&,-]{1,14}){0,6} (?:enabled|turned on|switched on|activated)\\b`,
  `\\b(?:BIOS|UEFI|setup|settings)(?: (?!to\\b|if\\b|must\\b|should\\b|can\\b)[\\w.-]{1,12}){0,2}(?:,| and|, and)(?: (?:I|have|I['’]ve))? (?:enabled|turned on|activated)(?: [\\w'’-]{1,14}){0,3} ${VTX}\\b`,
  `\\btask ?manager (?:also )?(?:shows?|says?|showing|showed|reports?)(?: that)?(?: [\\w]{1,12}){0,2} ${VTX}\\b\\W{0,4}(?: \\w{1,8}){0,2} ?(?:enabled|on)\\b`,
  `\\btask ?manager\\b[^\\n]{0,40}${VTX}\\b\\W{1,4}(?:enabled|on)\\b`,
  `\\bafter enabling [^\\n]{0,160}\\b${VTX}\\b(?: \\w{1,12})? (?:in|from) (?:the |my |an? )?(?:[\\w-]{2,12} ){0,2}(?:BIOS|UEFI|firmware)\\b`,
  `${NOT_SAID}${VTX}\\b (?:shown|listed|displayed|marked|set|showing) (?:as|to) (?:enabled|on)\\b`,
  `\\b(?:I|we)(?: have|['’]ve| had)(?: already| also)? enable(?: the)? ${VTX}\\b`,
  // it is enabled in the BIOS.
  `\\b(?:it|its|they|both|all|everything|that|which)(?:['’]s| is| are| was)(?: (?:already|also|definitely|all|both)){0,2} (?:enabled|on|turned on|activated|active) (?:in|from|on) ${SETUP}`,
  `\\b(?:confirmed|verified|checked|made sure)(?: that)? (?:it|they|everything)(?:['’]s| is| are)(?: (?:all|already|both)){0,2} (?:(?:turned|switched) on|enabled)\\b`,
  `\\b(?:but|yet|although)(?:,? (?:it|it['’]s|is|it is|already))? (?:enabled|on) (?:in|from) ${SETUP}`,
  `${NOT_SAID}\\b(?:already|both|all) (?:enabled|turned on|activated) (?:in|from|on) ${SETUP}`,
  `^[ \\t>*|-]{0,8}(?:CPU |Hardware )?${VTX}(?: mode)?[ \\t]{0,4}[:=][ \\t]{0,8}(?:enabled|on|yes)\\b`,
  `${VTX}[ \\t]{0,2}[*_]{1,3}enabled\\b`,
  `^[ \\t>*•-]{0,8}(?:(?:BIOS|UEFI) ?: ?)?(?:(?:CPU|Intel|AMD|hardware|HW) ){0,2}${VTX} enabled\\b(?! or)`,
  `\\b(?:BIOS|UEFI)(?: \\w{1,10}){0,3} (?:have ?n['’]?t|has ?n['’]?t|have not|has not|un) ?changed\\b`,
  `^[ \\t>*-]{0,8}I (?:did )?enable (?:the )?${VTX}\\b`,
  // In words of their own, as "Virtual modulation".
  `\\b(?:I|we)(?: have|['’]ve| had)?(?: already| also)? (?:enabled|turned on|switched on|activated)(?: the)? virtual\\w{0,10}(?: \\w{2,14})? (?:in|from|on) (?:the )?boot menu\\b`,
  "\\bEnabled In Firmware\\W{1,8}Yes\\b",
  `\\b(?:BIOS|UEFI|RBSU|setup)(?: \\w{1,10}){0,2} (?:shows|says|has|lists)(?: \\w{1,10}){0,2} ["“']?(?:Intel(?:\\(R\\))? )?${VTX}\\b["”']?:? (?:as )?["“']?(?:checked|ticked|enabled|on)\\b`,
  // iDRAC.
  '\\bProcVirtualization\\W{0,3}=\\s?"?Enabled\\b',
  // German, French, Spanish and Chinese.
  `${VTX}\\b(?: [\\wäöüÄÖÜ-]{1,14}){0,3} im (?:BIOS|UEFI)(?: [\\wäöüß]{1,12}){0,2} (?:aktiviert|eingeschaltet|an)\\b`,
  `\\bim (?:BIOS|UEFI)(?: [\\wäöüß]{1,12}){0,3} ${VTX}\\b(?: [\\wäöüß]{1,12}){0,2} (?:aktiviert|eingeschaltet|an)\\b`,
  `${VTX}\\b(?: [\\wéèêà'-]{1,14}){0,3} (?:bien )?activée?s? dans le (?:BIOS|UEFI)\\b`,
  `${VTX}\\b(?: [\\wáéíóú]{1,14}){0,3} (?:activad|habilitad)[oa]s? en (?:la |el )?(?:BIOS|UEFI)\\b`,
  "(?:BIOS|UEFI|固件虚拟化)[^\\n。]{0,12}(?:已经?|都)(?:开启?|打开|启用)",
  // Windows.
  "\\bVirtualizationFirmwareEnabled\\W{1,8}True\\b",
];
const DENIED = [
  `^[ \\t>*|-]{0,8}(?:CPU |Hardware )?${VTX}(?: mode)?[ \\t]{0,4}[:=][ \\t]{0,8}(?:disabled|off|no)\\b`,
  "\\bEnabled In Firmware\\W{1,8}No\\b",
  `\\b(?:cannot|can['’]t|could not|couldn['’]t|unable to|(?:don['’]t|do not) know how to|how (?:to|do I|can I)) (?:enable|turn on|activate|find)\\b[^.\\n]{0,30}${VTX}`,
  "\\b(?:no|without an?|not (?:an|any)) (?:such )?(?:option|setting|entry)\\b[^.\\n]{0,60}\\b(?:BIOS|UEFI)\\b",
  "\\b(?:task ?manager|it|systeminfo) (?:says|shows|showed|said|reports)[^.\\n]{0,40}\\bdisabled\\b",
  `(?<!\\b(?:messages?|errors?|sa(?:ys?|id|ying)|complain\\w{0,4}|claims?|reports?|gets?|got|getting|that)\\b[^.\\n]{0,32})${VTX}\\b(?: \\w{1,12}){0,3} (?:is|are|was) not (?:enabled|on|supported)\\b(?! in (?:the |your )?(?:BIOS|UEFI|firmware))`,
];

const SAID_ON = new RegExp(SAID.join("|"), "im");
const SAID_OFF = new RegExp(DENIED.join("|"), "im");

/** Each of the sentences above holds a word of both, and the patterns as a whole take longer to make than to apply. */
const STATE =
  /\ban\b|enabl|activ|ativ|attiv|aktiv|habilit|abilit|eingeschaltet|angehakt|ingeschakeld|aan\b|开|启用|включ|有効|활성|켜|włącz|açık|etkin|check|tick|turn|switch|chang|\bon\b|\byes\b|\bno\b|\bnot\b|n['’]t\b|\boff\b|without|没|找不到|\bkein|нет|\bpas\b|\bnão\b|disabl|gr[ea]yed|灰|grau|grisé/i;
const SUBJECT =
  /БИОС|RBSU|virtuali|wirtuali|виртуал|虚拟化|仮想化|가상화|sanal|VT|SVM|AMD-?V|VMX|BIOS|EFI|firmware|motherboard|setup|setting|boot menu|task ?manager|systeminfo/i;

const spoken = (text: string): string =>
  text
    .split("\n")
    .map((line) => line.replace(OF_A_MACHINE, " "))
    .filter((line) => STATE.test(line) && SUBJECT.test(line))
    .join("\n");
/** A setting of a virtual machine is none of the firmware. */
const OF_A_MACHINE =
  /[^.\n]{0,80}\b(?:enabled|activated|turned on|on) (?:on|in|for) (?:the |my )?(?:guest|VM|virtual machine)\b/gi;

/** The same in other languages. No letter comes before a word for on: "deaktiviert" ends in "aktiviert". */
const ELSEWHERE =
  /(?:virtuali[sz][a-zà-ÿ]{3,9}|виртуализац[а-я]{1,3}|虚拟化|虛擬化|仮想化|가상화|wirtualizac\w{1,3}|sanallaştırma|\bVT-?x\b|\bIntel VT\b(?!-?d)|\bSVM\b|\bAMD-V\b|\bVT(?![\w-]))[^.\n?]{0,48}(?:(?<![a-zà-ÿ])(?:aktiviert|eingeschaltet|angehakt|activée?s?|habilitad[oa]s?|habilité|activad[oa]s?|ativ(?:ad[oa]s?|ei)|habilitei|attivat[oaie]|abilitat[oaie]|ingeschakeld|staat aan|włączon[aey]|etkin|açık)(?![a-zà-ÿ])|(?<![а-я])(?:включ[её]н[аоы]?|включила?|активирован[аоы]?)(?![а-я])|开启|打开|开着|启用|已开|開啟|啟用|有効(?!期)|활성화(?:했|되|됨)|켜져)|(?:(?<![a-zà-ÿ])(?:aktiviert|eingeschaltet|angehakt|activée?s?|habilitad[oa]s?|habilité|activad[oa]s?|ativ(?:ad[oa]s?|ei)|habilitei|attivat[oaie]|abilitat[oaie]|ingeschakeld|staat aan|włączon[aey]|etkin|açık)(?![a-zà-ÿ])|(?<![а-я])(?:включ[её]н[аоы]?|включила?|активирован[аоы]?)(?![а-я])|开启|打开|开着|启用|已开|開啟|啟用|有効(?!期)|활성화(?:했|되|됨)|켜져)[^.\n?]{0,36}(?:virtuali[sz][a-zà-ÿ]{3,9}|виртуализац[а-я]{1,3}|虚拟化|虛擬化|仮想化|가상화|wirtualizac\w{1,3}|sanallaştırma|\bVT-?x\b|\bIntel VT\b(?!-?d)|\bSVM\b|\bAMD-V\b|\bVT(?![\w-]))|(?:virtuali[sz][a-zà-ÿ]{3,9}|виртуализац[а-я]{1,3}|虚拟化|虛擬化|仮想化|가상화|wirtualizac\w{1,3}|sanallaştırma|\bVT-?x\b|\bIntel VT\b(?!-?d)|\bSVM\b|\bAMD-V\b|\bVT(?![\w-]))[^.\n?]{0,24}\b(?:ist|sind|steht)\b[^.\n?]{0,40}\b(?:an|auf Enabled)(?=[.,;:)!]|$| und\b)/im;
/** As a firmware setup shows it: the name of the setting, and its value behind it. */
const LISTED_ON =
  /虚拟化(?:技术)?[^.\n?]{0,16}是 ?["“'「[]?(?:Enabled|开|打开|启用)|(?:\b(?:Intel|AMD)(?:\(R\)|®)? ?Virtuali[sz]ation(?: Technology)?|\bVirtuali[sz]ation Technology|\bVMX|(?<!\bnested )\bVT-?x|\bIntel VT(?!-?d)|\bSVM(?: Mode| Support)?|\bAMD-V(?: Technology)?|\bIVT|\bVanderpool(?: Technology)?|\bVirtualizationTechnology|\bProcVirtualization)(?: ?\([\w\s-]{1,24}\))?["”'’」）)\]]{0,3}(?: ?(?:[:=：,→]|->|=>|\.{2,40}) ?| (?:is|is set|set|ist|est|está|steht) (?:to |auf |sur |en )?| ?(?=[[<(])|\s{1,4}I (?:have )?(?:set|put|changed)(?: it)?(?: to)? )["“'「[(]{0,2}(?:Enabled?|On|Yes|Aktiviert|Ein|Activé|Habilitado|Activado|Ativado|Включено|有効|启用|开启|已启用)(?![\w/|])|\b(?:Virtuali[sz]ation|VT-?x|SVM|VMX)\b[^.\n?]{0,80}\[Enabled\]|\b(?:set|put|changed|switched)\b[^.\n?]{0,40}\b(?:Virtuali[sz]ation(?: Technology)?|VT-?x|SVM(?: Mode)?)\b[^.\n?]{0,12}\bto ["“'[]{0,2}(?:enabled|on)\b/i;
/** Those as a question, a demand or a denial. */
const ELSEWHERE_UNSAID =
  /[?？]|\b(?:whether|if|unless|should|must|not|how|ensure|make sure|check|verify|needs?|required?)\b|n['’]t\b|关闭|禁用|無効|未开|没开|отключ|выключ|deaktiv|désactiv|desactiv|desativ|disattiv|disabilit|wyłącz|kapalı|\b(?:nicht|muss|müssen|soll\w{0,3}|bitte|ob|wie|wenn|falls|pas|faut|doit|si|comment|no|debe|hay que|cómo|não|deve|como|se|non|come|nie|czy|jak|değil|nasıl|niet|moet)\b|(?:^|\s)(?:не|нужно|надо|должн|если|как)(?=\s|$)|如何|怎么|怎樣|请|需要|是否|没有|未|吗|ください|필요|않|[:：]\s{0,8}(?:nein|non|нет|否)/i;

/** What a guide has its reader do: a numbered way through the menus of a setup, or a setting that is to be changed. */
const TO_BE_DONE =
  /^[ \t>]{0,8}(?:\d{1,2}[.)、．:]|第?[一二三四五六七八九]、|Step \d{1,2}\W|Schritt \d{1,2}\W)[^\n]{0,120}(?: > | ?→ ?| ?-> ?| ?=> ?|に(?:変更|設定|する)|改[为成]|设[为成]|設為)|に(?:変更|設定|する)(?![^\n。]{0,8}(?:した|済|ました))(?:[。、]|\s*$)|^[ \t>*•-]{0,8}(?:\d{1,2}[.)] )?(?:Set|Change|Switch|Turn|Go|Find|Look|Navigate|Select|Choose|Open|Press|Enter|Stelle|Setze|Ändere|Cambia|Mettez|Passez|Установите|Найдите)(?:n Sie|n)? /i;
/** It was done, and did not help. */
const STILL =
  /\b(?:still|to no avail|same (?:error|problem|issue|result)|did ?n['’o]t (?:help|work|change)|does ?n['’o]t (?:help|work)|no luck|trotzdem|immer noch|weiterhin|toujours|sigue|todav[ií]a|ainda|continua)\b|всё ещё|все еще|по-прежнему|всё равно|仍然|还是|依然|依旧|まだ|それでも|変わらず|여전히/i;

/** In sentences: words in another sentence of the line do not count. */
const saidElsewhere = (lines: string, isTried: boolean): boolean =>
  lines
    .split(/\n|(?<=[^.\d][.!?。！？]["”')]?)\s{1,4}|(?<=[。！？])/)
    .some(
      (sentence) =>
        (ELSEWHERE.test(sentence) || LISTED_ON.test(sentence)) &&
        !ELSEWHERE_UNSAID.test(sentence) &&
        (isTried || !TO_BE_DONE.test(sentence)),
    );

const isOn = (lines: string, text: string): boolean =>
  lines !== "" && (SAID_ON.test(lines) || saidElsewhere(lines, STILL.test(text)));

export function saysOn(text: string): boolean {
  return isOn(spoken(text), text);
}

export function saysOff(text: string): boolean {
  const lines = spoken(text);
  return lines !== "" && SAID_OFF.test(lines);
}

export function isSaidOn(text: string): boolean {
  const lines = spoken(text);
  return isOn(lines, text) && !SAID_OFF.test(lines);
}

/** No entry for it in the firmware setup. */
const NO_SWITCH =
  /\b(?:not|n['’]t|never) (?:got|have|see|find|seen|found) (?:this|that|such an?) (?:option|setting|entry)\b|\b(?:this|that) (?:option|setting|entry) (?:is|was) (?:missing|absent|nowhere|not (?:there|listed|present|available))\b|\b(?:no|without an?|not (?:any|an?)|(?:do(?:es)?|did) ?n['’o]t (?:have|see|show|find|give|offer)(?: me)?(?: the| an?| any)?|(?:can ?not|can['’]?t|could ?n(?:['’]|o)t) (?:find|see)(?: the| an?| any)?|missing(?: the)?)(?: \w{2,14}){0,3} (?:options?|settings?|switch|entry|menu)\b[^.\n]{0,60}\b(?:BIOS|UEFI|firmware|setup|boot menu)\b|\b(?:BIOS|UEFI|firmware)\b[^.\n]{0,40}\b(?:no|without an?|(?:do(?:es)?|did) ?n['’o]t (?:have|show|give|offer)(?: me)?(?: the| an?| any)?|lacks?|missing)(?: \w{2,14}){0,3} (?:options?|settings?|switch|entry|virtuali[sz]ation|VT-?x)\b|(?:BIOS|UEFI)[^.\n]{0,60}(?:\b(?:gr[ea]yed[- ]out|ausgegraut|grisée?)\b|灰色)|\b(?:gr[ea]yed[- ]out|ausgegraut|grisée?)\b[^.\n]{0,40}\b(?:BIOS|UEFI)\b|\bno me da la opci[óo]n\b|\bno (?:aparece|tiene) la opci[óo]n\b|(?:没有?(?:找到|看到)?|找不到|未找到)[^\n。]{0,8}(?:VT|虚拟化)[^\n。]{0,8}(?:选项|开关|设置)|\bkeine? (?:\w{2,14} )?(?:Option|Einstellung|Schalter|Punkt)\b[^.\n]{0,40}\b(?:BIOS|UEFI)\b|\b(?:BIOS|UEFI)\b[^.\n]{0,30}\bkeine? (?:\w{2,14} )?(?:Option|Einstellung|Schalter)\b|(?:BIOS|БИОС)[^.\n]{0,24}нет [^.\n]{0,24}(?:опци|пункт|настро)|\bpas d['’]option\b[^.\n]{0,40}\bBIOS\b|\bnão (?:tem|aparece|encontr\w{1,3}) (?:a |essa )?opção\b/i;
export const saysNoSwitch = (text: string): boolean => NO_SWITCH.test(spoken(text));

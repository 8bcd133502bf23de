import { partialMsr } from "../../../host/partial-msr.js";
import type { FactSink } from "../../hosts/evidence.js";
import { type FactReader, placeOf, type TextLine } from "../../hosts/reader.js";

/** What the firmware's tables of a virtual machine call it, and what that is. */
const MACHINES: readonly (readonly [words: RegExp, outer: string])[] = [
  [/\bVMware(?:, Inc\.|7,1| Virtual Platform|20,1)/, "VMware"],
  [/\bVirtualBox\b|\binnotek GmbH\b/, "VirtualBox"],
  [/\bMicrosoft Corporation\b.{0,40}\bVirtual Machine\b/, "Hyper-V"],
  [/\bGoogle Compute Engine\b/, "Google Compute Engine"],
  [/\bStandard PC \((?:i440FX|Q35)|\bQEMU\b/, "QEMU"],
  [/\bHVM domU\b/, "Xen"],
  [/^KVM$|\bOpenStack (?:Nova|Compute)\b|\bKVM Virtual Machine\b/, "KVM"],
  [/\bParallels Virtual Platform\b/, "Parallels"],
  [/^Nutanix\b|^AHV$/, "Nutanix AHV"],
  [/\bAlibaba Cloud ECS\b/, "Alibaba Cloud"],
  [/\bApple Virtualization\b/, "Apple"],
];
/** The whole answer to what the product is called. */
const ALONE: typeof MACHINES = [
  [/^Virtual Machine$/, "Hyper-V"],
  [/^(?:[a-z]\w{1,7}|u-\w{3,8})\.(?:nano|micro|small|medium|\d{0,3}x?large)$/, "Amazon EC2"],
  [/^Droplet$/, "DigitalOcean"],
  [/^vServer$/, "Hetzner Cloud"],
];
/** An instance of Amazon's with a CPU of Arm. */
const GRAVITON = /^(?:a1|[a-z]{1,3}\d{1,2}g(?:[bdn]|en)?)\.\w/;
/** An instance of Amazon's that is a whole machine. */
const WHOLE = /^(?:[a-z]\w{1,7}|u-\w{3,8})\.metal(?:-\w{3,6})?$/;
/** The signatures of CPUID leaf 0x40000000, where a program prints them. */
const SIGNATURES: readonly (readonly [signature: string, outer: string])[] = [
  ["VMwareVMware", "VMware"],
  ["KVMKVMKVM", "KVM"],
  ["Microsoft Hv", "Hyper-V"],
  ["VBoxVBoxVBox", "VirtualBox"],
  ["XenVMMXenVMM", "Xen"],
  ["TCGTCGTCGTCG", "QEMU"],
  ["bhyve bhyve ", "bhyve"],
];
const SIGNED =
  /\b[Hh]ypervisor(?:: Origin = "| string: |_id_string = "|_id (?:\(0x40000000\) )?= ")(\w{4,12}|Microsoft Hv|bhyve bhyve )(?="|\s*$)/;
const TABLE_LINE =
  /^\s{0,8}(?:Manufacturer|Product Name|System Manufacturer|sys_vendor|product_name|Hardware name|DMI): ?(\S.{1,160})$/;
/** What inxi calls a machine. */
const LISTED = /^\s{0,20}Machine:\s{1,4}Type: (?<virt>[A-Za-z]{3,10})(?=\s|$)/;
/** Devices that only a hypervisor has, as lspci names them. */
const DEVICES: typeof MACHINES = [
  [/\bVMware SVGA II Adapter\b/, "VMware"],
  [
    /\b(?:InnoTek Systemberatung GmbH|VMware|Oracle Corporation)? ?VirtualBox (?:Graphics Adapter|Guest Service)\b/,
    "VirtualBox",
  ],
  [/\bMicrosoft Corporation Hyper-V virtual VGA\b/, "Hyper-V"],
  [/\bXenSource, Inc\. Xen Platform Device\b/, "Xen"],
];
const DEVICE_LINE = /^\s{0,8}(?:[0-9a-f]{4}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-7] [A-Z]/;
/** Commands that print such a line alone, below them. */
const TABLE_ASKED =
  /(?:\bdmidecode (?:-s|--string)[ =](?:system-(?:product-name|manufacturer)|baseboard-(?:product-name|manufacturer))|\/sys\/(?:class\/dmi\/id|devices\/virtual\/dmi\/id)\/(?:product_name|sys_vendor|board_vendor|board_name))\s*$/;
/** A file that is there where the module is. */
const AMD_ASKED = /\bcat \/sys\/module\/kvm_amd\/parameters\/\w{2,24}\s*$/;
const DETECTED = /(?:systemd-detect-virt(?: -v| --vm)?|\bvirt-what|\bfacter virtual)\s*$/;
/** The same with its answer in a sentence. */
const DETECTED_IN_SENTENCE =
  /systemd-detect-virt(?: -v| --vm)?["'`]{0,2}:? {1,2}(?:returns?|returned|says|said|gives|gave|prints|printed|reports|reported|shows|outputs|is|->|=>|=|→|⇒) {0,2}["'`]{0,2}(?<word>[a-z]{3,9})\b/;
export const VIRT: { readonly [word: string]: string } = {
  kvm: "KVM",
  qemu: "QEMU",
  vmware: "VMware",
  oracle: "VirtualBox",
  microsoft: "Hyper-V",
  xen: "Xen",
  bhyve: "bhyve",
  parallels: "Parallels",
  google: "Google Compute Engine",
  amazon: "Amazon EC2",
  wsl: "WSL2",
  apple: "Apple",
  virtualbox: "VirtualBox",
  "hyper-v": "Hyper-V",
};
const COUNT =
  /grep (?:--?[\w-]{1,12} ){0,3}["']?\(?(?:vmx\|svm|svm\|vmx|vmx\\\|svm|svm\\\|vmx|vmx|svm)\)?["']?(?: \/proc\/cpuinfo|(?<=\/proc\/cpuinfo ?\| ?[^\n]{4,60}))(?: ?\| ?wc -l)?\s*$/;

/** A command that prints the flag itself, whatever filters come behind; without an answer it found none. */
const SHOWN =
  /^(?<prompt>[^\n]{0,60}?[$#%>] ?)?(?:sudo )?(?:cat \/proc\/cpuinfo ?\| ?)?[ef]?grep (?:-[EFPaionmw\d]{1,5} |--colou?r(?:=\w{1,6})? |--only-matching ){0,4}["']?\(?(?:vmx|svm\\?\|vmx|hypervisor\\?\|vmx)(?:\\?\|(?:svm|hypervisor|lm|ept)){0,3}\)?["']?(?: --colou?r(?:=\w{1,6})?)?(?: \/proc\/cpuinfo)?(?: ?\| ?(?:sort|uniq|head|tail)(?: -{1,2}[\w=-]{1,12}){0,3}){0,3}\s*$/;
const FLAG = /^\s{0,10}(?:\d{1,5} )?(?<flag>vmx|svm|hypervisor|lm|ept)\s*$/;

/** Commands that another shell is given: `ssh HOST '…; …'`, `sh -c "… && …"`. */
const HANDED_ON = /\b(?:ssh|(?:ba|da|z)?sh|su|exec)\b[^\n"']{0,80}["'](?<commands>[^\n]{1,300})$/;
/** The first of them, whose output comes first. */
function firstOf(text: string): string {
  const handed = HANDED_ON.exec(text)?.groups?.commands ?? "";
  return (handed.split(/ ?(?:;|&&)/, 1)[0] as string).replace(/["']\s{0,8}$/, "");
}

/** The same with its answer in a sentence: "`egrep -c '(svm|vmx)' /proc/cpuinfo`, I got 0", "da 0", "выдаёт 0", "返回 0". */
const COUNT_IN_SENTENCE =
  /grep (?:-\w{0,4}c\w{0,3} |--count )["']?\(?(?<words>vmx\|svm|svm\|vmx|vmx)\)?["']? \/proc\/cpuinfo["'`”]{0,3}(?: ?(?:[:=→⇒]|->|=>)|[,;]? {1,3}(?:(?:I|me|mir|mi|bei mir|у меня|我这里) )?(?:gets?|got|gives?|gave|returns?|returned|prints?|printed|shows?|showed|says|outputs?|is|was|(?:gives?|gave|has|had) (?:a |the )?(?:returned? value|value|result|output)(?: as| of)?|da|dio|devuelve|devolvió|muestra|regresa|sale|dá|retorna|retornou|mostra|donne|renvoie|retourne|affiche|ergibt|liefert|gibt|zeigt|sagt|restituisce|ritorna|daje|zwraca|pokazuje|выдаёт|выдает|показывает|возвращает|даёт|дает|пишет|выводит|trả về|ra|返回|输出|显示|结果(?:是|为)?|得到|为|是|の結果は|は)(?: (?:a|an|the|un|uno|una|el valor|den Wert|le chiffre|as|just|only|only a|mir|nur|solo|seulement|alleen|только))?) {0,3}["'`“]?(?<count>\d{1,3})\b(?![.:%-]\d)/u;

/** A command that shows the flag and found none: "`grep vmx /proc/cpuinfo` prints nothing". */
const NONE_IN_SENTENCE =
  /\b[ef]?grep (?:-\w{1,5} |--[\w=-]{1,14} ){0,3}["']?\(?(?:vmx\|svm|svm\|vmx|vmx)\)?["']?(?: --colou?r(?:=\w{1,6})?)?(?: \/proc\/cpuinfo)?["'`]{0,3}(?:[,:;]| and| but)? {1,3}(?:it |that |I |there )?(?:(?:returns?|returned|gives?|gave|shows?|showed|prints?|printed|outputs?|yields?|comes? (?:back|up)|came (?:back|up)|gets?|got|is|was|->|=>|→)(?: me| with| back){0,2} {1,3}(?:nothing|no (?:output|results?|lines?|match\w{0,2})|empty|blank|an? (?:empty|blank) \w{4,6})|(?:does|did)(?: not|n['’]t) (?:return|show|print|output|give|find)(?: me)? any\w{0,5})\b/;
/** The same as a condition: "wenn … 0 ergibt", "si … renvoie 0", "如果返回 0". */
const ELSEWHERE = /(?:^|[\s,;(])(?:wenn|falls|si|quand|cuando|quando|se|если|jeśli|jeżeli|nếu) |如果|若/i;
/** Whether the command is behind the condition of its own sentence. */
const isSupposed = (text: string): boolean => {
  const before = text.slice(0, Math.max(0, text.search(/\b[ef]?grep /)));
  return ELSEWHERE.test(before.slice(before.search(/[^.?!]{0,200}$/)));
};
/** Instructions say what it would mean. */
const SUPPOSED =
  /\b(?:if|when(?! (?:I|we) (?:run|ran|do|did|try|tried|type|typed|execute|use)\b)|unless|should|whether)\b/i;

/** What a machine runs in, and what tools that check for VT-x say about it. */
export const surroundings: FactReader = {
  kind: "facts",
  name: "surroundings",
  knows:
    "What a machine runs in, from dmidecode, the DMI line of the kernel's log and systemd-detect-virt; whether Linux shows " +
    "vmx, from kvm-ok, virt-host-validate, crc and grep -c.",
  mark: /^\s{0,8}(?:Manufacturer|Product Name|System Manufacturer|sys_vendor|product_name|Hardware name|DMI): ?\S|systemd-detect-virt|\bvirt-what\b|dmidecode (?:-s|--string)|\/kvm_amd\/parameters\/|\/dmi\/id\/|^\s{0,8}(?:INFO|HINT|QEMU): |virt-host-validate: QEMU: |\/proc\/cpuinfo|KVM requires a CPU|Hypervisor: Origin = |Hypervisor string: |\bhypervisor_id |Running '(?:sudo )?modprobe kvm_intel'|Loading kvm module kvm_|^\s{0,20}Machine:\s{1,4}Type: [A-Za-z]|\bfacter virtual\b|^\s{0,8}(?:[0-9a-f]{4}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-7] [A-Z]/,
  words: [
    "Machine: ",
    "facter virtual",
    "VMware SVGA",
    "VirtualBox G",
    "Hyper-V virtual VGA",
    "Xen Platform Device",
    "Hypervisor",
    "hypervisor_id",
    "systemd-detect-virt",
    "virt-what",
    "virt-host-validate: ",
    "dmidecode -",
    "/dmi/id/",
    "/kvm_amd/",
    "/proc/cpuinfo",
    "KVM requires a CPU",
    "Hardware name: ",
  ],
  open: openSurroundings,
};

function openSurroundings(sink: FactSink) {
  let asked:
    | {
        readonly what: "virt" | "count" | "table" | "amd";
        /** What is counted. */
        readonly fact: "flag vmx" | "flag svm" | "flag vmx or svm";
        readonly line: number;
        readonly spaced?: true;
      }
    | undefined;

  let listed: { readonly prompt: string; readonly line: number; found: boolean } | undefined;

  /** The lines that a command printed which shows the flag, and the prompt behind them. */
  const shown = (line: TextLine): boolean => {
    if (listed === undefined) return false;
    if (listed.line !== line.after) {
      listed = undefined;
      return false;
    }
    const flag = FLAG.exec(line.text)?.groups?.flag;
    if (flag === "vmx") sink.system("flag vmx", "yes", placeOf(line));
    if (flag !== undefined) {
      listed = { ...listed, line: line.number, found: listed.found || flag === "vmx" || flag === "svm" };
      return true;
    }
    // The next prompt, without anything in between.
    const { prompt, found } = listed;
    listed = undefined;
    if (!found && prompt !== "" && line.text.startsWith(prompt)) sink.system("flag vmx", "no", placeOf(line));
    return false;
  };

  const answer = (line: TextLine): boolean => {
    const question = asked;
    asked = undefined;
    if (question === undefined || question.line !== line.after) return false;
    if (line.text.trim() === "" && !question.spaced) {
      asked = { ...question, line: line.number, spaced: true };
      return false;
    }
    const word = line.text.trim();
    if (question.what === "amd") {
      if (!/^[YN\d]$/.test(word)) return false;
      sink.system("module kvm_amd", "loaded", placeOf(line));
      return true;
    }
    if (question.what === "table") {
      const machine = word.length > 160 ? undefined : [...MACHINES, ...ALONE].find(([words]) => words.test(word));
      if (machine !== undefined) sink.system("outer", machine[1], placeOf(line));
      if (GRAVITON.test(word)) sink.system("arch", "aarch64", placeOf(line));
      const isWhole = WHOLE.test(word);
      if (isWhole) sink.cpu("unnamed", { features: { hypervisor: false } }, placeOf(line));
      return machine !== undefined || isWhole;
    }
    if (question.what === "virt") {
      const outer = Object.hasOwn(VIRT, word) ? VIRT[word] : undefined;
      if (outer !== undefined) sink.system("outer", outer, placeOf(line));
      // No container either.
      if (word === "none") sink.cpu("unnamed", { features: { hypervisor: false } }, placeOf(line));
      return outer !== undefined || word === "none";
    }
    if (!/^\d{1,5}$/.test(word)) return false;
    // Counted together with svm, only none at all says something of vmx.
    if (word === "0" && question.fact !== "flag svm") sink.system("flag vmx", "no", placeOf(line));
    if (word !== "0" || question.fact !== "flag vmx")
      sink.system(question.fact, word === "0" ? "no" : "yes", placeOf(line));
    return true;
  };

  return {
    line(line: TextLine): boolean {
      if (answer(line) || shown(line)) return true;
      const { text } = line;
      const first = firstOf(text);
      if (DETECTED.test(text) || DETECTED.test(first)) {
        asked = { what: "virt", fact: "flag vmx", line: line.number };
        return true;
      }
      if (TABLE_ASKED.test(text)) {
        asked = { what: "table", fact: "flag vmx", line: line.number };
        return true;
      }
      if (AMD_ASKED.test(text)) {
        asked = { what: "amd", fact: "flag vmx", line: line.number };
        return true;
      }
      const count = [text, first].find((one) => COUNT.test(one) && / -\w{0,6}c|--count|wc -l/.test(one));
      if (count !== undefined) {
        const fact = !count.includes("svm") ? "flag vmx" : count.includes("vmx") ? "flag vmx or svm" : "flag svm";
        asked = { what: "count", fact, line: line.number };
        return true;
      }
      const list = text.includes("/proc/cpuinfo") ? SHOWN.exec(text)?.groups : undefined;
      if (list !== undefined) {
        listed = { prompt: (list.prompt ?? "").trimEnd(), line: line.number, found: false };
        return true;
      }
      const word = DETECTED_IN_SENTENCE.exec(text)?.groups?.word ?? "";
      if (Object.hasOwn(VIRT, word)) {
        sink.system("outer", VIRT[word] as string, placeOf(line));
        return true;
      }
      const sentence = isSupposed(text) ? undefined : COUNT_IN_SENTENCE.exec(text)?.groups;
      if (sentence !== undefined) {
        const fact = (sentence.words as string).includes("svm") ? "flag vmx or svm" : "flag vmx";
        sink.system(sentence.count === "0" ? "flag vmx" : fact, sentence.count === "0" ? "no" : "yes", placeOf(line));
        return true;
      }
      if (text.includes("/proc/cpuinfo") && !SUPPOSED.test(text) && NONE_IN_SENTENCE.test(text)) {
        sink.system("flag vmx", "no", placeOf(line));
        if (/\bsvm\b/.test(text)) sink.system("flag vmx or svm", "no", placeOf(line));
        return true;
      }
      const listing = LISTED.exec(text)?.groups?.virt?.toLowerCase() ?? "";
      const device = DEVICE_LINE.test(text) ? DEVICES.find(([words]) => words.test(text))?.[1] : undefined;
      const found = device ?? (Object.hasOwn(VIRT, listing) ? VIRT[listing] : undefined);
      if (found !== undefined) {
        sink.system("outer", found, placeOf(line));
        return true;
      }
      const signed = line.cut ? undefined : SIGNED.exec(text)?.[1];
      const signer = SIGNATURES.find(([signature]) => signature === signed)?.[1];
      if (signer !== undefined) {
        sink.system("outer", signer, placeOf(line));
        return true;
      }
      const table = TABLE_LINE.exec(text.replace(/^\s{0,8}\[\s{0,8}\d{1,8}\.\d{3,6}\] /, ""));
      const machine = table === null ? undefined : MACHINES.find(([words]) => words.test(table[1] as string));
      if (machine !== undefined) {
        sink.system("outer", machine[1], placeOf(line));
        return true;
      }
      return checked(sink, line);
    },
    busy: () => asked !== undefined || listed !== undefined,
  };
}

/** Either flag; which one it is, neither of the two says. */
const FLAG_FOUND =
  /^\s{0,8}INFO: Your CPU supports KVM extensions|(?:^\s{0,8}|virt-host-validate: )QEMU: Checking for hardware virtualization\s{0,80}:\s{0,4}PASS\b/;

/** kvm-ok, virt-host-validate and crc. */
function checked(sink: FactSink, line: TextLine): boolean {
  const { text } = line;
  const at = placeOf(line);
  if (/^\s{0,8}INFO: Your CPU does not support KVM extensions/.test(text)) {
    sink.system("flag vmx", "no", at);
    sink.system("flag vmx or svm", "no", at);
    return true;
  }
  // The Android emulator asks CPUID (android_get_x86_cpuid_vmx_support), where there is no /dev/kvm.
  if (/KVM requires a CPU that supports vmx or svm/.test(text)) {
    sink.cpu("unnamed", { features: { vmx: false } }, at);
    sink.system("flag vmx", "no", at);
    sink.system("flag vmx or svm", "no", at);
    return true;
  }
  // The init script of the packages kvm and qemu-kvm takes the module by the flag that it finds.
  const tried = /^\s{0,8}\*?\s{0,3}Loading kvm module kvm_(intel|amd)\b/.exec(text)?.[1];
  if (tried !== undefined) {
    sink.system(tried === "intel" ? "flag vmx" : "flag svm", "yes", at);
    return true;
  }
  // kvm-ok takes the module's name from the flag that it found, and crc runs the one whose flag is there.
  if (/^\s{0,8}HINT:\s{1,8}(?:sudo )?modprobe kvm_intel\b|\bRunning '(?:sudo )?modprobe kvm_intel'/.test(text)) {
    sink.system("flag vmx", "yes", at);
    return true;
  }
  if (/^\s{0,8}HINT:\s{1,8}(?:sudo )?modprobe kvm_amd\b/.test(text)) {
    sink.system("flag svm", "yes", at);
    return true;
  }
  if (/^\s{0,8}INFO: KVM \(vmx\) is disabled by your BIOS/.test(text)) {
    sink.msr("unnamed", 0x3a, partialMsr([0], [2]), at);
    return true;
  }
  if (/(?:^\s{0,8}|virt-host-validate: )QEMU: Checking for hardware virtualization\s{0,40}:\s{0,4}FAIL\b/.test(text)) {
    sink.system("flag vmx", "no", at);
    sink.system("flag vmx or svm", "no", at);
    return true;
  }
  if (FLAG_FOUND.test(text)) {
    sink.system("flag vmx or svm", "yes", at);
    return true;
  }
  return false;
}

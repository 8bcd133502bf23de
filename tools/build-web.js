/**
 * Builds the page: one HTML file with everything in it, `dist/web/vmxlens.html`. `node tools/build-web.js [FILE]` writes it
 * elsewhere.
 *
 * The first view (the head, the box, the choice of a CPU) is in the file as HTML, rendered here, and is painted before any of
 * the two large scripts runs; `boot.ts` starts the first of them then. That one has the replay, the atlas, the matrix; the
 * second, with all that reads, explains, audits and compares, runs when it is needed. Because the file may have 350 kB with
 * gzip, frequent words become bytes, and both scripts are packed as one stream (`pack.js`), which is unpacked in two steps. The
 * second takes what both need from the first, as a bundler's chunk does; as neither can be loaded by an address (the page may be
 * a file), the imports and exports of the chunks become members of one global object. All run by their hash in the page's
 * security policy, which allows nothing else.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { argv } from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";
import { runInThisContext } from "node:vm";
import { gzipSync } from "node:zlib";
import { rolldown } from "rolldown";
import { frequentWords, frontCoded } from "./frequent-words.js";
import { packed } from "./pack.js";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const web = join(root, "src/web");

/** Where the chunks find each other: an object of what each gives, by its file. */
const SHARED = "globalThis.vmxlens";

/** One statement `import{a as b}from"./main.js"`, `export{a as b}`, as rolldown writes them. */
const IMPORT = /\bimport\{([^{}]*)\}from[`"']\.\/([a-z]+\.js)[`"'];?/g;
const EXPORT = /\bexport\{([^{}]*)\};?\s*$/;

/** `a as b,c` as members of a pattern, or as getters of an object: the name inside comes first in an export. */
function members(/** @type {string} */ list, /** @type {boolean} */ exported) {
  return list
    .split(",")
    .map((part) => part.trim().split(" as "))
    .map(([a, b = a]) => (exported ? `get ${b}(){return ${a}}` : `${a}:${b}`))
    .join(",");
}

/** A chunk as a function that runs at once, linked with the others through the global object. */
function linked(/** @type {{ readonly fileName: string, readonly code: string }} */ { fileName, code }) {
  const text = code
    .replace(IMPORT, (_, list, file) => `const{${members(list, false)}}=${SHARED}["${file}"];`)
    .replace(EXPORT, (_, list) => `(${SHARED}??={})["${fileName}"]={${members(list, true)}};`)
    .replace(/\bimport\([`"']\.\/second\.js[`"']\)/g, `${SHARED}Load()`);
  if (/\bfrom[`"']\.\/|\bimport\(|\bexport\{/.test(text))
    throw new Error(`an import is left in ${fileName} of the page`);
  return `(()=>{"use strict";${text}})();`;
}

/** Text of one byte per character: what is not ASCII is in strings alone. */
export function asciiText(/** @type {string} */ code) {
  return code.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** What every bundle of the page is made with. */
export const COMMON = {
  cwd: root,
  transform: {
    jsx: { runtime: /** @type {const} */ ("automatic"), importSource: "preact" },
    define: { "process.env.NODE_ENV": '"production"' },
  },
};

/** A script that lies in a page as it is, and unpacks the others. */
export async function boot(file = "boot.ts") {
  const bundle = await rolldown({
    ...COMMON,
    input: join(web, file),
    platform: "browser",
  });
  const { output } = await bundle.generate({ format: "iife", minify: true, comments: false });
  await bundle.close();
  const code = asciiText(output[0].code.trim());
  // The others are never read as HTML.
  if (/<!--|<\/script/i.test(code)) throw new Error("a script holds what HTML reads as something else");
  return { code, modules: output[0].moduleIds };
}

/** Scripts, and what comes behind them, as `src/web/open-packed.ts` opens them. */
export async function packedParts(
  /** @type {readonly string[]} */ scripts,
  /** @type {readonly Uint8Array[]} */ more = [],
) {
  const { words, shorten } = frequentWords(scripts.join(""));
  const parts = [...[frontCoded(words), ...scripts.map(shorten)].map((part) => Buffer.from(part, "latin1")), ...more];
  return { sizes: parts.map(({ length }) => length).join(" "), packed: await packed(parts) };
}

/** What `App` renders first, as HTML, by language. */
async function firstViews() {
  const entry = `
    import { h } from "preact";
    import { renderToString } from "preact-render-to-string";
    import { fromHash } from "${join(root, "src/report/page/hash.ts")}";
    import { speak } from "${join(web, "texts.ts")}";
    import { App } from "${join(web, "view/app.tsx")}";
    export const html = (language) => {
      speak(language);
      return renderToString(h(App, { start: fromHash(""), given: undefined, typed: { text: "", cpu: "" }, language }));
    };`;
  const bundle = await rolldown({
    ...COMMON,
    input: "first-views",
    platform: "node",
    external: /second\.js$/,
    plugins: [
      {
        name: "first-views",
        resolveId: (id) => (id === "first-views" ? join(root, "first-views.js") : undefined),
        load: (id) => (id === join(root, "first-views.js") ? entry : undefined),
      },
    ],
  });
  const { output } = await bundle.generate({ format: "iife", name: "views" });
  await bundle.close();
  /** @type {{ readonly html: (language: string) => string }} */
  const { html } = runInThisContext(`${output[0].code};views`, { filename: "first-views.js" });
  return { en: html("en"), zh: html("zh") };
}

async function bundled() {
  /** @type {Set<string>} */
  const first = new Set();
  const bundle = await rolldown({
    ...COMMON,
    input: { main: join(web, "main.tsx") },
    platform: "browser",
    plugins: [
      LEFT_OUT,
      {
        name: "first-script",
        buildEnd() {
          const open = [...this.getModuleIds()].filter((id) => this.getModuleInfo(id)?.isEntry);
          for (let id = open.pop(); id !== undefined; id = open.pop()) {
            if (first.has(id)) continue;
            first.add(id);
            open.push(...(this.getModuleInfo(id)?.importedIds ?? []));
          }
        },
      },
    ],
  });
  const { output } = await bundle.generate({
    format: "esm",
    entryFileNames: "main.js",
    chunkFileNames: "[name].js",
    codeSplitting: {
      groups: [
        { name: "main", test: (id) => first.has(id) },
        { name: "second", test: (id) => !first.has(id) },
      ],
    },
    minify: true,
    comments: false,
  });
  await bundle.close();
  const chunks = output.flatMap((one) => (one.type === "chunk" ? [one] : []));
  const scriptOf = (/** @type {readonly string[]} */ files) =>
    asciiText(
      files.map((file) => linked(chunks.find(({ fileName }) => fileName === file) ?? missing(file))).join("\n"),
    );
  if (chunks.length !== 2) throw new Error(`chunks of the page: ${chunks.map(({ fileName }) => fileName).join(", ")}`);
  return {
    first: scriptOf(["main.js"]),
    second: scriptOf(["second.js"]),
    modules: chunks.flatMap(({ moduleIds }) => moduleIds),
  };
}

/** @returns {never} */
function missing(/** @type {string} */ file) {
  throw new Error(`the page has no chunk ${file}`);
}

/** A string of the source, and one that may be a template or a constant. */
const STRING = '"(?:[^"\\\\]|\\\\.)*"';
const TEXT = `(?:${STRING}|\`[^\`]*\`|[A-Z][A-Z_0-9]*)`;

/** How the ids of messages begin that the page leaves out: of hypervisors and stacks that few run, and of what few meet. */
const RARE_MESSAGES = [
  "acrn any-fixed any-past",
  "bareflank bochs boinc boxes",
  "cloud container crc",
  "dbvm docker drakvuf",
  "emulation emulator",
  "fail fwts",
  "generic-ept gns3 guest",
  "hax hcs hypervisor",
  "jailhouse",
  "kata kernel-config kubevirt kut kvm-command kvm-api kvm-entry kvm-allocation kvm-bndcfgs kvm-evmcs kvm-exit kvm-guest kvm-host kvm-l1d kvm-msr kvm-nop kvm-old kvm-perf kvm-perfctr kvm-posted kvm-real kvm-set kvm-shadow kvm-spurious kvm-svm-no kvm-unhandled kvm-tdx kvm-tsc kvm-unexpected kvm-vmwrite kvm-trace kvm-split",
  "libvirt-arm libvirt-cpu libvirt-mode libvirt-qemu libvirt-xml libxl linux-clears linux-feat linux-sgx linux-txt lxd linux-virt",
  "macos minikube msr multipass",
  "modprobe-file nix nova nyx",
  "ovirt",
  "parameter",
  "qemu-empty qemu-evmcs qemu-exception qemu-hvf qemu-hyperv qemu-kvm qemu-memory qemu-nested qemu-no-host qemu-phys qemu-sev qemu-unrestricted qemu-monitor",
  "rdmsr-no rhel8",
  "sandbox sel4",
  "task tdx",
  "vfio virsh virt-install vmm vmx-intrinsic",
  "windbg",
  "xen-cap xen-failed xen-insufficient xen-not xen-domain xen-ept xen-hap xen-installer xen-own xen-shadow xen-unexpected xen-vmcs xhyve",
].flatMap((ids) => ids.split(" "));

/**
 * What the page leaves out of modules, as its file may have 350 kB, and the command line and the library have: the module, and what
 * becomes of its source. Of a module the first row counts.
 *
 * @type {readonly (readonly [module: RegExp, leave: (code: string) => string])[]}
 */
const OMISSIONS = [
  // Which program starts the guests of a text (`explain`).
  [/[\\/]messages[\\/]front-end\.ts$/, () => "export const ofFrontEnd = (step) => step;"],
  // A register that an unknown line names (`explain`).
  [
    /[\\/]messages[\\/]explain\.ts$/,
    (code) => code.replace(/ && !namesRegisters\(one\)/, "").replace(/\nconst namesRegisters =[\s\S]*?;\n/, "\n"),
  ],
  // What those who write a hypervisor do about an exit (`explain`).
  [
    /[\\/]answers[\\/]exit-advice\.ts$/,
    (code) =>
      code
        .replace(/(\bexport const EXIT_ADVICE\b[^=]*= )\{[\s\S]*?\n\};/, "$1{};")
        .replace(/\nexport function withoutShown\([\s\S]*?\n\}\n/, "\nexport const withoutShown = (step) => step;\n")
        .replace(/(\bexport const comesAlways = )[^;]*;/, "$1() => false;"),
  ],
  // A CPU in a variable of a script (`explain`).
  [
    /[\\/]guests[\\/]guest-cpu\.ts$/,
    (code) => code.replace(/\nfunction settingOf\([\s\S]*?\n\}\n/, "\nconst settingOf = (text) => text;\n"),
  ],
  // `lscpu | grep -i virt` without an answer (`explain`).
  [
    /[\\/]linux[\\/]lscpu\.ts$/,
    (code) =>
      code
        .replace(/\nfunction isNext\([\s\S]*?\n\}\n/, "\n")
        .replace(/\n {8}if \(asked !== undefined && isNext[^\n]*/, ""),
  ],
  // Several hosts in one text: the page compares those that are given apart (`explain`).
  [/[\\/]answers[\\/]hosts-compared\.ts$/, () => "export const hostsCompared = () => undefined;"],
  // The model of a guest in a sentence, and products that are named in passing (`explain`).
  [/[\\/]guests[\\/]model-in-words\.ts$/, () => "export const guestInWords = () => [];"],
  [
    /[\\/]verdict[\\/]with-named-outer\.ts$/,
    (code) =>
      code
        .replace(/(\nconst SAYS_INSIDE =)\n[^\n]*\n/, "$1 /(?!)/;\n")
        .replace(/\nfunction withCase\([\s\S]*?\n\}\n[^\n]*\n/, "\n")
        .replace("return withCase(found, named, circumstances);", "return found;"),
  ],
  // An entry of no KVM without a number, and the reasons of KVM in 2008 (`explain`).
  [
    /[\\/]linux[\\/]entry-advice\.ts$/,
    (code) =>
      code
        .replace(/(\bconst OWN_ZERO\b[^=]*= )\{[\s\S]*?\n\};/, "$1{};")
        .replace(/\n {10}\{\n {12}is: "an old system",\n[\s\S]*?\n {10}\},/, "")
        .replace(/\n {2}instead: \{\n {4}is: "an old system",\n[\s\S]*?\n {2}\},/, "")
        .replace(/\n {2}if \(isOwn\)[^\n]*/, "")
        .replace(/return has\("invalid state not emulated"\)[\s\S]*?(?=: undefined;)/, "return false ? undefined "),
  ],
  [
    /[\\/]decoders[\\/]exit\.ts$/,
    (code) =>
      code
        .replace(/\n\/\*\* A program that asks KVM[\s\S]*?(?=\n\/\*\* The exit qualification that)/, "")
        .replace(/\$\{reason === (?:49 \? fault|0 \? event)Near\(context\) : ""\}/g, "")
        .replace(/(\bconst CHECKED\b[^=]*= )\{[\s\S]*?\n\};/, "$1{};")
        .replace(/\n {2}const other = notOfCpu[^\n]*\n[^\n]*/, ""),
  ],
  [
    /[\\/]decoders[\\/]entry\.ts$/,
    (code) => code.replace(/\nconst OF_KVM =[^\n]*/, "").replace(/zeroError\(context[^\n]*\) :/, "zeroError() :"),
  ],
  // Where the wording of a message was seen and what its meaning rests on, and messages of hypervisors and stacks that few run (`explain`).
  [
    /[\\/]messages[\\/]rows[\\/]/,
    (code) =>
      code
        .replace(new RegExp(`^ {2}\\{\\n {4}id: "(?:${RARE_MESSAGES.join("|")})-[\\s\\S]*?\\n {2}\\},\\n`, "gm"), "")
        // In containers, in WSL and in kernels for guests.
        .replace(
          /^ {6}\{\n {8}is: "(?:in dom0|KVM's module loaded|typed in a container|in WSL2|kvm\.ko loaded|a kernel for guests|rival beside KVM|after a suspend|Nyx on plain KVM|no device plugin|said to use KVM|other guest)",\n[\s\S]*?\n {6}\},\n/gm,
          "",
        )
        .replace(/\n {10}\{\n {12}is: "KVM's module loaded",\n[\s\S]*?\n {10}\},/g, "")
        .replace(/(\nexport const (?:AFTER_SLEEP|SVM_DID_NOT_TAKE|LOCKED_SETUP)\b)[\s\S]*?\n\};\n/g, "$1 = {};\n")
        .replace("[AFTER_SLEEP, ", "[")
        .replaceAll("LOCKED_SETUP, ", "")
        .replace(/\n {4}where: INSIDE\.map[\s\S]*?\n {4}\}\)\),/, "")
        .replace(/\n {2}instead: \{\n {4}is: "no Windows named",\n[\s\S]*?\n {2}\},/g, "")
        .replace(/^ {4}\{\n {6}is: "no Windows named",\n[\s\S]*?\n {4}\},\n/m, "")
        .replace(/^ {4}\{\n {6}is: "bcdedit refused",\n[\s\S]*?\n {4}\},\n/m, "")
        .replace(/^ {2}\["(?:typed in a container|a kernel for guests|no right to the device)", \w+\],\n/gm, "")
        .replace(/^ {6}\{\n {8}is: "AMD",\n {8}what: "This CPU is AMD's, where[\s\S]*?\n {6}\},\n/m, "")
        .replace(new RegExp(`(\\bsource:) \\{\\s*message:\\s*${TEXT},\\s*meaning:\\s*${TEXT}[,\\s]*\\}`, "g"), "$1 {}"),
  ],
  // Values that traces, monitors and programs of one's own print (`explain`).
  [
    /[\\/]features[\\/]shown-values\.ts$/,
    () => "export const decodeTraceMsr = () => ({}); export const decodeMonitorKvm = () => ({});",
  ],
  [
    /[\\/]evidence[\\/]own-machine\.ts$/,
    (code) =>
      code
        .replace(/\n {2}"no unrestricted guest": [\s\S]*?=== false,\n {2}"invalid[\s\S]*?=== false,/, "")
        .replace(/\n {2}"hypervisor named": [^\n]*\n[^\n]*"nested off": [^\n]*/, ""),
  ],
  [/[\\/]asked[\\/]numbers-asked\.ts$/, () => "export const numbersAsked = () => undefined;"],
  [
    /[\\/]decoders[\\/]instruction\.ts$/,
    (code) =>
      code
        .replace(/\n {2}const reason = insn[^\n]*\n[^\n]*/, "")
        .replace(/low !== undefined && \(low & 1\) === 1 \? OF_THE_READ : how/, "how"),
  ],
  // A selector of the host that is 0 (`audit`).
  [/[\\/]vmcs[\\/]finding\.ts$/, (code) => code.replace(/\n {2}\/\/ Any number passes[\s\S]*?;\n/, "\n")],
  [
    /[\\/]messages[\\/]context\.ts$/,
    (code) =>
      code
        .replace(/\n {8}saidOfFeatCtl[^\n]*/, "")
        .replace(/\n {10}said\(\)\.has\(index\) \|\|/, "")
        .replace(/\n {2}const said = once[^\n]*/, ""),
  ],
  [/[\\/]cpus[\\/]field-hint\.ts$/, () => 'export const fieldHint = () => "";'],
  // Boards with a CPU of Arm, and architectures that are neither (`explain`).
  [
    /[\\/]cpus[\\/]foreign\.ts$/,
    (code) =>
      code
        .replace(/(\n\}\[\] = )\[[\s\S]*?\n\];/, "$1[];")
        .replace(/\n\/\*\* The text shows by values[\s\S]*?(?=\n\/\*\* The verdict where the machine is not x86)/, "")
        .replace(/\n {4}shownVerdict\([^\n]*\?\?/, "")
        .replace(/\n {2}const low = startedLow\(text, virtual\);\n[^\n]*/, "")
        .replace(/VIM\[1-4\]\|.*?amlogic\|/, "")
        .replace(/\n {2}if \(has\("typed in a container"\)\)[\s\S]*?\n {4}\};/, ""),
  ],
  [/[\\/]text[\\/]svm-named\.ts$/, (code) => code.replace(/(\nconst SVM_BOARD =)\n[^\n]*\n/, "$1 /(?!)/;\n")],
  // Devices by which lspci shows a hypervisor, and systems that were there before.
  [
    /[\\/]formats[\\/]linux[\\/]surroundings\.ts$/,
    (code) =>
      code
        .replace(/(\bconst DEVICES\b[^=]*= )\[[\s\S]*?\n\];/, "$1[];")
        .replace(/\n {6}const listing = [\s\S]*?(?=\n {6}const signed)/, "")
        .replace(/\nconst (?:LISTED|DEVICE_LINE) =[^\n]*/g, "")
        .replace("|^\\s{0,8}(?:[0-9a-f]{4}:)?[0-9a-f]{2}:[0-9a-f]{2}\\.[0-7] [A-Z]", "")
        .replace(/\n {4}"(?:VMware SVGA|VirtualBox G|Hyper-V virtual VGA|Xen Platform Device)",/g, "")
        // Counts in sentences of other languages.
        .replace(/\|da\|dio\|[^)]*(?=\(\?:是\|为\)\?)[^)]*\)\?[^)]*(?=\)\(\?: \(\?:a\|an)/, "")
        .replace(/\(\?: \(\?:a\|an\|the\|un\|[^)]*\)\)\?/, "")
        .replace(/\nconst ELSEWHERE =[^\n]*/, "")
        .replace(/\nconst isSupposed =[\s\S]*?\n\};\n/, "\n")
        .replace("isSupposed(text) ? undefined : ", "")
        // Commands that are handed to another shell.
        .replace(/\nconst HANDED_ON =[\s\S]*?\n\}\n/, "\n")
        .replace(/(\n {6}const first = )firstOf\(text\)/, '$1""'),
  ],
  // GitHub Codespaces, and guests in words that few use (`explain`).
  [
    /[\\/]hypervisor-names\.ts$/,
    (code) =>
      code
        .replace(
          /^.*"(?:GitHub Codespaces|Cirrus CI|Contabo|Scaleway|IBM Cloud|IONOS|netcup|Huawei Cloud|Yandex Cloud)".*\n/gm,
          "",
        )
        .replace(/ {2}\[\n.*Bitbucket[\s\S]*?\n {2}\],\n/, "")
        .replace(/ {2}\[\n.*Codeany[\s\S]*?\n {2}\],\n/, ""),
  ],
  [
    /[\\/]questions[\\/]next-steps\.ts$/,
    (code) =>
      code
        .replace(
          / {2}\{\n {4}name: \/\^(?:GitHub Codespaces|a rented workspace|a hosted CI|Cirrus|Nutanix|QEMU TCG)[\s\S]*?\n {2}\},\n/g,
          "",
        )
        .replace(/\|Scaleway[^)]*(?=\)\/, \.\.\.OTHER_KIND)/, ""),
  ],
  [
    /[\\/]below[\\/]clouds\.ts$/,
    (code) =>
      code.replace(
        /^ {2}"(?:Contabo|Scaleway|IBM Cloud|IONOS|netcup|Huawei Cloud|Yandex Cloud|Cirrus CI|a hosted CI service)",\n/gm,
        "",
      ),
  ],
  [
    /[\\/]below[\\/]named-outer\.ts$/,
    (code) =>
      code
        .replace(
          /\nconst GUEST_IN =[\s\S]*?\nconst guestIn = .*\n/,
          "\nconst guestIn = (_: string): string | undefined => undefined;\n",
        )
        .replace(/\n {2}const clouds = [\s\S]*?severalClouds\(clouds\);/, "")
        .replace(/\nconst OF_WORKSPACE =[^\n]*/, "")
        .replace(/\nfunction severalClouds[\s\S]*?\n\}\n/, "\n")
        .replace(/\n {12}: first === "a rented workspace"[\s\S]*?(?=\n {16}: `)/, "")
        .replace(/\nconst N_SIZE =[^\n]*/, "")
        .replace(/\nconst COMPARED =\n[^\n]*\n/, "\nconst COMPARED = /(?!)/g;\n")
        .replace(/first\.startsWith\("Google"\) && ASKED_OF_GOOGLE\.test\(text\) \? SEE_INSIDE : /, "")
        .replace(/\nconst ASKED_OF_GOOGLE =[\s\S]*?\n\};\n/, "\n"),
  ],
  // KubeVirt in Docker Desktop, and Macs under macOS (`explain`).
  [
    /[\\/]verdict[\\/]rented-cloud\.ts$/,
    (code) =>
      code
        .replace(/ {2}\{\n {4}place: "(?:Amazon EC2|Hyper-V|VirtualBox)",[\s\S]*?\n {2}\},\n/g, "")
        .replace(/\n\/\*\* A release of VirtualBox[\s\S]*?(?=\n\/\*\* What is left of the step)/, "")
        .replace(/\n\/\*\* The host of a workspace[\s\S]*?(?=\n\/\*\* The steps as they are)/, "\n")
        .replace("return ofPlace(steps, text, so, cloud).map", "return steps.map")
        .replace(" || OWN_COMPUTER.test(text)", "")
        .replace(/\nexport const OWN_COMPUTER =\n[^\n]*/, "")
        .replace(/ {2}\{\n {4}place: "Docker Desktop",\n {4}is: \(_, so\)[\s\S]*?\n {2}\},\n/, "")
        .replace(/(\bconst OF_AMD\b[^=]*= )\{[\s\S]*?\n\};/, "$1{};")
        .replace(/\nconst ON_MACOS\b[\s\S]*?\n\};\nconst NO_MAC[^\n]*/, "\nconst ON_MACOS = ON_A_MAC;")
        .replace(/(\n {2}const isMacOs =)[^;]*;/, "$1 false;"),
  ],
  // SVM in the words of people (`explain`).
  [
    /[\\/]verdict[\\/]other-cpus\.ts$/,
    (code) =>
      code
        .replace(/\nconst SAID_OFF =\n[^\n]*/, "")
        .replace(/\n {2}if \(SAID_OFF[^\n]*\n[^\n]*(?=\n {2}const refused)/, "")
        .replace(/\nconst BEFORE_SVM =[^\n]*/, "")
        .replace(/\n {2}const isRival =[^\n]*/, "")
        .replace(/\$\{isRival \? "[^"]*" : "([^"]*)"\}/, "$1")
        .replace(/isRival\s*\? \[STOP_RIVAL\]\s*: /, "")
        .replace(' && !circumstances.has("after a suspend")', "")
        .replace(/\n {2}if \(BEFORE_SVM[\s\S]*?\n {4}\};/, ""),
  ],
  // The register in tboot's log.
  [
    /[\\/]formats[\\/]feature-control\.ts$/,
    (code) =>
      code
        .replace(/\nconst TBOOT =[^\n]*/, "")
        .replace(/\n {6}const tboot = [\s\S]*?\n {6}\}(?=\n {6}const chipsec)/, ""),
  ],
  // The socket, the tool and the system that a CPU of the atlas was read with (`cpus --json`).
  [/[\\/]atlas-data\.ts$/, withoutOrigins],
  // Register values in words, which a view of the page has, and the instruction in the code bytes of a crashed kernel (`explain`).
  [/[\\/]registers-read\.ts$/, () => "export const registersAsked = () => undefined;"],
  [/[\\/]verdict[\\/]faulting\.ts$/, () => "export const faultingInstruction = () => undefined;"],
  // What a name or a word of the field means that a question asks about (`explain`).
  [
    /[\\/]asked[\\/]name-asked\.ts$/,
    () => "export const askedName = () => undefined; export const parametersNamed = () => undefined;",
  ],
  // Why KVM refused an ioctl, or a virtual CPU (`explain`): the sentence of the row says which it was.
  [/[\\/]decoders[\\/]kvm-ioctl\.ts$/, () => "export const decodeKvmIoctl = () => ({});"],
  [/[\\/]set-msr[\\/]vcpu-refused\.ts$/, () => "export const decodeVcpuRefused = () => ({});"],
  // Fields of a VMCS in sentences.
  [/[\\/]lists[\\/]in-prose\.ts$/, () => "export const listInProse = () => undefined;"],
  // Signs that only what is left out below looks at (`explain`).
  [
    /[\\/]dumps[\\/]kept-text\.ts$/,
    (code) =>
      code.replace(
        /^ {2}"?(?:cxl|synic|tdx|kernel-change|small-cores|host-updated|svm-emulated|gb-pages|ignores-below)"?: \{(?:[^\n]*\},|[\s\S]*?\n {2}\},)\n/gm,
        "",
      ),
  ],
  // Memory of CXL and states in two parts, why one range of kernels refuses a register, and what failed beside a
  // device that is passed through (`explain`).
  [/[\\/]set-msr[\\/]known-defects\.ts$/, () => "export const knownDefect = () => undefined;"],
  [
    /[\\/]decoders[\\/]suberror\.ts$/,
    (code) =>
      code
        .replace(/\n {4}if \(isHalfLoaded[\s\S]*?return HALF_LOADED;/, "")
        .replace(/\n {4}if \([^\n]*anywhere\.has\("cxl"\)\)\n {6}return \{[\s\S]*?\n {6}\};/, ""),
  ],
  [/[\\/]internal-error[\\/]run-failed\.ts$/, () => "export const decodeRunFailed = () => ({});"],
  [
    /[\\/]set-msr[\\/]other-msrs\.ts$/,
    () =>
      'export const decodeOther = () => ({ what: "QEMU could not set an MSR of the guest. It is not a VMX capability register: no VMX is refused here.", onlySteps: true, steps: [{ text: "Use a newer kernel, or an older QEMU." }] });',
  ],
  [
    /[\\/]features[\\/]feature-list\.ts$/,
    (code) =>
      code
        .replace(
          /\n\/\*\* The same machine gave them[\s\S]*?(?=\n\/\*\* No CPU lacks them)/,
          "\nconst otherKernel = () => ({}); const isOnlyEmulated = () => false; const emulatedOnly = () => ({});\n",
        )
        .replace(/(\nfunction calledOtherwise[^\n]*\n)[\s\S]*?\n\}\n/, "$1}\n")
        .replace(/\n {2}if \([^\n]*anywhere\.has\("same-hosts"\)[\s\S]*?return otherVersions[^\n]*/, "")
        .replace(/\n\/\*\* No CPU lacks them[\s\S]*?(?=\n\/\*\* QEMU's e68ec2980901)/, "\n")
        .replace(/\n {2}if \(!kubevirt && disable[^\n]*/, "")
        .replace(/(\bconst BY_MICROCODE\b[^=]*= new Set\()\[[\s\S]*?\n\]\);/, "$1[]);")
        .replace(/\bconst OF_INTEL_MODELS\b[\s\S]*?\]\);/, "")
        .replace(/ {6}text:\s*rest\.every[\s\S]*?\n {10,12}: `/, "      text: `"),
  ],
  // Where VT-d is looked for, and what parameters do that decide nothing about VMX (`explain`).
  [/[\\/]asked[\\/]vtd-shown\.ts$/, () => 'export const vtdShown = () => undefined, notVtd = () => "";'],
  [/[\\/]internal-error[\\/]zero-error\.ts$/, () => "export const zeroErrorBy = () => undefined, TAKEN = {};"],
  // Registers in sentences of other languages, and control registers that a program gives its guest (`explain`).
  [
    /[\\/]formats[\\/]msr-sentence\.ts$/,
    (code) => code.replace(/(\nconst HYPOTHETICAL_ELSEWHERE =)\n[^\n]*\n/, "$1 /(?!)/;\n"),
  ],
  [/[\\/]text[\\/]register-values\.ts$/, (code) => code.replace(/\|\(\?<elsewhere> [^\n]*(?=\|\(\?<blanks>)/, "")],
  [/[\\/]internal-error[\\/]guest-sregs\.ts$/, () => "export const withSregs = (decoded) => decoded;"],
  // What the registers show of an instruction that KVM did not emulate (`explain`): the sentence says that it did not.
  [
    /[\\/]internal-error[\\/]not-emulated\.ts$/,
    () =>
      'export const ofBlock = () => ({}); export const NOT_VTX = "This is not a refused VM entry."; export const OF_NESTED = ""; export const TAKE_APIC = [];',
  ],
  [
    /[\\/]stopped[\\/]register-block\.ts$/,
    (code) =>
      code.replace(
        /\nfunction registersOf[\s\S]*?\n\}\n/,
        "\nconst registersOf = (_: string): ReadonlyMap<string, bigint> => new Map();\n",
      ),
  ],
  // What registers that are none of VMX hold, and writes of those that are (`explain`).
  [
    /[\\/]decoders[\\/]msr\.ts$/,
    (code) =>
      code
        .replace(/(\bconst ASKED_FOR\b[^=]*= )\[[\s\S]*?\n\];/, "$1[];")
        .replace(/\n {4}if \(has\("VMX locked on"\)\)[\s\S]*?\n {6}\};/, "")
        .replace(/\n {2}if \(index !== 0x3a && [\s\S]*?\n {4}\};/, "")
        .replace(/\n {2}const slept = [^\n]*\n {2}const isLate = [^\n]*/, "")
        .replace(/\$\{slept \? `The firmware leaves[^\n]*` : "([^"\n]*)"\}/, "$1")
        .replace(/\n {8}slept\n[\s\S]*?\n {10}: (?=\{ text: `Restart)/, " "),
  ],
  // Whose machine holds VT-x, by its process.
  [
    /[\\/]decoders[\\/]device\.ts$/,
    (code) =>
      code
        .replace(/\nconst STOP_VIRTUALBOX[\s\S]*?\n\};\nconst STOP_VMWARE[\s\S]*?\n\};/, "")
        .replace(/\n {2}const isShown =[^\n]*/, "")
        .replace(/steps: isShown \? [^\n]*? : steps,/, "steps,"),
  ],
  [
    /[\\/]decoders[\\/]module\.ts$/,
    (code) =>
      code.replace(/\n {4}const isShown = [^\n]*\n {4}const holder = [^\n]*/, "\n    const holder = undefined;"),
  ],
  // Which instruction failed, what kernels before the tables offer, and what KVM gives no guest (`explain`).
  [/[\\/]internal-error[\\/]failed-in\.ts$/, () => 'export const failedIn = () => "";'],
  [
    /[\\/]decoders[\\/]feature-why\.ts$/,
    (code) =>
      code
        .replace(/(\bexport const beforeTables = )[\s\S]*?\n {4}: \[\];/, "$1(_: unknown): readonly string[] => [];")
        .replace(
          /\n {4}const before = isBeforeTables[\s\S]*?\$\{before\}` \};/,
          // biome-ignore lint/suspicious/noTemplateCurlyInString: it is source code.
          "\n    return { ...bit, reason: `offered ${whereOffered(sorted)}` };",
        )
        .replace(/host\.params === undefined && host\.paramsAsked === undefined\n[^\n]*\n {10}: /, ""),
  ],
  [
    /[\\/]decoders[\\/]named-feature\.ts$/,
    (code) =>
      code.replace(/\n {2}const never = [^\n]*/, '\n  const never = "";').replace(/\nconst NEVER_OFFERED =[^\n]*/, ""),
  ],
  // Parameters in sentences (`explain`); a path with its value is read.
  [/[\\/]text[\\/]param-values\.ts$/, () => "export const paramValues = () => [];"],
  [
    /[\\/]formats[\\/]linux[\\/]module-params\.ts$/,
    (code) =>
      code
        .replace(/( {2}mark: [^\n]*?)\|\\bkvm\[-_\]intel[^\n]*(?=\/,\n)/, "$1")
        .replace(/\n {4}"kvm_intel",[\s\S]*?(?=\n {4}"Module = ")/, "")
        .replace(new RegExp(`^( {2}knows:)\\s*(?:${STRING}(?:\\s*\\+\\s*)?)+(?=,$)`, "gm"), '$1""'),
  ],
  // That a signal ended QEMU (`explain`).
  [
    /[\\/]verdict[\\/]stopped\.ts$/,
    (code) =>
      code
        .replace(/ENDED_BY\.test\(found\.said\)\s*\? FAULT_OF_QEMU\s*: isState\s*\? OF_STATE\s*: /, "")
        .replace(/\/Kernel panic\/\.test\([^\n]*\n {16}\? ("[^"\n]*")\n {16}: "[^"\n]*"/, "$1")
        .replace(/\nconst (?:FAULT_OF_QEMU|OF_STATE)[\s\S]*?\n\};\n/g, "\n")
        .replace(/\n {2}const killed = [\s\S]*?\n {4}\};\n/, "\n")
        .replace(/\n {2}const gp = [\s\S]*?covers \};\n/, "\n"),
  ],
  // Faults of the host's kernel beside KVM (`explain`).
  [
    /[\\/]guests[\\/]host-kernel\.ts$/,
    () =>
      "export const frameOfKvm = () => undefined; export const warnedBelowKvm = () => undefined; export const noWake = () => undefined;",
  ],
  // Why few CPUs have two bits of IA32_ARCH_CAPABILITIES (`explain`).
  [
    /[\\/]decoders[\\/]feature\.ts$/,
    (code) =>
      code
        .replace(/ {2}\{\n {4}\/\/ Linux, [^\n]*\n {4}names: \/\^(?:taa-no|tsx-ctrl)\$[\s\S]*?\n {2}\},\n/g, "")
        .replace(/\n {2}if \(matches\[0\]\.row\.id === [\s\S]*?(?=\n {2}const causes: Cause\[\] = \[\];)/, "")
        .replace(/\n {2}const \[withKvm, [\s\S]*?\n {2}\}(?=\n {2}const wanted)/, "")
        .replace(/asksVmx && context\.circumstances\.has\("macOS"\)\n[\s\S]*?\n {14}: (?=asksVmx)/, "")
        .replace(/\nconst IN_EMULATION =\n[^\n]*\n/, "\n")
        .replace("ofIntel(context) ? NESTED_ON : NESTED_ON_INTEL", "NESTED_ON")
        .replace(/\nconst ofIntel =[\s\S]*?(?=\n\/\*\* Warnings of two runs)/, "\n"),
  ],
  // KVM of ARM's old kernels (`explain`).
  [
    /[\\/]verdict[\\/]cpus[\\/]on-arm-32\.ts$/,
    () =>
      "export const onArm32 = () => undefined; export const onArmBoard = () => undefined; export const startedLow = () => undefined;",
  ],
  // A number of an error without the program that gave it (`explain`).
  [/[\\/]verdict[\\/]lone-errno\.ts$/, () => "export const loneErrno = () => undefined;"],
  // Instructions of VMX in a guest, and fields by number (`explain`): the sentence of the row says what happened.
  [
    /[\\/]decoders[\\/]guest-instruction\.ts$/,
    () => "export const decodeGuestInstruction = () => ({}); export const decodeFieldAccess = () => ({});",
  ],
  // A list of VMCS fields without a message, which a view of the page audits (`explain`).
  [/[\\/]verdict[\\/]dump-verdict\.ts$/, () => "export const dumpVerdict = () => undefined;"],
  // Guests of KVM by what runs in them (`explain`).
  [
    /[\\/]verdict[\\/]guests[\\/]guest-kinds\.ts$/,
    () =>
      'export const isMacGuest = () => false; export const FOR_MAC = { text: "" }; export const OLD_FOR_MAC = FOR_MAC;',
  ],
  // Why parameters are off, which the view of a CPU shows per feature (`explain`).
  [
    /[\\/]params[\\/]why-off\.ts$/,
    (code) =>
      code.replace(
        /\nexport function whyOff[\s\S]*/,
        `
export function whyOff({ host }: Situation): WhyOff {
  const off = ASKED_ABOUT.filter((name) => parseBool(host.params?.kvm_intel?.[name] ?? "") === false);
  return { says: off.length === 0 ? [] : [\`Off: \${off.join(", ")}.\`], steps: [], lacking: [] };
}
`,
      ),
  ],
  // What older kernels do not print or take (`explain`).
  [
    /[\\/]asked[\\/]flags-line\.ts$/,
    () =>
      "export const flagsLineAsked = () => undefined; export const allFlagsAsked = () => undefined; export const parameterLacked = () => undefined; export const withoutCpuFlags = (text) => text;",
  ],
  // What parameters that are asked for do (`explain`).
  [
    /[\\/]asked[\\/]asked-only\.ts$/,
    () => "export const asksOnly = () => false; export const askedVerdict = () => undefined;",
  ],
  // Designs of CPUs that the atlas does not have (`explain`).
  [/[\\/]cpus[\\/]cpu-designs\.ts$/, (code) => code.replace(/(\bconst DESIGNS = )\[[\s\S]*?\n\](?= as const)/, "$1[]")],
  // How features are checked, and what loads modules (`explain`).
  [/[\\/]asked[\\/]how-to-check\.ts$/, () => "export const featureChecked = () => undefined;"],
  [
    /[\\/]asked[\\/]autoload\.ts$/,
    () => "export const autoloaded = () => undefined; export const builtIn = () => undefined;",
  ],
  [
    /[\\/]asked[\\/]other-register\.ts$/,
    () => "export const otherRegister = () => undefined; export const isOfOtherRegister = () => false;",
  ],
  // Two values of one register held against each other, which a view of the page compares (`explain`).
  [/[\\/]asked[\\/]two-values\.ts$/, () => "export const twoValues = () => undefined;"],
  // Which parameter takes a guest's features, and QEMU that was not asked for KVM (`explain`).
  [/[\\/]guests[\\/]param-off\.ts$/, () => "export const withParamOff = () => undefined;"],
  [/[\\/]guests[\\/]without-accelerator\.ts$/, () => "export const withoutAccelerator = () => undefined;"],
  // Programs that find no KVM, on a machine that shows its virtualization (`explain`).
  [
    /[\\/]verdict[\\/]hardware-there\.ts$/,
    () => "export const hardwareThere = () => undefined; export const notPassed = () => undefined;",
  ],
  // A host and its guest in one text, and a guest's configuration of AMD's (`explain`).
  [/[\\/]guests[\\/]host-beside-guest\.ts$/, () => "export const hostBesideGuest = () => undefined;"],
  [/[\\/]evidence[\\/]sides\.ts$/, () => "export const ofOneSide = () => undefined;"],
  [
    /[\\/]compare[\\/]guest-vmx\.ts$/,
    (code) => code.replace(/\nconst OF_AMD =[\s\S]*?\n\}\n/, "\nexport const flagOfGuest = () => undefined;\n"),
  ],
  [
    /[\\/]guests[\\/]guest-verdict\.ts$/,
    (code) =>
      code
        .replace(/\n {2}const flag = flagOfGuest[\s\S]*?return ofSvm[^\n]*/, "")
        .replace(/\n {2}\/\/ An option in a sentence[\s\S]*?return undefined;/, "")
        .replace(/\nfunction ofSvm[\s\S]*?\n\}\n/, "\n")
        .replace(/\n {2}svm: \{ flag[^\n]*/, ""),
  ],
  [
    /[\\/]guests[\\/]nested-off\.ts$/,
    (code) => code.replace(/\n\/\*\* vmx itself, and[\s\S]*/, "\nexport const nestedRefused = () => undefined;\n"),
  ],
  // Parameters in the files of boot loaders and of NixOS (`explain`).
  [/[\\/]linux[\\/]module-options\.ts$/, (code) => code.replace(/\|\\bGRUB_CMDLINE[^\n]*(?=\/;\n)/, "")],
  [
    /[\\/]verdict[\\/]text-signs\.ts$/,
    (code) =>
      code
        .replace(/(\nconst INTEL_HARDWARE =)\n[^\n]*\n/, "$1 /(?!)/;\n")
        .replace(/\nexport const mayBeOfTwo[\s\S]*?;\n/, "\nexport const mayBeOfTwo = () => false;\n"),
  ],
  // AMD-V that a text shows to be missing (`explain`).
  [
    /[\\/]messages[\\/]open-steps\.ts$/,
    (code) =>
      code
        .replace(/ {2}\{\n {4}text: \[PASS_SVM\.text\][\s\S]*?\n {2}\},\n/, "")
        .replace(/\n {2}\{ command: [^\n]*by: \["in dom0"\] \},/, "")
        .replace(/\n {6}if \(shorter\?\.alone && [^\n]*/, "")
        // What is done on Windows.
        .replace(/\n {2}\{ command: \/\^bcdedit[^\n]*/, "")
        .replace(/\n {2}\{\n {4}command: \/\\\/featurename[\s\S]*?\n {2}\},/, "")
        .replace(/\n {2}\[\n {4}\/\\\/featurename[\s\S]*?\n {2}\],/, "")
        .replace(/\n\/\*\* Whether it runs is shown[\s\S]*?\n\}\n/, "")
        .replace("return ordered(left, isSo);", "return left;")
        .replace(/\n\/\*\* Of PASS_SVM, where[\s\S]*?;\n/, "")
        .replace(/\n {6}const asked = [^\n]*/, "")
        .replace("ofSystem(asked,", "ofSystem(step.commands,")
        .replace(/\n {6}const on = [^\n]*\n[^\n]*/, "\n      return left;")
        .replace(/\n {6}if \(isSo\("macOS alone"\)[^\n]*/, "")
        .replace(/\nconst SEE_ON_MACOS: [\s\S]*?\n\};\n/, "\n")
        .replace(/\n {2}\{ text: \[IS_VIRTUAL\][^\n]*/g, "")
        .replace(/\n {2}\{ command: \/\^kldload[^\n]*/, "")
        .replace(/\n {4}\.map\(\(step\) => \(circumstances\.has\("an Intel CPU named"\)[^\n]*/, ";")
        .replace(/circumstances\.has\("a driver on Windows"\)/, "false"),
  ],
  // What prose says about nested and the vendor (`explain`).
  [
    /[\\/]messages[\\/]nested-steps\.ts$/,
    () =>
      "export const atNestedHost = (step) => step, keptOff = atNestedHost, withNestedOn = atNestedHost, isLoadInCloud = () => false;",
  ],
  [
    /[\\/]messages[\\/]vendor-words\.ts$/,
    (code) =>
      code
        .replace(/\nconst isEither = [\s\S]*?;\n/, "\nconst isEither = () => false;\n")
        .replace(/ : has\("an Intel CPU named"\) \? inIntelWords/, "")
        .replace(/\nconst NAMES_VENDOR[^\n]*/, "")
        .replace(/\nconst OF_INTEL =[\s\S]*$/, "\nexport const saysEither = (says) => says;\n"),
  ],
  // Steps in the words of the text (`explain`), for what only prose shows.
  [
    /[\\/]messages[\\/]own-words\.ts$/,
    () =>
      "export const inDriver = (all) => all; export const ofModel = (one) => one; export const openLoop = ofModel; export const ofNamed = ofModel;",
  ],
  // Steps that prose replaces, and packages of modules (`explain`): the page reads no prose.
  [
    /[\\/]messages[\\/]said-steps\.ts$/,
    () =>
      "export const inWords = () => undefined; export const onComputer = () => false; export const withoutTried = (step) => step;",
  ],
  // Systems other than Linux, which a text names in words (`explain`).
  [
    /[\\/]messages[\\/]other-systems\.ts$/,
    () => "export const ofSystem = (commands) => commands, onOtherSystem = (step) => [step];",
  ],
  [
    /[\\/]text[\\/]since-sleep\.ts$/,
    () => "export const sinceSleep = (found) => found; export const onSomeCpus = sinceSleep;",
  ],
  // `rdmsr -a 0x3a | sort | uniq -c`.
  [
    /[\\/]formats[\\/]linux[\\/]lock-counts\.ts$/,
    () =>
      'export const lockCounts = { kind: "facts", name: "lock-counts", knows: "", mark: /(?!)/, open: () => ({ line: () => false }) };',
  ],
  [/[\\/]modules[\\/]not-found\.ts$/, () => "export const decodeModuleNotFound = () => ({});"],
  // Microcode that differs among CPUs (`explain`).
  [/[\\/]verdict[\\/]differing-cpus\.ts$/, () => "export const withMicrocode = (found) => found;"],
  // One bit of a register in a question (`explain`).
  [/[\\/]asked[\\/]bit-asked\.ts$/, () => "export const bitAsked = () => undefined, default1Asked = bitAsked;"],
  // Features that a text asks about, which a view of the page answers (`explain`).
  [
    /[\\/]asked[\\/]asked-feature\.ts$/,
    () =>
      "export const HAS_IT = /(?!)/, featuresIn = () => [], featuresAsked = () => [], featuresNamed = () => []; export const asksWhatIsOff = () => false; export const withAskedFeatures = (found) => found;",
  ],
  // Values in a question, and control words held against registers (`explain`).
  [
    /[\\/]asked[\\/]values-asked\.ts$/,
    () =>
      "export const valueAsked = () => undefined; export const wantedRefused = () => undefined; export const featCtlAsked = () => undefined;",
  ],
  // Notes on VMCS fields and checks (`vmcs`).
  [
    /[\\/]vmcs[\\/](?:fields[\\/]fields-|checks[\\/]checks-)/,
    (code) => code.replace(new RegExp(`\\bnote:\\s*${STRING},?`, "g"), ""),
  ],
  // What the members of a collection's schema mean, and what a format can hold.
  [
    /snapshot-schema\.ts$/,
    (code) => code.replace(new RegExp(`(\\bv\\.description\\()\\s*${STRING}(?=,?\\s*\\))`, "g"), '$1""'),
  ],
  [
    /[\\/]input[\\/]formats[\\/]/,
    (code) => code.replace(new RegExp(`^( {2}knows:)\\s*(?:${STRING}(?:\\s*\\+\\s*)?)+(?=,$)`, "gm"), '$1""'),
  ],
  // From which trees and headers kernels and names were read (`kernels`).
  [
    /[\\/]rules[\\/]kernels\.ts$/,
    (code) => code.replace(new RegExp(`(\\btree:)\\s*(?:${STRING}|\`[^\`]*\`)`, "g"), '$1""'),
  ],
  [/[\\/]registers[\\/]sources\.ts$/, (code) => code.replace(new RegExp(`(\\bsource:)\\s*${STRING}`, "g"), '$1""')],
  // Names of bits in Xen, in QEMU's macros and in ia32-doc, which no view shows (`show`).
  [
    /[\\/]registers[\\/](?:capabilities|execution-controls|exit-entry-controls|registers)\.ts$/,
    (code) => code.replace(/\b(?:qemuMacro|ia32doc|xen):\s*"\w+",?/g, ""),
  ],
];

/** Rows that changed a module, in any of the bundles. */
const reached = new Set();

export const LEFT_OUT = {
  name: "left-out",
  transform(/** @type {string} */ code, /** @type {string} */ id) {
    const row = OMISSIONS.find(([module]) => module.test(id));
    const left = row?.[1](code);
    if (left !== undefined && left !== code) reached.add(row);
    return left;
  },
};

/** The text of the atlas without what no view of a CPU shows: some words that entries share, and the end of each entry. */
function withoutOrigins(/** @type {string} */ code) {
  return code.replace(/^(?:platform|aida64|os)\|.*\n/gm, "").replace(/^(cpu(?:\|[^|\n]*){13}).*$/gm, "$1");
}

export const hashOf = (/** @type {string} */ text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

/** Comments, line ends and indentation of a style sheet are for those who read its source. */
export function styleText(file = "page.css") {
  return readFileSync(join(web, file), "utf8")
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .replace(/\s+/g, " ")
    .replace(/ ?([{};,>]) ?/g, "$1")
    .trim();
}

/** The text of the page, and its sizes in bytes. */
export async function buildPage() {
  const [{ first, second, modules }, begin, { en, zh }] = await Promise.all([bundled(), boot(), firstViews()]);
  const style = styleText();
  const policy = [
    "default-src 'none'",
    `script-src ${hashOf(begin.code)} ${hashOf(first)} ${hashOf(second)}`,
    `style-src ${hashOf(style)}`,
    "img-src data:",
    "connect-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  /** @type {{ readonly [name: string]: string }} */
  const parts = {
    policy,
    style,
    boot: begin.code,
    en,
    zh,
    ...(await packedParts([first, second])),
    notices: notices([...modules, ...begin.modules]),
  };
  // A module that moved, or another row before it, would bring what a row leaves out back in.
  const idle = OMISSIONS.filter((row) => !reached.has(row)).map(([module]) => module.source);
  if (idle.length > 0) throw new Error(`rows of OMISSIONS that leave nothing out: ${idle.join(", ")}`);
  const html = readFileSync(join(web, "page.html"), "utf8").replace(
    /%([a-z]+)%/g,
    (whole, name) => parts[name] ?? whole,
  );
  return {
    html,
    sizes: { first: first.length, second: second.length, file: html.length, gzip: gzipSync(html, { level: 9 }).length },
  };
}

/** The MIT licence, of our own file, for a package that names it and its author without its text. */
function mitText(/** @type {string} */ author) {
  const own = readFileSync(join(root, "LICENSE"), "utf8");
  return `MIT License\n\nCopyright (c) ${author}\n\n${own.slice(own.indexOf("Permission is hereby granted")).trim()}`;
}

/** Licences of the packages whose code is in the page. */
export function notices(/** @type {readonly string[]} */ modules) {
  const folders = new Set(
    modules.flatMap((id) => /^[^\0].*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+/.exec(id)?.[0] ?? []),
  );
  return [...folders]
    .sort()
    .map((folder) => {
      const { name, version, license, author } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
      const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
      if (file === undefined && license !== "MIT") throw new Error(`${name} is in the page but ships no licence text`);
      const text = file === undefined ? mitText(author) : readFileSync(join(folder, file), "utf8").trim();
      return `${name} ${version}\n${text}`;
    })
    .join("\n\n")
    .replaceAll("--", "- -");
}

/** Writes the page to a file and gives its sizes. */
export async function writePage(/** @type {string} */ file) {
  const { html, sizes } = await buildPage();
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, html);
  return sizes;
}

if (import.meta.url === pathToFileURL(argv[1] ?? "").href) {
  const file = resolve(argv[2] ?? join(root, "dist/web/vmxlens.html"));
  const { file: bytes, gzip } = await writePage(file);
  console.log(`${file}: ${bytes} bytes, ${gzip} with gzip -9`);
}

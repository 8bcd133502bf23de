import { type FactReader, placeOf } from "../../hosts/reader.js";
import { shown } from "../../text/supposed.js";

/** `options kvm_intel nested=1` of modprobe.d, and nothing else in the line. */
const OPTIONS =
  /^(?:\s{0,8}|[^#]{0,60}\/etc\/modprobe\.d\/\S{1,40}(?: \w{2,10}){0,3}: {0,4})options\s{1,8}(kvm(?:[-_]intel)?)((?:\s{1,8}[a-z]\w{0,40}(?:=[\w.,+-]{1,40})?){1,40})\s*(?:#.*)?$/;
/** The same in quotes, in a sentence that says that it is there. */
const QUOTED =
  /\b(?:put|added|have|had|has|set|using|wrote|with|created|contains|appended|after adding)\b[^.?!\n"'`]{0,60}["'`“]options\s{1,8}(kvm(?:[-_]intel)?)((?:\s{1,8}[a-z]\w{0,40}(?:=[\w.,+-]{1,40})?){1,40})\s?["'`”]/;
/** As the kernel prints it, as boot loaders are given it, and as a list of a configuration has one of its words. */
const COMMAND_LINE =
  /\bBOOT_IMAGE=|\b(?:Kernel c|C)ommand line: |\bGRUB_CMDLINE_LINUX\w*=|\b(?:kernelParams|kernel_params|kargs)\b|^\s{0,8}options (?:root=|[^\n]{0,200}\broot=)|--(?:args|append(?:-if-missing)?)[= ]|^\s{0,16}(?:- )?["']kvm(?:[-_]intel)?\.\w{2,40}=\w{1,20}["'],?\s*$/;
const ON_COMMAND_LINE = /(?:^|[\s"'=])(kvm(?:[-_]intel)?)\.([a-z]\w{0,40})(?:=([\w.,+-]{1,40}))?(?=["'\s]|$)/g;

/** Parameters of kvm and kvm_intel as modprobe.d and the kernel's command line ask for them. */
export const moduleOptions: FactReader = {
  kind: "facts",
  name: "module-options",
  knows:
    "Parameters that /etc/modprobe.d or the kernel's command line asks for; what became of them only " +
    "/sys/module shows, which counts for more.",
  mark: /^\s{0,8}options\s{1,8}kvm|modprobe\.d\/[^\n]{1,80}: {0,4}options kvm|["'`“]options kvm|\bBOOT_IMAGE=|\b[Cc]ommand line: |\bkvm(?:[-_]intel)?\.[a-z]\w{1,40}=/,
  words: [
    "BOOT_IMAGE=",
    "ommand line: ",
    "kvm.",
    "kvm_intel.",
    "kvm-intel.",
    '"options kvm',
    "'options kvm",
    "`options kvm",
    "“options kvm",
  ],
  open: (sink) => {
    // modprobe adds what the kernel's command line asks for after its own files, and the last value counts.
    const onCommandLine = new Set<string>();
    return {
      line(line) {
        const at = placeOf(line);
        const options = OPTIONS.exec(line.text) ?? quoted(line.text);
        if (options !== null) {
          const words = (options[2] as string).trim().split(/\s+/);
          // The end of a cut text may be a part of a value.
          for (const word of line.cut && !/["'`”]/.test(options[0]) ? words.slice(0, -1) : words) {
            const [name, value = "Y"] = word.split("=");
            const module = moduleOf(options[1] as string);
            if (!onCommandLine.has(`${module}.${name}`)) sink.paramAsked(module, name as string, value, at);
          }
          return true;
        }
        if (!COMMAND_LINE.test(line.text)) return false;
        let taken = false;
        for (const found of line.text.matchAll(ON_COMMAND_LINE)) {
          if (line.cut && found.index + found[0].length >= line.text.trimEnd().length) continue;
          const [module, name] = [moduleOf(found[1] as string), found[2] as string];
          onCommandLine.add(`${module}.${name}`);
          sink.paramAsked(module, name, found[3] ?? "Y", at);
          taken = true;
        }
        return taken;
      },
    };
  },
};

function quoted(text: string): RegExpExecArray | null {
  const found = shown(QUOTED.exec(text), text);
  const isAsked = found !== null && /^[^.!\n]{0,60}\?/.test(text.slice(found.index + found[0].length));
  return isAsked ? null : found;
}

function moduleOf(text: string): "kvm" | "kvm_intel" {
  return text === "kvm" ? "kvm" : "kvm_intel";
}

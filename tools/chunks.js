/**
 * The chunks of the bundle, which the library and the command line share: ES modules, which the command line makes into functions
 * (src/cli/start/chunk-text.ts). What several commands need are a few chunks, because opening a file takes longer than compiling it; functions
 * that most runs never call are in chunks that the command line loads when the first of them is called.
 */
import { join } from "node:path";
import { parseAst } from "rolldown/parseAst";

/**
 * The modules of late chunks; what they alone import comes along. The command line replaces what is imported from such a chunk by functions
 * that load it, so only functions can be; anything else fails the build. For the library they are chunks like all others.
 */
export const LATE = {
  // What a message of the tables cannot say in words.
  decoders: [
    "src/messages/decoders/config.ts",
    "src/messages/decoders/device.ts",
    "src/messages/decoders/entry.ts",
    "src/messages/decoders/exit.ts",
    "src/messages/decoders/feature.ts",
    "src/messages/decoders/guest-instruction.ts",
    "src/messages/decoders/kvm-ioctl.ts",
    "src/messages/decoders/module.ts",
    "src/messages/decoders/msr.ts",
    "src/messages/decoders/named-feature.ts",
    "src/messages/decoders/set-msr/set-msr.ts",
    "src/messages/decoders/suberror.ts",
  ],
  // A VMCS in a text of messages.
  dumps: ["src/vmcs/dumps/read.ts", "src/vmcs/audit.ts"],
  // A guest's configuration in a text of messages.
  guests: ["src/messages/verdict/guests/guest-verdict.ts", "src/messages/verdict/guests/host-beside-guest.ts"],
  // What a text calls a kernel.
  kernels: ["src/situation/kernels.ts"],
  // What a machine reports about itself, against its registers.
  evidence: [
    "src/situation/evidence/items.ts",
    "src/situation/evidence/messages.ts",
    "src/situation/evidence/nested-items.ts",
  ],
  // What in it contradicts what.
  disputes: ["src/situation/disputes/disputes.ts"],
  // Whether VMX is there and on, asked as a question.
  questions: ["src/why/questions/kvm.ts", "src/why/questions/vmx.ts"],
  // CPUs beside the boot CPU.
  "further-cpus": ["src/kvm/further-cpus.ts"],
};

/**
 * The chunks that several commands need. Each is what all its modules import and no chunk before it has, in up to three parts: what imports no
 * late chunk, what does (`-late`), and what only the command line has (`-cli`). So no chunk imports one that imports it, and the library takes
 * nothing from the command line. `late` is short for all late chunks.
 * @type {readonly (readonly [chunk: string, ...files: string[]])[]}
 */
export const SHARED = [
  ["main", "src/cli/main.ts"],
  ["program", "src/cli/program.ts"],
  ["rules", "src/rules/index.ts", "src/cli/command.ts"],
  // The names of bits, which `vmcs` needs as well, without the rules.
  ["names", "src/cli/command.ts", "src/cli/commands/vmcs.ts"],
  ["host", "src/cli/command.ts"],
  ["reasons", "src/cli/commands/layers.ts"],
  // Where a name is: in a register, on the way of a replay, in the kernel's source.
  ["places", "src/cli/commands/why.ts", "src/cli/commands/replay.ts"],
  ["questions", "src/cli/commands/why.ts", "src/cli/commands/explain.ts"],
  ["why", "src/cli/commands/why.ts"],
  // A VMCS: what `vmcs` lists, what `audit` holds it against, and how texts are read that it may be in.
  ["tables", "src/cli/commands/vmcs.ts", "src/cli/commands/audit.ts", "src/cli/commands/explain.ts"],
  ["fields", "src/cli/commands/vmcs.ts", "src/cli/commands/audit.ts"],
  ["lists", "src/vmcs/dumps/read.ts", "src/input/read.ts"],
  ["texts", "src/cli/commands/audit.ts", "src/cli/commands/explain.ts"],
  ["checks", "src/cli/commands/audit.ts"],
  ["readers", "src/input/read.ts"],
  // What late chunks import besides must not be in a chunk with what imports them; some of it is needed at once.
  ["explained", "src/messages/explain.ts", "late"],
  ["explained", "src/messages/rows/desktop/table.ts", "late"],
  ["explained", "src/cli/shell/vcpu-option.ts", "late"],
  ["below", "late"],
  ["explained", "src/report/explain/explain-report.ts"],
  ["host", "src/cli/given-text.ts"],
];

/** Parts that most commands load together. @type {{ readonly [part: string]: string }} */
const TOGETHER = {
  main: "base",
  program: "base",
  "reasons-cli": "host-cli",
  "places-cli": "why-cli",
  reasons1: "host1",
  why1: "host1",
  reasons3: "host3",
  why: "questions",
  texts: "tables",
};

/** Chooses the chunk of each module. */
export function chunks(/** @type {string} */ root) {
  /** @type {Map<string, string>} */
  const chunkOf = new Map();
  /** @type {Map<string, string>} */
  const lateOf = new Map();
  for (const [chunk, files] of Object.entries(LATE)) for (const file of files) lateOf.set(join(root, file), chunk);
  return {
    /** The groups of Rolldown's output. */
    groups: [{ debugName: "chunks", name: (/** @type {string} */ id) => chunkOf.get(id) ?? null }],
    /** @type {import("rolldown").Plugin} */
    plugin: {
      name: "chunks",
      // commander loads it for subcommands that are programs of their own, which we do not have.
      resolveId: (id, importer) =>
        id === "node:child_process" && /[\\/]node_modules[\\/]commander[\\/]/.test(importer ?? "")
          ? "\0child_process"
          : undefined,
      load: (id) => (id === "\0child_process" ? "export const spawn = undefined;" : undefined),
      buildEnd() {
        const imports = (/** @type {string} */ id) => this.getModuleInfo(id)?.importedIds ?? [];
        const reached = (/** @type {Iterable<string>} */ from, next = imports) => {
          const ids = new Set(from);
          // A set grows while it is walked.
          for (const id of ids) for (const one of next(id)) if (!lateOf.has(one)) ids.add(one);
          return ids;
        };
        const all = [...this.getModuleIds()];
        const entries = all.filter((id) => this.getModuleInfo(id)?.isEntry);
        const atOnce = reached(entries, (id) => [
          ...imports(id),
          ...(this.getModuleInfo(id)?.dynamicallyImportedIds ?? []),
        ]);
        for (const [id, chunk] of lateOf)
          for (const one of reached([id])) if (!atOnce.has(one)) chunkOf.set(one, `late-${chunk}`);
        /** @type {Map<string, number>} */
        const levels = new Map();
        /** @returns {number} how many late chunks lie one behind another below a module */
        const levelOf = (/** @type {string} */ id) => {
          let level = levels.get(id) ?? 0;
          if (!levels.has(id)) {
            for (const one of imports(id)) {
              const other = lateOf.has(one) && chunkOf.get(one) !== chunkOf.get(id);
              level = Math.max(level, levelOf(one) + (other ? 1 : 0));
            }
            levels.set(id, level);
          }
          return level;
        };
        const put = (/** @type {string} */ id, /** @type {string} */ chunk) => {
          const ofLibrary = /[\\/]src[\\/](?!cli[\\/]|fleet[\\/])|[\\/]valibot[\\/]|package\.json$/.test(id);
          const part = `${chunk}${ofLibrary ? levelOf(id) || "" : "-cli"}`;
          chunkOf.set(id, TOGETHER[part] ?? part);
        };
        for (const [chunk, ...files] of SHARED) {
          const [first = new Set(), ...others] = files.map((file) =>
            reached(file === "late" ? lateOf.keys() : [join(root, file)]),
          );
          for (const id of first) if (!chunkOf.has(id) && others.every((ids) => ids.has(id))) put(id, chunk);
        }
      },
    },
  };
}

/** @typedef {import("rolldown").OutputChunk} OutputChunk */
/** @typedef {ReturnType<typeof parseAst>["body"][number]} Statement */

/** Puts every chunk into the form that src/cli/start/chunk-text.ts knows, and refuses what has no such form. @returns {import("rolldown").Plugin} */
export function inForm() {
  return {
    name: "in-form",
    generateBundle(_options, bundle) {
      const outputs = Object.values(bundle).filter((one) => one.type === "chunk");
      for (const chunk of outputs) {
        const code = asciiOnly(chunk.code);
        // The command line loads no entry of the library.
        chunk.code = /^entry-/.test(chunk.fileName) ? code : formOf(code, chunk.fileName);
      }
      /** @type {Map<string, string[]>} */
      const imports = new Map(
        outputs.map((chunk) => [chunk.fileName, chunk.imports.filter((name) => bundle[name] !== undefined)]),
      );
      refuseCycle(imports);
    },
  };
}

/** V8 reads a text of one byte per character sooner than one of two, and one `…` makes all of it one of two. */
function asciiOnly(/** @type {string} */ code) {
  return code.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/**
 * Imports in one line, the code, exports in one line. Values that are computed at the top are marked, so that bundlers drop what is not
 * needed: a chunk holds more than what one entry needs, and none of our modules does anything but define.
 */
export function formOf(/** @type {string} */ code, /** @type {string} */ file) {
  const { body } = parseAst(code);
  const refused = (/** @type {string} */ what) => new Error(`${file}: the command line cannot load ${what}`);
  let [header, footer, start, end] = ["", "", 0, code.length];
  /** @type {{ readonly start: number, readonly end: number }[]} */
  const values = [];
  for (const [at, statement] of body.entries()) {
    if (statement.type === "ImportDeclaration") {
      if (body.slice(0, at).some(({ type }) => type !== "ImportDeclaration")) throw refused("an import behind code");
      header += importText(statement, refused);
      start = statement.end;
    } else if (
      statement.type === "ExportNamedDeclaration" &&
      at === body.length - 1 &&
      statement.declaration === null
    ) {
      if (statement.source !== null) throw refused("an export of another module");
      footer = code.slice(statement.start, statement.end).replace(/;?$/, ";");
      end = statement.start;
    } else if (/^Export/.test(statement.type)) throw refused("an export beside the last line");
    else if (statement.type === "VariableDeclaration") {
      for (const { id, init } of statement.declarations)
        if (id.type === "Identifier" && init !== null && mayDo(init)) values.push(init);
    }
  }
  if (/^late-/.test(file)) refuseValues(body, refused);
  let text = "";
  for (const value of values) {
    text += `${code.slice(start, value.start)}/*#__PURE__*/(()=>(${code.slice(value.start, value.end)}))()`;
    start = value.end;
  }
  text += code.slice(start, end);
  const within = text.split(/import(?:\(|\.meta)/).length - 1;
  if (within > 0 && within !== countWithin(body)) throw refused("a text that looks like import()");
  if (/\$ask|\$import/.test(text)) throw refused("a name that is its own");
  if (/\n/.test(header + footer)) throw refused("a line break");
  return `${header}${within > 0 ? "//import" : ""}\n${text}\n${footer}`;
}

function importText(
  /** @type {Extract<Statement, { type: "ImportDeclaration" }>} */ { specifiers, source },
  /** @type {(what: string) => Error} */ refused,
) {
  const from = JSON.stringify(source.value);
  // What is imported for no name is there for the order in which chunks run, which does not matter: none does anything but define.
  /** @type {string[]} */
  const names = [];
  let text = "";
  for (const one of specifiers) {
    const { name } = one.local;
    if (one.type === "ImportSpecifier") {
      const there = one.imported.type === "Identifier" ? one.imported.name : one.imported.value;
      names.push(there === name ? name : `${there} as ${name}`);
    } else if (!/^node:/.test(source.value)) throw refused(`${source.value} as a whole`);
    else
      text += one.type === "ImportDefaultSpecifier" ? `import ${name} from${from};` : `import*as ${name} from${from};`;
  }
  return names.length === 0 ? text : `${text}import{${names.join()}}from${from};`;
}

/** Every node below one, but what is in functions and classes. */
function walk(
  /** @type {unknown} */ node,
  /** @type {(node: { readonly type: string, readonly start: number }) => boolean} */ visit,
) {
  if (Array.isArray(node)) for (const one of node) walk(one, visit);
  else if (typeof node === "object" && node !== null && (!("type" in node) || visit(/** @type {any} */ (node))))
    for (const one of Object.values(node)) walk(one, visit);
}

/** Whether a bundler would think that computing a value can do something. */
function mayDo(/** @type {unknown} */ value) {
  let may = false;
  walk(value, ({ type }) => {
    may ||= /^(?:Call|New|Member|Binary)Expression$|^SpreadElement$|^TemplateLiteral$/.test(type);
    return !/Function|^Class/.test(type);
  });
  return may;
}

function countWithin(/** @type {readonly Statement[]} */ body) {
  let count = 0;
  walk(body, ({ type }) => {
    if (type === "ImportExpression" || type === "MetaProperty") count++;
    return true;
  });
  return count;
}

/** What a late chunk exports is called through a function, so it has to be one. */
function refuseValues(/** @type {readonly Statement[]} */ body, /** @type {(what: string) => Error} */ refused) {
  const functions = new Set(body.flatMap((one) => (one.type === "FunctionDeclaration" ? [one.id?.name] : [])));
  for (const one of body) {
    if (one.type !== "ExportNamedDeclaration") continue;
    for (const { local } of one.specifiers)
      if (local.type !== "Identifier" || !functions.has(local.name))
        throw refused(`${JSON.stringify(local)} late, which is not a function`);
  }
}

function refuseCycle(/** @type {ReadonlyMap<string, readonly string[]>} */ imports) {
  /** @type {Set<string>} */
  const done = new Set();
  const visit = (/** @type {string} */ name, /** @type {readonly string[]} */ way) => {
    if (way.includes(name))
      throw new Error(`chunks import each other: ${[...way.slice(way.indexOf(name)), name].join(", ")}`);
    if (done.has(name)) return;
    for (const next of imports.get(name) ?? []) visit(next, [...way, name]);
    done.add(name);
  };
  for (const name of imports.keys()) visit(name, []);
}

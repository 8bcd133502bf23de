/*
 * The chunks of the bundle are ES modules, because the entries of the library are made of the same ones. Node starts an ES module some
 * milliseconds later than a script, and cannot load one in the middle of a function. So the command line makes a function of the text of
 * a chunk. `tools/chunks.js` writes imports into its first line and exports into its last, in the forms below.
 */

/** Imports of a chunk whose functions load it when they are called: `import{a as b}from"./late-c.js";`. */
const LATE = /import\{([^{}]*)\}from("\.\/late-[^"]*");/g;

/** What commander imports of Node; only `a.default` is used there: `import*as a from"node:b";`. */
const STAR = /import\*as ([\w$]+) from("[^"]*");/g;

/** The end of the first line where the code has `import("./a.js")` or `import.meta`: looking for them takes longer than all else here. */
const WITHIN = "//import";

/** `import{a as b}from"./c.js";`; of a module of Node also `import a from"node:b";`. */
function imported(line: string): string {
  const rare =
    line.includes('from"./late-') || line.includes("*as ")
      ? line.replace(LATE, stubs).replace(STAR, "const $1={default:$$ask($2)};")
      : line;
  return rare
    .replace(/(^|;)import/g, "$1const")
    .replaceAll(" as ", ":")
    .replaceAll('from"', '=$ask("')
    .replaceAll('";', '");');
}

function stubs(_: string, names: string, id: string): string {
  const each = names.split(",").map((name) => {
    const [there = "", here = there] = name.split(" as ");
    return `${here}=(...given)=>$ask(${id}).${there}(...given)`;
  });
  return `const ${each.join()};`;
}

/** `export{a as b,c};` as what a function gives; the name in the chunk comes first. */
function exported(line: string): string {
  const names = line.slice("export{".length, -"};".length).split(",");
  const members = names.map((name) => {
    const as = name.indexOf(" as ");
    return as < 0 ? name : `${name.slice(as + 4)}:${name.slice(0, as)}`;
  });
  return `return{${members.join()}}`;
}

/** A chunk as an expression: a function of `$ask`, which gives a module, and of `$import`, that gives what the chunk exports. */
export function functionOf(chunk: string): string {
  const [first, last] = [chunk.indexOf("\n"), chunk.lastIndexOf("\n")];
  const header = chunk.slice(0, first);
  const body = chunk.slice(first, last + 1);
  const within = header.endsWith(WITHIN)
    ? body.replaceAll("import(", "$import(").replaceAll("import.meta", "$import.meta")
    : body;
  return `(function($ask,$import){"use strict";${imported(header)}${within}${exported(chunk.slice(last + 1))}})`;
}

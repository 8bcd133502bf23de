/**
 * Cuts the compiler's declarations down to what the entries need: the statements that declare their names, and what those name in turn.
 */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import ts from "typescript";

/** `export {};`, without which everything in a declaration file is exported. */
function isMark(/** @type {ts.Statement} */ statement) {
  return ts.isExportDeclaration(statement) && statement.getText() === "export {};";
}

/** The names that a statement takes from another file. */
function links(/** @type {ts.Statement} */ statement) {
  if (!ts.isImportDeclaration(statement) && !ts.isExportDeclaration(statement)) return undefined;
  const clause = ts.isImportDeclaration(statement) ? statement.importClause?.namedBindings : statement.exportClause;
  const path = statement.moduleSpecifier;
  if (isMark(statement)) return undefined;
  if (clause === undefined || path === undefined || !ts.isStringLiteral(path) || !("elements" in clause))
    throw new Error(`${statement.getSourceFile().fileName}: not a list of names: ${statement.getText()}`);
  return { elements: [...clause.elements], path: path.text };
}

/** The names that a statement declares. */
function declared(/** @type {ts.Statement} */ statement) {
  if (ts.isVariableStatement(statement))
    return statement.declarationList.declarations.map(({ name }) => name.getText());
  const { name } = /** @type {ts.DeclarationStatement} */ (statement);
  return name === undefined ? [] : [name.text];
}

/** What is needed, as the text of each file. */
export function neededDeclarations(/** @type {readonly string[]} */ entries) {
  /** @type {Map<string, ts.SourceFile>} */
  const sources = new Map();
  /** @type {Set<ts.Node>} */
  const needed = new Set();
  const sourceOf = (/** @type {string} */ file) => {
    const source =
      sources.get(file) ?? ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.ES2022, true);
    sources.set(file, source);
    return source;
  };
  const needFrom = (/** @type {string} */ file, /** @type {string} */ path, /** @type {string} */ name) => {
    if (path.startsWith(".")) need(join(dirname(file), path.replace(/\.js$/, ".d.ts")), name);
  };
  const need = (/** @type {string} */ file, /** @type {string} */ name) => {
    for (const statement of sourceOf(file).statements) {
      const { elements, path } = links(statement) ?? { elements: [], path: "" };
      for (const one of elements) {
        if (one.name.text !== name || needed.has(one)) continue;
        needed.add(one);
        needFrom(file, path, (one.propertyName ?? one.name).text);
      }
      if (needed.has(statement) || !declared(statement).includes(name)) continue;
      needed.add(statement);
      needNamesIn(file, statement);
    }
  };
  /** Whatever is named there, which may be more than what is meant. */
  const needNamesIn = (/** @type {string} */ file, /** @type {ts.Node} */ node) => {
    if (ts.isIdentifier(node)) need(file, node.text);
    if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument) && ts.isStringLiteral(node.argument.literal))
      needFrom(file, node.argument.literal.text, node.qualifier?.getText().split(".")[0] ?? "");
    const member = ts.isPropertySignature(node) || ts.isMethodSignature(node) || ts.isParameter(node);
    ts.forEachChild(node, (child) => {
      if (!member || child !== node.name) needNamesIn(file, child);
    });
  };
  for (const file of entries)
    for (const statement of sourceOf(file).statements)
      for (const { name } of links(statement)?.elements ?? []) need(file, name.text);
  return new Map([...sources].map(([file, { statements }]) => [file, textOf(statements, needed)]));
}

function textOf(/** @type {Iterable<ts.Statement>} */ statements, /** @type {ReadonlySet<ts.Node>} */ needed) {
  let text = "";
  for (const statement of statements) {
    const elements = links(statement)?.elements ?? [];
    const left = elements.filter((one) => needed.has(one));
    if (needed.has(statement) || isMark(statement) || (left.length > 0 && left.length === elements.length))
      text += statement.getFullText();
    else if (left.length > 0) {
      const [before = "", after = ""] = statement.getFullText().split(/\{[^{}]*\}/);
      text += `${before}{ ${left.map((one) => one.getText()).join(", ")} }${after}`;
    }
  }
  return `${text.trim()}\n`;
}

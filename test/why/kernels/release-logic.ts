import ts from "typescript";
import { KERNELS } from "../../../src/rules/kernels.js";
import { NEWEST_RELEASE } from "../../../src/rules/release.js";

/*
 * Finds knowledge about kernels in code: releases that are named, ranges that are written down, versions that are compared.
 */

const IDS: ReadonlySet<string> = new Set(KERNELS.map(({ id }) => id));
/** A version of Linux or the beginning of one, a kernel of a vendor, or a vendor's line. */
const VERSION = /^v?[4-7]\.(?:\d{1,2}\.?)?(?:\d+\.?)?$|^el\d+\.?\d*$|^(?:ubuntu|popos|wsl2?)-[\d.]*$/;
/** The newest kernel in a sentence: untrue with the next one. */
const NEWEST = new RegExp(`(?<![\\d.])${NEWEST_RELEASE.replace(".", "\\.")}(?![\\d.]*\\d)`);
const VERSION_IN_PATTERN = /(?:^|[^\d\\])[4-7]\\\.(?:\d|\[|\()/;
const COMPARES: ReadonlySet<ts.SyntaxKind> = new Set([
  ts.SyntaxKind.LessThanToken,
  ts.SyntaxKind.LessThanEqualsToken,
  ts.SyntaxKind.GreaterThanToken,
  ts.SyntaxKind.GreaterThanEqualsToken,
  ts.SyntaxKind.EqualsEqualsEqualsToken,
  ts.SyntaxKind.ExclamationEqualsEqualsToken,
]);
/** Names of parts of a version, and of the lists of kernels. */
const PART = /\b(?:major|minor|patch|patchlevel|sublevel|series|release|kernel|version)s?\b/i;
const LIST = /\b(?:RELEASES|KERNELS|MODELLED|releaseIndex|isBefore|inRange)\b/;

function isNumber(node: ts.Expression): boolean {
  return (
    (ts.isNumericLiteral(node) && !/^0x/i.test(node.getText())) ||
    (ts.isPrefixUnaryExpression(node) && ts.isNumericLiteral(node.operand))
  );
}

const PROSE = "says in a text in which kernels something holds";
/** A release in a text, with what comes before it in the text. */
const RELEASE_IN_TEXT = /(?<![\w.$@{-])[4-7]\.\d{1,2}(?:\.\d{1,3})?(?![\d.]*\d|\w)/g;
/** Whose version it is: that of what was named last before it. */
const OWNER =
  /\b(?:QEMU|libvirt|VirtualBox|VMware|Workstation|Xen|Bochs|Hyper-V|volume|section|Linux|[Kk]ernels?|KVM)\b/g;
const LINUX = /^(?:Linux|[Kk]ernels?|KVM)$/;
/** An example of what may be typed. */
const EXAMPLE = /(?:\blike|\bas|--kernel|kernel[:=])[ "]{0,2}$|`[^`]*$|\bvmxlens [^;]*$/;

/** Does a text state since when, or in which kernels, something holds. */
function namesRelease(text: string): boolean {
  return [...text.matchAll(RELEASE_IN_TEXT)].some(({ index }) => {
    const before = text.slice(0, index);
    const owner = before.match(OWNER)?.at(-1);
    return (owner === undefined || LINUX.test(owner)) && /\s/.test(text) && !EXAMPLE.test(before);
  });
}

/** What cites a tree in which a fact was read says which. */
function isCitation(node: ts.Node): boolean {
  for (let at: ts.Node = node; !ts.isSourceFile(at); at = at.parent)
    if (
      (ts.isPropertyAssignment(at) && /^(?:source|read|tree)$/.test(at.name.getText())) ||
      (ts.isVariableDeclaration(at) && at.name.getText() === "RUN")
    )
      return true;
  return false;
}

/** What is wrong with one node, if anything. */
function wrongWith(node: ts.Node): string | undefined {
  if (ts.isStringLiteralLike(node)) {
    if (ts.isImportDeclaration(node.parent) || ts.isExportDeclaration(node.parent)) return undefined;
    if (IDS.has(node.text) || VERSION.test(node.text)) return "names a kernel";
    if (NEWEST.test(node.text)) return "names the newest kernel in a text";
    return proseOf(node, node.text);
  }
  if (ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node)) {
    return NEWEST.test(node.text) ? "names the newest kernel in a text" : proseOf(node, node.text);
  }
  if (ts.isRegularExpressionLiteral(node)) {
    return VERSION_IN_PATTERN.test(node.text) ? "has a version in a pattern" : undefined;
  }
  if (ts.isBinaryExpression(node) && COMPARES.has(node.operatorToken.kind)) return wrongComparison(node);
  if (ts.isElementAccessExpression(node)) {
    const { expression, argumentExpression: at } = node;
    if (LIST.test(expression.getText()) && isNumber(at) && at.getText() !== "0") return "counts kernels";
  }
  if (ts.isCallExpression(node)) {
    const called = node.expression.getText();
    if (/\bRELEASES\.(?:slice|at|splice)$|\bKERNELS\.(?:slice|at|splice)$/.test(called)) {
      const [at] = node.arguments;
      if (at !== undefined && isNumber(at) && !["-1", "0"].includes(at.getText())) return "counts kernels";
    }
    if (/^(?:isBefore|inRange|releaseIndex)$/.test(called)) return "compares kernels";
  }
  if (ts.isPropertyAssignment(node) && /^(?:since|before)$/.test(node.name.getText())) return wrongRange(node);
  return undefined;
}

function proseOf(node: ts.Node, text: string): string | undefined {
  return namesRelease(text) && !isCitation(node) ? PROSE : undefined;
}

function wrongComparison({ left, right, operatorToken: { kind } }: ts.BinaryExpression): string | undefined {
  const equal = kind === ts.SyntaxKind.EqualsEqualsEqualsToken || kind === ts.SyntaxKind.ExclamationEqualsEqualsToken;
  for (const [one, other] of [
    [left, right],
    [right, left],
  ] as const) {
    const text = one.getText();
    // Their place in the list: -1 is for a kernel that is not in it.
    if (/\b(?:RELEASES|KERNELS)\.(?:findI|i)ndex/.test(text) && !equal && other.getText() !== "0")
      return "compares kernels";
    if (!isNumber(other)) continue;
    if (/^[4-7]\.\d/.test(other.getText())) return "compares with a version";
    if (PART.test(text.split(".").at(-1) ?? "") && Number(other.getText()) > 3 && !/length$/.test(text))
      return "compares a part of a version";
  }
  return undefined;
}

/** A range that is written down: its ends are texts, lists of them, spans, or the names of changes. */
function wrongRange({ initializer }: ts.PropertyAssignment): string | undefined {
  const text = initializer.getText();
  if (ts.isIdentifier(initializer) && /^[A-Z][A-Z_0-9]+$/.test(text)) return "writes down a range";
  if (/^(?:\[|\{)/.test(text) && /\bafter\b|["'`]!?(?:[4-7]\.|el\d)/.test(text)) return "writes down a range";
  return /^[A-Z][A-Z_0-9]+\b.*\.(?:since|before)$/.test(text) ? "writes down a range" : undefined;
}

/** Without one of these a text has nothing to find. */
const WORTH_PARSING =
  /[\s(][4-7]\.\d{1,2}|["'`]v?[4-7]\.|["'`](?:el\d|ubuntu|popos|wsl)|RELEASES|KERNELS|MODELLED|isBefore|inRange|releaseIndex|\b(?:since|before): ?[[{A-Z]|[<>=]=?\s*[4-9]|(?:major|minor|patch|series|release|kernel|version)s?\b[^;\n]{0,20}[<>=]=?\s*\d|\b[4-9][\d.]*\s*[<>=!]|[4-7]\\\./;

/** The texts of a file of tables that say what only a range may say. */
export function kernelProse(name: string, text: string): string[] {
  return kernelLogic(name, text).filter((found) => found.includes(PROSE));
}

/** Every place of a source text that knows a kernel, as `line: what it does: the code`. */
export function kernelLogic(name: string, text: string): string[] {
  if (!WORTH_PARSING.test(text) && !NEWEST.test(text)) return [];
  const kind = name.endsWith("x") ? ts.ScriptKind.TSX : ts.ScriptKind.TS;
  const source = ts.createSourceFile(name, text, ts.ScriptTarget.ES2022, true, kind);
  const found: string[] = [];
  const look = (node: ts.Node) => {
    const wrong = wrongWith(node);
    if (wrong !== undefined) {
      const { line } = source.getLineAndCharacterOfPosition(node.getStart());
      found.push(`${name}:${line + 1} ${wrong}: ${node.getText().slice(0, 80)}`);
    }
    ts.forEachChild(node, look);
  };
  look(source);
  return found;
}

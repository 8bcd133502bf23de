import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import ts from "typescript";

/** A regular expression of the source, where it is, or a place where one is put together. */
export interface PatternLiteral {
  /** `src/input/read.ts:12` */
  readonly at: string;
  readonly source: string;
  readonly flags: string;
}

/** Every regular expression literal of a folder, and the calls of `RegExp` as they are written. */
export function patternLiterals(
  root: string,
  folder: string,
): {
  readonly literals: readonly PatternLiteral[];
  readonly built: readonly { readonly at: string; readonly call: string }[];
} {
  const literals: PatternLiteral[] = [];
  const built: { at: string; call: string }[] = [];
  const files = readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".ts"),
  );
  for (const name of files.sort()) {
    const path = join(root, folder, name);
    const file = ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.Latest, true);
    const visit = (node: ts.Node): void => {
      const line = () => file.getLineAndCharacterOfPosition(node.getStart()).line + 1;
      const at = () => `${relative(root, path).replaceAll("\\", "/")}:${line()}`;
      if (node.kind === ts.SyntaxKind.RegularExpressionLiteral) {
        const text = node.getText();
        const end = text.lastIndexOf("/");
        literals.push({ at: at(), source: text.slice(1, end), flags: text.slice(end + 1) });
      } else if ((ts.isNewExpression(node) || ts.isCallExpression(node)) && node.expression.getText() === "RegExp") {
        built.push({ at: at(), call: node.getText().replace(/\s+/g, " ") });
      }
      ts.forEachChild(node, visit);
    };
    visit(file);
  }
  return { literals, built };
}

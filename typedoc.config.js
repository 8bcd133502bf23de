import { entryFiles } from "./tools/entries.js";

/** @type {Partial<import("typedoc").TypeDocOptions>} */
const options = {
  entryPoints: entryFiles,
  tsconfig: "tsconfig.build.json",
  out: "docs-api",
  readme: "none",
  excludeInternal: true,
  excludePrivate: true,
  disableSources: true,
  // A type that is part of a public shape need not have a path of its own.
  validation: { invalidLink: true, notDocumented: true, notExported: false },
  requiredToBeDocumented: ["Function", "Interface", "TypeAlias", "Variable", "Class"],
  treatWarningsAsErrors: true,
  treatValidationWarningsAsErrors: true,
};

export default options;

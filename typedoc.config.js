import { entryFiles } from "./tools/entries.js";

/** @type {Partial<import("typedoc").TypeDocOptions>} */
const options = {
  name: "vmxlens",
  // The subjects come first: a name that the first entry exports, too, is documented with its neighbours.
  entryPoints: [...entryFiles].reverse(),
  tsconfig: "tsconfig.build.json",
  out: "docs-api",
  readme: "docs/library.md",
  excludeInternal: true,
  excludePrivate: true,
  disableSources: true,
  plugin: ["./tools/typedoc-tasks.js"],
  categorizeByGroup: false,
  navigation: { includeCategories: true },
  sort: ["kind", "alphabetical"],
  kindSortOrder: ["Function", "Interface", "TypeAlias", "Variable", "Class"],
  // A type that is part of a public shape need not have a name of its own.
  validation: { invalidLink: true, notDocumented: true, notExported: false },
  requiredToBeDocumented: ["Function", "Interface", "TypeAlias", "Variable", "Class"],
  treatWarningsAsErrors: true,
  treatValidationWarningsAsErrors: true,
};

export default options;

/** The second script: all that reads, explains, audits and compares, and the parts of the page that show it. */
export { modelCells, qemuModels } from "./model-cells.js";
export { readText } from "./reading.js";
export { AuditView } from "./view/audit-view.js";
export { CompareView } from "./view/compare-view.js";
export { ExplainView } from "./view/explain-view.js";
export { RegistersView } from "./view/registers-view.js";
export { RunView } from "./view/run-view.js";
export { ShareView } from "./view/share-view.js";

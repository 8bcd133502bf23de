/**
 * Reports: answers as people read them on a terminal, in lines of styled pieces, laid out for a width in columns. The
 * commands print these; `renderLines` makes text of them, with colours or without.
 *
 * @module report
 */
export { renderLines } from "./ansi.js";
export { type AuditedDump, auditJson, auditJunit, auditReport } from "./audit-report.js";
export { verifyReport } from "./compare/verify-report.js";
export { explainReport } from "./explain/explain-report.js";
export { kernelDiffReport } from "./kernels-report.js";
export { layersReport } from "./layers-report.js";
export { nestedReport } from "./nested-report.js";
export { replayReport } from "./replay-report.js";
export { showReport } from "./show-report.js";
export type { Line } from "./text.js";
export { whyReport } from "./why-report.js";

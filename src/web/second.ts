/** The second script: all that reads, explains, audits and compares. */
export { explainReport } from "../report/explain/explain-report.js";
export { explainText, readText } from "./reading.js";

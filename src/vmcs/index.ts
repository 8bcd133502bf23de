/**
 * The VMCS: its fields, the checks of a VM entry with the sections of the SDM that ask for them, readers of dumps (the
 * kernel's, Xen's, Bochs's, JSON and more), and the audit, which says which check an entry fails and what would mend it.
 *
 * @module vmcs
 */
export { type AuditOptions, type AuditResult, auditVmcs } from "./audit.js";
export type { Check } from "./checks/check-row.js";
export { CHECKS } from "./checks/checks.js";
export type { VmcsDump } from "./dumps/dump.js";
export { readVmcs } from "./dumps/read.js";
export { type DecodedField, decodeField, describeQualification } from "./fields/decode.js";
export { findField } from "./fields/field-names.js";
export { FIELDS } from "./fields/fields.js";
export { type Fix, proposeFix } from "./fix.js";
export type { Vmcs } from "./state.js";
export { known64, type Value64 } from "./value64.js";

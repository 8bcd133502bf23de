import { parseHexU64 } from "../../bits/u64.js";
import type { CoreGroup } from "../../host/host.js";
import type { Diagnostic } from "../../input/text/diagnostic.js";
import { isVmxMsr } from "../../input/text/msr-names.js";
import { type AuditedDump, auditJson, auditJunit, auditReport, isBad } from "../../report/audit-report.js";
import { hostName } from "../../report/basis.js";
import { BLANK } from "../../report/text.js";
import { kernelText } from "../../report/wording/kernel-text.js";
import { kernelRow } from "../../rules/kernels.js";
import { kernelSet } from "../../situation/kernels.js";
import { atlasAgreement } from "../../vmcs/atlas-agreement.js";
import { type AuditOptions, auditVmcs } from "../../vmcs/audit.js";
import type { Authority } from "../../vmcs/checks/outer.js";
import type { VmcsDump } from "../../vmcs/dumps/dump.js";
import { looksLikeJson, readVmcs, vmcsStream } from "../../vmcs/dumps/read.js";
import { findField, nearFields } from "../../vmcs/fields/field-names.js";
import type { FieldRow } from "../../vmcs/fields/field-row.js";
import { proposeFix, withFields } from "../../vmcs/fix.js";
import { judgedOnce } from "../../vmcs/repeated.js";
import { known64, type Value64 } from "../../vmcs/value64.js";
import { nestedCore } from "../../why/nested-core.js";
import { ready } from "../command.js";
import { EXIT } from "../exit-code.js";
import { inputName, inputText, wholeText } from "../files.js";
import { diagnosticText } from "../host.js";
import { type RawOptions, readOptions } from "../options.js";
import { showJson } from "../outlet.js";
import { complain, didYouMean, fitted } from "../shell/problems.js";
import type { World } from "../world.js";

interface AuditRaw extends RawOptions {
  readonly host?: string;
  readonly nested?: boolean;
  readonly on?: string;
  readonly set?: readonly string[];
  readonly fix?: boolean;
  readonly junit?: boolean;
  readonly all?: boolean;
}

type Setting = readonly [row: FieldRow, value: Value64];

/** `vmxlens audit [DUMP]` */
export async function audit(
  [file = "-"]: readonly (string | undefined)[],
  raw: AuditRaw,
  world: World,
): Promise<number> {
  const { settings, problems } = readOptions(raw, world);
  const all = [...problems];
  const changes = (raw.set ?? []).flatMap((text) => setting(text, all));
  if (raw.nested === true && raw.host === undefined) all.push("--nested needs --host: the CPU below KVM");
  const named = authorityOf(raw, all);
  if (all.length > 0) return complain(world, all);

  const pieces = inputText(file, world);
  const head = await headOf(pieces);
  const cpu = await cpuOf(
    named.kernel === undefined ? raw : { ...raw, nested: true, kernel: named.kernel },
    head,
    world,
  );
  if (typeof cpu === "number") return cpu;
  const on = cpu.on ?? named.on;
  const options: AuditOptions = {
    ...(on === undefined ? {} : { on }),
    // What all CPUs share is not what a hypervisor shows of them.
    ...(cpu.partly === true && (on === undefined || on.name === "cpu") ? { agreedCaps: atlasAgreement() } : {}),
  };
  const collected: AuditedDump[] = [];
  const together = raw.junit === true || settings.json;
  let found = 0;
  let bad = false;
  let refused: string | undefined;
  const { renderLines } = await import("../../report/ansi.js");
  const judge = judgedOnce((vmcs) => ({
    result: auditVmcs(vmcs, cpu.core, options),
    ...(raw.fix === true ? { fix: proposeFix(vmcs, cpu.core, options) } : {}),
  }));
  // A log can hold thousands of dumps: each is judged and printed as soon as it is complete.
  const onDump = (dump: VmcsDump): void => {
    found++;
    for (const entry of dump.diagnostics) world.err(fitted(`${diagnosticText(entry)}\n`, world));
    const changed = change(dump.vmcs, changes);
    if (typeof changed === "string") {
      refused ??= changed;
      return;
    }
    const judged = judge(changed);
    bad ||= isBad(judged.result);
    const audited: AuditedDump = { dump: { ...dump, vmcs: changed }, ...judged };
    if (together) collected.push(audited);
    else {
      const lines = auditReport(audited, cpu.text, settings.width, { all: raw.all === true });
      world.out(renderLines(found === 1 ? lines : [BLANK, BLANK, ...lines], settings.color));
    }
  };
  const diagnostics = await readDumps(head, pieces, inputName(file), onDump);
  for (const entry of diagnostics) world.err(fitted(`${diagnosticText(entry)}\n`, world));
  if (refused !== undefined) return complain(world, [`--set: ${refused}`]);
  if (found === 0) return EXIT.usage;
  if (raw.junit === true) world.out(auditJunit(inputName(file), collected));
  else if (settings.json)
    showJson({ format: "vmxlens-audit/1", cpu: cpu.text, dumps: collected.map(auditJson) }, world);
  return bad ? EXIT.no : EXIT.ok;
}

/** Characters in which JSON is known from a log, and the registers of the CPU are looked for. */
const HEAD = 262_144;

/** The beginning of a text. */
async function headOf(pieces: AsyncGenerator<string>): Promise<string> {
  let head = "";
  while (head.length < HEAD) {
    const { value, done } = await pieces.next();
    if (done === true) break;
    head += value;
  }
  return head.replace(/^\ufeff/, "");
}

/** Reads a log piece by piece; JSON is read as a whole. Gives what there is to say about the text. */
async function readDumps(
  head: string,
  pieces: AsyncIterable<string>,
  name: string,
  onDump: (dump: VmcsDump) => void,
): Promise<readonly Diagnostic[]> {
  if (!looksLikeJson(head)) {
    const log = vmcsStream(onDump, name);
    log.push(head);
    for await (const piece of pieces) log.push(piece);
    return log.end();
  }
  const { dumps, diagnostics } = readVmcs(head + (await wholeText(pieces, name)), name);
  for (const dump of dumps) onDump(dump);
  return diagnostics;
}

interface NamedAuthority {
  readonly on?: Authority;
  /** The kernel that `linux-KERNEL` names. */
  readonly kernel?: string;
}

/** What `--on` means. */
function authorityOf({ on, nested }: AuditRaw, problems: string[]): NamedAuthority {
  if (on === undefined) return {};
  if (nested === true) problems.push("--on and --nested both say whose checks count; use one of them");
  if (on === "cpu" || on === "virtualbox" || on === "hyper-v") return { on: { name: on } };
  const kernel = /^linux-(.+)$/.exec(on)?.[1];
  const set = kernel === undefined ? undefined : kernelSet(kernel);
  if (kernel === undefined || set === undefined)
    problems.push(`--on ${on}: say cpu, virtualbox, hyper-v, or linux- and a kernel, as linux-6.18`);
  else if ("error" in set) problems.push(`--on ${on}: ${set.error}`);
  else return { kernel, on: { name: "kvm", kernels: set.candidates.map(kernelRow) } };
  return {};
}

interface AuditedCpu {
  readonly core?: CoreGroup;
  /** Nothing or a part of it is known: what all CPUs share counts where it is silent. */
  readonly partly?: true;
  readonly text: string;
  readonly on?: Authority;
}

const HYPERVISORS: { readonly [on: string]: string | undefined } = { virtualbox: "VirtualBox", "hyper-v": "Hyper-V" };

/** The number or the name of a capability register of VMX. */
const CAPABILITY = /ia32_vmx|msr_vmx|(?<![\w.])(?:0x0{0,8})?4(?:8[0-9a-f]|9[0-3])h?(?![\w.])/i;

/** The CPU whose registers are in the same text as the VMCS. */
async function cpuBeside(head: string): Promise<AuditedCpu | undefined> {
  if (!CAPABILITY.test(head)) return undefined;
  const { readHost } = await import("../../input/read.js");
  const { host } = readHost(head);
  const [core] = host?.cores ?? [];
  if (host === undefined || core === undefined || host.cores.length > 1) return undefined;
  const count = [...core.msrs.keys()].filter((index) => isVmxMsr(index) && index !== 0x3a).length;
  if (count === 0) return undefined;
  const text = `${hostName({ host })}, by its ${count} VMX register${count === 1 ? "" : "s"} in the same text`;
  return { core, text, ...(core.cpuid.features.hypervisor === true ? {} : { partly: true }) };
}

/** The CPU that would enter: HOST's own, what the text shows of it, or what KVM on it shows a nested hypervisor. */
async function cpuOf(raw: AuditRaw, head: string, world: World): Promise<AuditedCpu | number> {
  if (raw.host === undefined) {
    const beside = raw.on === undefined || raw.on === "cpu" ? await cpuBeside(head) : undefined;
    if (beside !== undefined) return beside;
    const judge = raw.nested === true ? `KVM of Linux ${raw.kernel}` : HYPERVISORS[raw.on ?? "cpu"];
    const how = judge === undefined ? "using what all Intel CPUs of the atlas share" : `judged as ${judge} does`;
    return { text: `not named (name it with --host); ${how}`, partly: true };
  }
  const prepared = await ready(raw.host, raw, world);
  if (typeof prepared === "number") return prepared;
  const { situation } = prepared;
  const name = hostName(situation);
  if (raw.nested !== true) return { core: situation.host.cores[0], text: name };
  return {
    core: nestedCore(situation),
    text: `what KVM of ${kernelText(situation)} on ${name} shows a nested hypervisor`,
    on: { name: "kvm", kernels: situation.candidates.map(({ release }) => kernelRow(release)) },
  };
}

function setting(text: string, problems: string[]): Setting[] {
  const at = text.indexOf("=");
  const name = text.slice(0, Math.max(0, at)).trim();
  const row = findField(name);
  const value = parseHexU64(text.slice(at + 1).trim());
  if (at <= 0) problems.push(`--set ${text}: write it as GUEST_RFLAGS=0x2`);
  else if (row === undefined)
    problems.push(`--set ${text}: no VMCS field is called ${name}${didYouMean(nearFields(name))}`);
  else if (value === undefined) problems.push(`--set ${text}: the value is hex, at most 16 digits`);
  else return [[row, known64(value)]];
  return [];
}

function change(vmcs: AuditedDump["dump"]["vmcs"], changes: readonly Setting[]): typeof vmcs | string {
  try {
    return changes.length === 0 ? vmcs : withFields(vmcs, changes);
  } catch (error) {
    if (error instanceof RangeError) return error.message;
    throw error;
  }
}

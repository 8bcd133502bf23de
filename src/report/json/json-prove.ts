import { COMPARED_GROUPS } from "../../prove/compare-run.js";
import { hexIndex } from "../../registers/registers.js";
import { type ProofDifference, type ProvedHost, type ProvedKernel, proofVerdict } from "../prove/prove-report.js";
import { decisionJson } from "./json-module.js";
import { situationJson } from "./json-situation.js";

/** What `vmxlens prove --json` prints, as schema/prove.schema.json describes it. */
export function proveJson({ kernel, paths }: ProvedKernel, hosts: readonly ProvedHost[]): unknown {
  return {
    format: "vmxlens-prove/1",
    module: {
      kernel,
      module: paths.module ?? null,
      kvm: paths.kvm ?? null,
      vmlinuz: paths.vmlinuz ?? null,
      btf: paths.btf ?? null,
    },
    hosts: hosts.map(hostJson),
  };
}

function hostJson({ name, situation, proof, differences }: ProvedHost): unknown {
  const { modules, boot, comparison, release } = proof;
  const stopped = modules.stopped ?? boot?.stopped;
  return {
    name,
    ...situationJson(situation),
    release,
    text: proofVerdict(proof),
    counts: Object.fromEntries(COMPARED_GROUPS.map((group) => [group, comparison.counts[group]])),
    differences: differences.map(differenceJson),
    open: comparison.items.filter(({ verdict }) => verdict === "open").map(({ name: item }) => item),
    messages: modules.log.messages.map(({ level, text, certain }) => ({ level, text, certain })),
    unlisted: [...modules.unlisted.keys()],
    stopped:
      stopped === undefined
        ? null
        : { kind: stopped.kind, message: stopped.message, where: stopped.where, address: hexIndex(stopped.address) },
    instructions: modules.instructions + (boot?.instructions ?? 0),
  };
}

function differenceJson({ item, decision }: ProofDifference): unknown {
  return {
    group: item.group,
    name: item.name,
    tables: item.tables,
    module: item.module,
    bits: item.bits.map(({ bit, name, tables }) => ({ bit, name: name ?? null, tables })),
    decided: decision === undefined ? null : decisionJson(decision),
  };
}

import type { Reader } from "../hosts/reader.js";
import { aida64 } from "./aida64.js";
import { canSet } from "./cmpe283-listing.js";
import { collect } from "./collect.js";
import { controlWords } from "./control-words.js";
import { cpuReport } from "./cpu-report.js";
import { cpuidRaw } from "./cpuid-raw.js";
import { featureControl } from "./feature-control.js";
import { freebsdBoot } from "./freebsd-boot.js";
import { firecracker } from "./hypervisors/firecracker.js";
import { haxm } from "./hypervisors/haxm.js";
import { vboxlog } from "./hypervisors/vboxlog.js";
import { xenLog } from "./hypervisors/xen-log.js";
import { kernelLog } from "./kernel-log.js";
import { kubernetes, kubernetesLabels } from "./kubernetes.js";
import { kvmMsrJson, kvmMsrLines } from "./kvm-msrs.js";
import { libvirtXml } from "./libvirt-xml.js";
import { loadError } from "./linux/load-error.js";
import { lockCounts } from "./linux/lock-counts.js";
import { lscpu } from "./linux/lscpu.js";
import { lsmod } from "./linux/lsmod.js";
import { moduleOptions } from "./linux/module-options.js";
import { moduleParams } from "./linux/module-params.js";
import { surroundings } from "./linux/surroundings.js";
import { vulnerabilities } from "./linux/vulnerabilities.js";
import { msrHalves } from "./msr-halves.js";
import { msrList } from "./msr-list.js";
import { msrSentence } from "./msr-sentence.js";
import { procCpuinfo } from "./proc-cpuinfo.js";
import { qmp } from "./qmp.js";
import { snapshot } from "./snapshot.js";
import { vmxcap } from "./vmxcap.js";

/**
 * Every format that `readHost` knows. A new reader is its own file plus its row here. A line belongs to the first
 * reader that claims it, so formats with lines of their own come before those that accept any list of values.
 */
export const READERS: readonly Reader[] = [
  snapshot,
  collect,
  vmxcap,
  procCpuinfo,
  vulnerabilities,
  lscpu,
  lsmod,
  moduleParams,
  moduleOptions,
  loadError,
  surroundings,
  lockCounts,
  kvmMsrLines,
  vboxlog,
  freebsdBoot,
  xenLog,
  canSet,
  haxm,
  featureControl,
  msrHalves,
  controlWords,
  cpuReport,
  cpuidRaw,
  kernelLog,
  qmp,
  kvmMsrJson,
  kubernetes,
  kubernetesLabels,
  firecracker,
  libvirtXml,
  aida64,
  msrList,
  msrSentence,
];

/** Throws `RangeError` on a name that no reader has. */
export function readerByName(name: string): Reader {
  const reader = READERS.find((r) => r.name === name);
  if (reader === undefined) {
    throw new RangeError(`no format ${JSON.stringify(name)}; known: ${READERS.map((r) => r.name).join(", ")}`);
  }
  return reader;
}

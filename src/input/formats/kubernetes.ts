import type { FactSink } from "../hosts/evidence.js";
import { featureBits, offered } from "../hosts/feature-bits.js";
import { type FactReader, type JsonReader, placeOf } from "../hosts/reader.js";
import type { Place } from "../text/diagnostic.js";
import type { JsonHandler, JsonPath } from "../text/json-scan.js";

/** Nodes of Kubernetes with the labels of KubeVirt and Node Feature Discovery: `kubectl get nodes -o json`. */
export const kubernetes: JsonReader = {
  kind: "json",
  name: "kubernetes",
  knows:
    "Kubernetes nodes as JSON: the vmx features that QEMU and KVM offer a guest, by KubeVirt's labels, which is the nested " +
    "view and not the CPU; vendor and kernel release. A feature without a label may be there.",
  open: openNodes,
};

/** Labels whose last part is a feature in libvirt's words, which KVM offers where it is true. */
const OFFERED = /^(?:cpu-feature|host-model-required-features)\.node\.kubevirt\.io\/(vmx-[\w.-]{1,80})$/;
const VENDOR = /^cpu-vendor\.node\.kubevirt\.io\/(Intel|AMD)$|^feature\.node\.kubernetes\.io\/cpu-model\.vendor_id$/;
const VMX = "feature.node.kubernetes.io/cpu-cpuid.VMX";
const KERNEL = "feature.node.kubernetes.io/kernel-version.full";
const VENDORS: { readonly [name: string]: string } = { Intel: "GenuineIntel", AMD: "AuthenticAMD" };

/** KubeVirt has about fifty labels of a node for VMX. */
const MOST_LABELS = 1024;

/** One node while it is read: its members come in any order. */
interface Node {
  /** Length of the path of the object. */
  readonly depth: number;
  readonly at: Place;
  readonly features: Map<string, { readonly yes: boolean; readonly at: Place }>;
  name?: string;
  vendor?: string;
  vmx?: boolean;
  /** As the kubelet says; a label may be older. */
  kernel?: { readonly text: string; readonly certain: boolean };
}

function openNodes(sink: FactSink): JsonHandler & { claims: () => number } {
  let claims = 0;
  let node: Node | undefined;

  const of = (depth: number, at: Place): Node => {
    if (node !== undefined && node.depth !== depth) settle();
    node ??= { depth, at, features: new Map() };
    return node;
  };
  const settle = (): void => {
    if (node === undefined) return;
    handIn(sink, node);
    node = undefined;
  };
  const label = (here: Node, key: string, value: string, at: Place): void => {
    const name = OFFERED.exec(key)?.[1];
    if (name !== undefined && here.features.size < MOST_LABELS) {
      claims++;
      // One of the two kinds of labels is enough for a feature to be offered.
      here.features.set(name, { yes: value === "true" || here.features.get(name)?.yes === true, at });
    } else if (key === VMX) here.vmx = value === "true";
    else if (key === KERNEL && here.kernel?.certain !== true) here.kernel = { text: value, certain: false };
    else {
      const found = VENDOR.exec(key);
      const vendor = found === null ? undefined : (found[1] ?? value);
      if (vendor !== undefined && (found?.[1] === undefined || value === "true"))
        here.vendor = VENDORS[vendor] ?? vendor;
    }
  };

  return {
    scalar(path, value, at) {
      const key = path.at(-1);
      if (value.kind !== "string" || typeof key !== "string") return;
      const depth = path.length - 2;
      if (key === "name" && path.at(-2) === "metadata" && (node === undefined || node.depth === depth))
        of(depth, at).name = value.value;
      else if (isLabel(path)) label(of(path.length - 3, at), key, value.value, at);
      else if (key === "kernelVersion" && path.at(-2) === "nodeInfo" && path.at(-3) === "status") {
        claims++;
        of(path.length - 3, at).kernel = { text: value.value, certain: true };
      }
    },
    close(path) {
      if (node !== undefined && path.length <= node.depth) settle();
    },
    end: settle,
    claims: () => claims,
  };
}

const SVM_TEXT =
  /(?:cpu-feature|host-model-required-features)\.node\.kubevirt\.io\/svm(?:=|"?: ?)"?true\b|feature\.node\.kubernetes\.io\/cpu-cpuid\.SVM(?:=|"?: ?)"?true\b/;

const LABEL_TEXT =
  /(?:cpu-feature|host-model-required-features)\.node\.kubevirt\.io\/(vmx-[\w.-]{1,80})(?:=|"?: ?)"?(true|false)\b|(?:feature\.node\.kubernetes\.io\/cpu-cpuid\.(VMX)|cpu-feature\.node\.kubevirt\.io\/(vmx))(?:=|"?: ?)"?(true|false)\b|cpu-vendor\.node\.kubevirt\.io\/(Intel|AMD)(?:=|"?: ?)"?true\b|feature\.node\.kubernetes\.io\/kernel-version\.full(?:=|"?: ?)"?([\w.+~-]{3,100})/g;

/** The same labels as text: `kubectl get nodes --show-labels`, `kubectl describe node`, and YAML. */
export const kubernetesLabels: FactReader = {
  kind: "facts",
  name: "kubernetes-labels",
  knows:
    "Labels of Kubernetes nodes as text: the vmx features that KubeVirt found, whether CPUID has VMX, vendor and kernel. A " +
    "feature without a label may be there.",
  mark: /\.node\.kubevirt\.io\/|feature\.node\.kubernetes\.io\/|^Name: {2,}\S|^\s{0,8}kind: Node\s*$/,
  words: [".node.kubevirt.io/", "node.kubernetes.io/", "Name:  ", "kind: Node"],
  open: (sink) => ({
    line(line) {
      const { text } = line;
      if (/^Name: {2,}\S|^\s{0,8}kind: Node\s*$/.test(text)) {
        sink.nextMachine();
        const [, name] = /^Name: {2,}(\S{1,253})\s*$/.exec(text) ?? [];
        if (name !== undefined) nodeName(sink, name, placeOf(line));
        return false;
      }
      const found = [...text.matchAll(LABEL_TEXT)];
      const svm = !line.cut && SVM_TEXT.test(text);
      if ((found.length === 0 && !svm) || line.cut) return false;
      // All labels of a node on its line.
      if (found.length > 1) {
        sink.nextMachine();
        const [, name] = /^(\S{1,253})\s+(?:Not)?Ready\b/.exec(text) ?? [];
        if (name !== undefined) nodeName(sink, name, placeOf(line));
      }
      if (svm) sink.system("flag svm", "yes", placeOf(line));
      for (const [, feature, is, ofNfd, ofKubeVirt, hasVmx, vendor, kernel] of found) {
        const at = placeOf(line);
        // KubeVirt's label is there for what KVM offers guests.
        if (ofNfd !== undefined || (ofKubeVirt !== undefined && hasVmx === "true"))
          sink.cpu("unnamed", { features: { vmx: hasVmx === "true" } }, at);
        else if (vendor !== undefined) sink.machine({ vendor: VENDORS[vendor] as string }, at);
        else if (kernel !== undefined) sink.system("kernel", kernel, at);
        else if (is === "true" && feature !== undefined) {
          const name = feature;
          const known = featureBits("libvirt", name);
          for (const bit of known.length > 0 ? known : featureBits("qemu", name)) {
            sink.nested(bit.index, offered(bit, true), at);
          }
        }
      }
      return true;
    },
  }),
};

/** As Kubernetes allows them. */
function nodeName(sink: FactSink, name: string, at: Place): void {
  if (/^[a-z0-9][a-z0-9.-]{0,252}$/.test(name)) sink.system("node", name, at);
}

const isLabel = (path: JsonPath): boolean => path.at(-2) === "labels" && path.at(-3) === "metadata";

/** A node without anything about VMX or its kernel is none of ours: pods have labels, too. */
function handIn(sink: FactSink, { at, features, name, vendor, vmx, kernel }: Node): void {
  if (features.size === 0 && kernel?.certain !== true) return;
  sink.nextMachine();
  if (name !== undefined) nodeName(sink, name, at);
  if (vendor !== undefined && /^[ -~]{12}$/.test(vendor)) sink.machine({ vendor }, at);
  if (vmx !== undefined) sink.cpu("unnamed", { features: { vmx } }, at);
  if (kernel !== undefined) sink.system("kernel", kernel.text.slice(0, 100), at);
  for (const [feature, { yes, at: place }] of features) {
    const known = featureBits("libvirt", feature);
    const bits = known.length > 0 ? known : featureBits("qemu", feature);
    // A name of several bits is there when all of them are, and a label that is not true proves nothing.
    if (yes) for (const bit of bits) sink.nested(bit.index, offered(bit, true), place);
  }
}

import type { FactSink } from "../hosts/evidence.js";
import { featureBits, offered } from "../hosts/feature-bits.js";
import type { JsonReader } from "../hosts/reader.js";
import type { Place } from "../text/diagnostic.js";
import type { JsonHandler, JsonScalar } from "../text/json-scan.js";

/** QEMU's replies to query-cpu-model-expansion and query-cpu-definitions, also as libvirt keeps them. */
export const qmp: JsonReader = {
  kind: "json",
  name: "qmp",
  knows:
    "QMP query-cpu-model-expansion of host or max: for each vmx property whether QEMU and KVM offer it to a guest. That " +
    "is the nested view, not the CPU: false means that KVM will not offer it. One property covers two INVEPT and " +
    "INVVPID bits. A named model says what a guest asks for, and QEMU without KVM nothing at all.",
  open: openQmp,
};

/** What a reply says about the model itself; for a named model it is not the host's. */
const IDENTITY = new Set(["model-id", "family", "model", "stepping", "vendor"]);

/** Models that mean everything KVM offers; QEMU's reply to a static expansion has the name base whatever was asked. */
const OF_THE_HOST = new Set(["host", "max", "base"]);
/** True under KVM and false without it, whatever the CPU; `kvm` itself only hides or shows the rest. */
const KVM_FEATURE = /^kvm(?:clock|-(?!hint-|no-smi-|pv-enforce-))/;
/** QEMU has about a hundred vmx properties. */
const MOST_PROPS = 1024;

/** One reply while it is read: its members come in any order. */
interface Reply {
  /** Length of the path of the object that holds `props` and perhaps `name`. */
  readonly depth: number;
  readonly features: { readonly property: string; readonly value: boolean; readonly at: Place }[];
  vmx?: boolean;
  /** Whether any feature of KVM is on; missing if none is listed. */
  kvm?: boolean;
}

function openQmp(sink: FactSink): JsonHandler & { claims: () => number } {
  let claims = 0;
  let reply: Reply | undefined;
  /** Features that some model lacks here, and whether KVM answered. */
  let lacking = new Map<string, Place>();
  let isKvm: boolean | undefined;
  /** The name in the object that is being read, of a list of definitions or of a reply. */
  let name: { readonly text: string; readonly depth: number } | undefined;
  let lacks: Map<string, Place> | undefined;

  const prop = (property: string, value: JsonScalar, depth: number, at: Place): void => {
    if (IDENTITY.has(property)) {
      const text = value.kind === "string" ? value.value : value.kind === "number" ? value.text : undefined;
      if (text !== undefined) sink.guest(`CPU model ${property}`, text.slice(0, 100), at);
      return;
    }
    if (value.kind !== "literal" || value.value === null) return;
    reply ??= { depth, features: [] };
    if (property === "vmx") reply.vmx = value.value;
    if (KVM_FEATURE.test(property)) reply.kvm = reply.kvm === true || value.value;
    if (!property.startsWith("vmx-")) return;
    claims++;
    if (reply.features.length < MOST_PROPS) reply.features.push({ property, value: value.value, at });
  };

  const settle = (): void => {
    if (reply === undefined) return;
    const model = name !== undefined && name.depth === reply.depth ? name.text : undefined;
    handIn(sink, reply, model);
    reply = undefined;
  };

  const settleDefinition = (): void => {
    if (lacks === undefined) return;
    // Without KVM the model host lacks KVM itself, and everything else means something else.
    if (name?.text === "host") isKvm = !lacks.has("kvm");
    for (const [feature, at] of lacks) if (feature.startsWith("vmx-") && lacking.size < 256) lacking.set(feature, at);
    lacks = undefined;
  };

  return {
    scalar(path, value, at) {
      const key = path.at(-1);
      if (typeof key === "string") {
        if (path.at(-2) === "props") prop(key, value, path.length - 2, at);
        else if (key === "name" && value.kind === "string") name = { text: value.value, depth: path.length - 1 };
        return;
      }
      if (path.at(-2) !== "unavailable-features" || value.kind !== "string") return;
      claims++;
      lacks ??= new Map();
      if (lacks.size < 512) lacks.set(value.value, at);
    },
    close(path) {
      if (reply !== undefined && path.length <= reply.depth) settle();
      if (path.at(-1) === "unavailable-features") lacks ??= new Map();
      if (typeof path.at(-1) === "number") settleDefinition();
      if (name !== undefined && path.length <= name.depth) name = undefined;
    },
    end() {
      settle();
      if (isKvm === true) {
        for (const [feature, at] of lacking) {
          const bits = featureBits("qemu", feature);
          const [bit] = bits;
          if (bit !== undefined && bits.length === 1) sink.nested(bit.index, offered(bit, false), at);
        }
      }
      lacking = new Map();
      isKvm = undefined;
      name = undefined;
      lacks = undefined;
    },
    claims: () => claims,
  };
}

/** `model`: the name that the reply gives. */
function handIn(sink: FactSink, { features, vmx, kvm }: Reply, model: string | undefined): void {
  const known = features.filter(({ property }) => featureBits("qemu", property).length > 0);
  const [first] = known;
  if (first === undefined) return;
  const note = (message: string): void =>
    sink.log.note(first.at, message, "query-cpu-model-expansion of the model host");
  if (model !== undefined && !OF_THE_HOST.has(model)) {
    for (const { property, value, at } of known)
      sink.guest(`CPU model ${model.slice(0, 100)} ${property}`, String(value), at);
    note(`${model.slice(0, 100)} is what a guest asks for, and says nothing about what KVM offers`);
    return;
  }
  if (vmx === false && kvm === false) {
    note("no feature of KVM is on: QEMU ran without KVM, so nothing shows what KVM offers");
    return;
  }
  for (const { property, value, at } of known) {
    const bits = featureBits("qemu", property);
    // A property of several bits is true when all of them are (x86_cpu_get_bit_prop), so false proves nothing about
    // any of them.
    if (!value && bits.length > 1) continue;
    for (const bit of bits) sink.nested(bit.index, offered(bit, value), at);
  }
  if (vmx === false) {
    note(
      "vmx is false: KVM offers no VMX here at all (an AMD host, nested=0, or no VMX), and every vmx property is false",
    );
  } else if (model === undefined || model === "base") {
    note("the reply does not name the model that was expanded; it is treated as host or max, which is what KVM offers");
  }
}

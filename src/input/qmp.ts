import type { Place } from "./diagnostic.js";
import type { Desk } from "./evidence.js";
import { featureBits, offered } from "./feature-bits.js";
import type { JsonHandler, JsonScalar } from "./json-scan.js";
import type { JsonReader } from "./reader.js";

/** QEMU's replies to query-cpu-model-expansion and query-cpu-definitions, also as libvirt keeps them. */
export const qmp: JsonReader = {
  kind: "json",
  name: "qmp",
  knows:
    "QMP query-cpu-model-expansion: for each vmx property whether QEMU and KVM offer it to a guest. That is the nested " +
    "view, not the CPU: false means that KVM will not offer it. One property stands for two INVEPT and INVVPID bits.",
  recognisedBy: 'a JSON object "props" with "vmx-…" members, or "unavailable-features" lists',
  open: openQmp,
};

/** What a reply says of the model itself; of a named model it is not the host's. */
const IDENTITY = new Set(["model-id", "family", "model", "stepping", "vendor"]);

function openQmp(desk: Desk): JsonHandler & { claims: () => number } {
  let claims = 0;
  let features = 0;
  let first: Place | undefined;
  let vmx: boolean | undefined;
  /** Features that some model lacks here, and whether KVM answered. */
  let lacking = new Map<string, Place>();
  let isKvm: boolean | undefined;
  /** The entry of a list of definitions that is being read; its members come in any order. */
  let name: string | undefined;
  let lacks: Map<string, Place> | undefined;

  const prop = (property: string, value: JsonScalar, at: Place): void => {
    if (IDENTITY.has(property)) {
      const text = value.kind === "string" ? value.value : value.kind === "number" ? value.text : undefined;
      if (text !== undefined) desk.guest(`CPU model ${property}`, text.slice(0, 100), at);
      return;
    }
    if (value.kind !== "literal" || value.value === null) return;
    if (property === "vmx") vmx = value.value;
    if (!property.startsWith("vmx-")) return;
    const bits = featureBits("qemu", property);
    claims++;
    if (bits.length === 0) return;
    features++;
    first ??= at;
    // A property of several bits is true when all of them are (x86_cpu_get_bit_prop), so false proves nothing of any.
    if (!value.value && bits.length > 1) return;
    for (const bit of bits) desk.nested(bit.index, offered(bit, value.value), at);
  };

  return {
    scalar(path, value, at) {
      const key = path.at(-1);
      if (typeof key === "string") {
        if (path.at(-2) === "props") prop(key, value, at);
        if (key === "name" && value.kind === "string") name = value.value;
        return;
      }
      if (path.at(-2) !== "unavailable-features" || value.kind !== "string") return;
      claims++;
      lacks ??= new Map();
      if (lacks.size < 512) lacks.set(value.value, at);
    },
    close(path) {
      if (path.at(-1) === "unavailable-features") lacks ??= new Map();
      if (typeof path.at(-1) !== "number") return;
      if (lacks !== undefined) {
        // Without KVM the model host lacks KVM itself, and everything else means something else.
        if (name === "host") isKvm = !lacks.has("kvm");
        for (const [feature, at] of lacks)
          if (feature.startsWith("vmx-") && lacking.size < 256) lacking.set(feature, at);
      }
      name = undefined;
      lacks = undefined;
    },
    end() {
      if (isKvm === true) {
        for (const [feature, at] of lacking) {
          const bits = featureBits("qemu", feature);
          const [bit] = bits;
          if (bit !== undefined && bits.length === 1) desk.nested(bit.index, offered(bit, false), at);
        }
      }
      if (features > 0 && first !== undefined) tellWhatItIs(desk, first, vmx);
      lacking = new Map();
      isKvm = undefined;
      name = undefined;
      lacks = undefined;
      features = 0;
      first = undefined;
      vmx = undefined;
    },
    claims: () => claims,
  };
}

function tellWhatItIs(desk: Desk, at: Place, vmx: boolean | undefined): void {
  desk.log.note(
    at,
    vmx === false
      ? "vmx is false: KVM offers no VMX here at all (an AMD host, nested=0, or no VMX), and every vmx property is false"
      : "the reply does not name the model that was expanded; it is taken as host or max, which is what KVM offers",
    "query-cpu-model-expansion of the model host",
  );
}

import type { FactSink } from "../../hosts/evidence.js";
import type { JsonReader } from "../../hosts/reader.js";
import type { Place } from "../../text/diagnostic.js";
import type { JsonHandler } from "../../text/json-scan.js";

/** Firecracker CPU templates, and fingerprints of its cpu-template-helper. */
export const firecracker: JsonReader = {
  kind: "json",
  name: "firecracker",
  knows:
    "Firecracker CPU templates and fingerprints: no VMX value at all, for Firecracker leaves the VMX MSRs out; a " +
    "fingerprint has the host's kernel release and microcode. CPUID and MSRs in it are a guest's.",
  open: openFirecracker,
};

function openFirecracker(sink: FactSink): JsonHandler & { claims: () => number } {
  let claims = 0;
  let at: Place | undefined;
  let kernel: { readonly value: string; readonly at: Place } | undefined;
  let microcode: { readonly value: number; readonly at: Place } | undefined;
  let address: string | undefined;

  return {
    scalar(path, value, place) {
      const list = path.at(-3);
      if (list === "msr_modifiers" || list === "cpuid_modifiers" || path.at(-5) === "cpuid_modifiers") {
        at ??= place;
        claims++;
      }
      if (value.kind !== "string") return;
      if (path.length === 1 && path[0] === "kernel_version") kernel = { value: value.value.slice(0, 100), at: place };
      if (path.length === 1 && path[0] === "microcode_version" && /^0x[0-9a-f]{1,8}$/i.test(value.value)) {
        microcode = { value: Number(value.value), at: place };
      }
      if (list !== "msr_modifiers") return;
      if (path.at(-1) === "addr") address = value.value;
      // Feature control is among them, as the guest sees it.
      if (path.at(-1) === "bitmap" && address !== undefined && /^0x0*3a$/i.test(address)) {
        sink.guest("MSR 0x3a (IA32_FEAT_CTL) of the guest", value.value.slice(0, 80), place);
      }
    },
    close() {},
    end() {
      if (at !== undefined) {
        sink.log.error(
          at,
          "there are no VMX values in this format: Firecracker leaves the MSRs 0x480 to 0x491 out, for whether a guest " +
            "has them depends on nested virtualization",
          "rdmsr, vmxcap or vmxlens collect on the host itself",
        );
        if (kernel !== undefined) sink.system("kernel", kernel.value, kernel.at);
        if (microcode !== undefined) sink.cpu("unnamed", { microcode: microcode.value }, microcode.at);
      }
      at = undefined;
      kernel = undefined;
      microcode = undefined;
      address = undefined;
    },
    claims: () => claims,
  };
}

import type { GuestCpu, GuestFeature } from "./guest-cpu.js";

/** The policies of a feature in libvirt, which KubeVirt took over. */
export const LIBVIRT_POLICIES: { readonly [policy: string]: GuestFeature } = {
  require: "on",
  force: "optional",
  optional: "optional",
  disable: "off",
  forbid: "forbidden",
};

/** Settings of QEMU's CPU objects that are not features. */
const SETTINGS =
  /^(?:hv[-_]|kvm(?:[-_]|$)|xen[-_]|(?:host-)?phys-bits|host-cache-info|l3-cache|migratable|pmu$|vendor|family|model$|stepping|model-id|level|min-level|min-x|xlevel|tcg-|topoext|x-|legacy-|lmce|fill-mtrr|enforce-cpuid|stop-on|guest-phys-bits|socket-id|core-id|thread-id|die-id|node-id|apic-id|tsc-freq|tsc-frequency|start-powered|memory|realized|unavailable|filtered|crash-information|cpuid-0xb|full-cpuid|check$|hotplug)/;

/**
 * What is behind `-cpu`: a model, and features that are switched on or off; of one that is named more than once the
 * last counts.
 */
export function guestFromCpuText(text: string): Pick<GuestCpu, "model" | "features" | "strict"> {
  const [model = "", ...items] = text.split(",").map((item) => item.trim());
  const features = new Map<string, GuestFeature>();
  let strict = false;
  for (const item of items) {
    const { sign, name, value } = /^(?<sign>[+-]?)(?<name>[\w.-]{1,60})(?:=(?<value>.*))?$/.exec(item)?.groups ?? {};
    if (name === undefined) continue;
    if (name === "enforce") strict = value === undefined || isOn(value);
    else if (!SETTINGS.test(name)) {
      if (sign === "+" || sign === "-") features.set(name, sign === "+" ? "on" : "off");
      else if (value === undefined || isOn(value)) features.set(name, "on");
      else if (/^(?:off|no|false)$/.test(value)) features.set(name, "off");
    }
  }
  return { ...(model === "" ? {} : { model: model === "max" ? "host" : model }), features, strict };
}

const isOn = (value: string): boolean => /^(?:on|yes|true)$/.test(value);

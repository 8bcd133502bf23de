import { describe, expect, it } from "vitest";
import { readHost } from "../../src/input/read.js";

describe("a setting in a sentence", () => {
  it.each([
    "If enable_apicv is N then posted interrupts are off.",
    "Make sure /sys/module/kvm_intel/parameters/nested is Y before you start.",
    "check that /sys/module/kvm_intel/parameters/nested = Y",
    "kvm_intel nested is 1 by default since 4.20",
    "when kvm_intel.ept is 0, unrestricted_guest is off",
    'the doc says to put "options kvm_intel nested=1" in modprobe.d',
    'should I have added "options kvm_intel nested=1"?',
  ])("says nothing of a machine where it is supposed: %s", (text) => {
    const { host } = readHost(text);
    expect([host?.params, host?.paramsAsked]).toEqual([undefined, undefined]);
  });

  it("is read where it is shown", () => {
    const shown = (text: string) => readHost(text).host?.params;
    expect(shown("when I cat /sys/module/kvm_intel/parameters/nested it is N")).toEqual({ kvm_intel: { nested: "N" } });
    expect(shown("enable_apicv is N on my Xeon, why?")).toEqual({ kvm_intel: { enable_apicv: "N" } });
    expect(shown("kvm_intel.pml shows N here")).toEqual({ kvm_intel: { pml: "N" } });
    const asked = readHost('I put "options kvm_intel nested=1" into /etc/modprobe.d').host?.paramsAsked;
    expect(asked).toEqual({ kvm_intel: { nested: "1" } });
  });
});

import { describe, expect, it } from "vitest";
import { msrBit, UNREAD } from "../../../src/host/msr.js";
import { readHost } from "../../../src/input/read.js";

describe("labels of Kubernetes nodes as text", () => {
  const offers = (text: string) =>
    readHost(text).hosts.map(({ observed }) => msrBit(observed?.nestedMsrs?.get(0x48b) ?? UNREAD, 33));

  it("a line for each node, as --show-labels prints them", () => {
    const line = (name: string, ept: boolean) =>
      `${name}  Ready  <none>  5d  v1.28.1  cpu-feature.node.kubevirt.io/vmx-ept=${ept},cpu-feature.node.kubevirt.io/vmx-vpid=true,cpu-vendor.node.kubevirt.io/Intel=true\n`;
    // A label that is not true proves nothing.
    expect(offers(line("a", true) + line("b", false))).toEqual(["yes", "unknown"]);
  });

  it("kubectl describe, and YAML", () => {
    const describeNode = (name: string) =>
      `Name:               ${name}\nLabels:             cpu-feature.node.kubevirt.io/vmx-ept=true\n                    feature.node.kubernetes.io/cpu-cpuid.VMX=true\n`;
    expect(offers(describeNode("a") + describeNode("b"))).toEqual(["yes", "yes"]);
    expect(offers('    cpu-feature.node.kubevirt.io/vmx-ept: "true"\n    kubernetes.io/os: linux\n')).toEqual(["yes"]);
  });
});

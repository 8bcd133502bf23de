import { describe, expect, it } from "vitest";
import type { Host } from "../../../src/host/host.js";
import { atlasHost } from "../../../src/input/atlas/atlas.js";
import { kernelPrinters } from "../../../src/kvm/printers.js";
import { replay } from "../../../src/kvm/replay.js";
import { RELEASES } from "../../../src/rules/release.js";
import { messageId, messageItems, unprintable } from "../../../src/situation/evidence/messages.js";

/*
 * A line that a kernel does not print differs from every replay under it. Known without one, so that a text without a kernel's
 * name is not replayed under all of them.
 */

const TEMPLATES = [...new Set(kernelPrinters().map(({ template }) => template.trim()))];
const LINES = TEMPLATES.map((template) => template.replace(/%x/g, "1f").replace(/%d/g, "1"));
const HOSTS: readonly Host[] = [
  atlasHost("intel-50654-skylakex"),
  { cores: [{ msrs: new Map(), cpuid: { features: {} } }] } as unknown as Host,
];

describe.each(RELEASES)("in %s", (release) => {
  it("a line that is not printed differs from each replay", () => {
    for (const known of HOSTS) {
      const host: Host = { ...known, observed: { messages: LINES } };
      const items = new Map(messageItems(host, replay(host, { release })).map((item) => [item.id, item]));
      for (const line of unprintable(host, release)) expect(items.get(messageId(line))?.verdict).toBe("differ");
    }
  });

  it("a line that may be printed is none of them", () => {
    const printed = new Set(
      kernelPrinters().flatMap(({ template, releases }) => (releases.includes(release) ? [template.trim()] : [])),
    );
    const host: Host = { ...(HOSTS[0] as Host), observed: { messages: LINES } };
    const lines = new Set(unprintable(host, release));
    for (const [at, template] of TEMPLATES.entries()) {
      if (printed.has(template)) expect(lines).not.toContain(LINES[at]);
    }
  });
});

it("some line is not printed in each kernel", () => {
  const host: Host = { ...(HOSTS[0] as Host), observed: { messages: LINES } };
  for (const release of RELEASES) expect(unprintable(host, release).length).toBeGreaterThan(0);
});

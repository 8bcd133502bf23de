import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { TOPICS, topicOf } from "../../src/why/topics/choose.js";
import { filled } from "../../src/why/topics/fill.js";
import { plainWords } from "../../src/why/topics/plain-words.js";

const EXAMPLES: { readonly [id: string]: string } = JSON.parse(
  readFileSync(join(import.meta.dirname, "topics-examples.json"), "utf8"),
);

/** Whether a phrase is in plain form, as plainWords gives a text: only such a phrase can match. */
const isPlain = (phrase: string): boolean => {
  const whole = phrase.replace(/\*$/, "");
  return phrase.endsWith("*") ? /^ *[a-z0-9# ]+$/.test(whole) : plainWords(whole) === ` ${whole} `;
};

describe("topics", () => {
  it("are more than a hundred and twenty, each with an id, a source and an example of its own", () => {
    const ids = TOPICS.map(({ id }) => id);
    expect(ids.length).toBeGreaterThan(120);
    expect(new Set(ids).size).toBe(ids.length);
    expect(Object.keys(EXAMPLES).sort()).toEqual([...ids].sort());
    expect(TOPICS.filter(({ source }) => !/^(?:SDM|Linux|QEMU|libvirt|Intel)\b/.test(source))).toEqual([]);
  });

  it.each(TOPICS.map((topic) => [topic.id, topic] as const))("chooses %s for its example alone", (id) => {
    expect(topicOf(EXAMPLES[id] as string)?.topic.id).toBe(id);
  });

  it("says up to four sentences, with numbers that the tables hold, and at most two steps", () => {
    for (const { id, says, steps = [] } of TOPICS) {
      const text = filled(says);
      expect(text, id).not.toMatch(/[{}]/);
      for (const step of steps) expect(filled(step.text), id).not.toMatch(/[{}]/);
      expect(steps.length, id).toBeLessThanOrEqual(2);
      expect(text.length, id).toBeLessThanOrEqual(720);
    }
    expect(() => filled("{proc2.NONE}")).toThrow(RangeError);
  });

  it("has phrases in the form in which texts are read", () => {
    const phrases = TOPICS.flatMap(({ about, also = [], not }) => [
      ...about,
      ...also,
      ...(not === undefined ? [] : [not]),
    ]);
    expect(phrases.flatMap((row) => row.split(" | ")).filter((phrase) => !isPlain(phrase))).toEqual([]);
  });

  it.each([
    ["EnableRdtscp kEnableRdtscp ENABLE_RDTSCP", "enable rdtscp"],
    ["VM-exits VMExit vmexits", "vm exit"],
    ["在VMX中执行VMXON", "vmxon"],
    ["x2APIC vCPUs", "x2apic vcpu"],
  ])("reads the names in %s", (text, words) => {
    expect(plainWords(text)).toContain(` ${words} `);
  });

  it("is silent about listings, other hypervisors and texts that ask nothing", () => {
    expect(topicOf("vmx flags : vnmi preemption_timer invvpid ept_x_only")).toBeUndefined();
    expect(topicOf("SECONDARY_EXEC_RDTSCP | SECONDARY_EXEC_ENABLE_INVPCID,")).toBeUndefined();
    expect(topicOf("On AMD, how does SVM inject an exception into the guest with an error code?")).toBeUndefined();
    expect(topicOf("What should I cook tonight?")).toBeUndefined();
  });
});

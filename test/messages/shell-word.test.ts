import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { filledCommand, shellWord } from "../../src/messages/shell-word.js";

/* What makes a proposed command safe. The commands themselves, read by a shell and run by one, are in commands.process.test.ts. */

describe("a word for a shell", () => {
  it("stays as it is where that is safe", () => {
    for (const word of ["kvm_intel", "/etc/modprobe.d/kvm.conf", "vmx-apicv-xapic", "0x1f", "a@b:c%d+e=f,g"]) {
      expect(shellWord(word)).toBe(word);
    }
  });

  it("comes out of the shell as it went in", () => {
    const text = fc.string({
      unit: fc.constantFrom(..."'\"\\$`;&|<>(){}[]*?!~# \n\tab-é\u0001".split("")),
      maxLength: 30,
    });
    fc.assert(
      fc.property(fc.array(text, { minLength: 250, maxLength: 250 }), (words) => {
        const script = `for w in ${words.map(shellWord).join(" ")}; do printf '%s\\0' "$w"; done`;
        const { stdout } = spawnSync("/bin/sh", ["-c", script], { encoding: "utf8" });
        expect(stdout.split("\0").slice(0, -1)).toEqual(words);
      }),
      { numRuns: 4 },
    );
  });

  it("is a path where it could be an option", () => {
    expect(filledCommand("modinfo {file}", { file: "-x" })).toBe("modinfo ./-x");
    expect(filledCommand("a={file} {none}", { file: "-x" })).toBe("a=-x {none}");
    expect(filledCommand("a {__proto__} {toString}", {})).toBe("a {__proto__} {toString}");
  });
});

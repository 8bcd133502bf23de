import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readVmcs } from "../../src/vmcs/dumps/read.js";
import { format64 } from "../../src/vmcs/value64.js";

const snippets = resolve(import.meta.dirname, "../../docs/audit");
const folder = mkdtempSync(join(tmpdir(), "vmxlens-snippets-"));
afterAll(() => rmSync(folder, { recursive: true }));

const has = (program: string): boolean => spawnSync(program, ["--version"]).status === 0;

/** A CPU with two fields. */
function expectTwoFields(output: string): void {
  const { dumps, diagnostics } = readVmcs(output);
  expect(diagnostics).toEqual([]);
  expect(dumps.map(({ name }) => name)).toEqual(["vcpu 0"]);
  expect([...(dumps[0]?.vmcs.fields ?? [])].map(([at, value]) => [at, format64(value)])).toEqual([
    [0x4000, "0x16"],
    [0x6820, "0x8000000000000002"],
  ]);
}

describe("code that prints a VMCS as JSON", () => {
  const cc = ["cc", "gcc", "clang"].find(has);
  it.skipIf(cc === undefined)("compiles as C without a warning, and is read (needs cc)", () => {
    const source = `#include <stdio.h>
#include "${join(snippets, "vmcs_json.h")}"
int vmcs_json_read(uint32_t encoding, uint64_t *value) {
  if (encoding != 0x4000 && encoding != 0x6820) return 1;
  *value = encoding == 0x4000 ? 0x16 : 0x8000000000000002ull;
  return 0;
}
void vmcs_json_put(const char *text) { fputs(text, stdout); }
int main(void) { vmcs_json("vcpu 0", 0x2e); return 0; }
`;
    writeFileSync(join(folder, "print.c"), source);
    execFileSync(cc as string, [
      "-std=c99",
      "-Wall",
      "-Wextra",
      "-Werror",
      "-o",
      join(folder, "c"),
      join(folder, "print.c"),
    ]);
    expectTwoFields(execFileSync(join(folder, "c"), { encoding: "utf8" }));
  });

  it.skipIf(!has("rustc"))("compiles as Rust, and is read (needs rustc)", () => {
    const source = `include!("${join(snippets, "vmcs_json.rs").replaceAll("\\", "/")}");
fn main() {
    let mut text = String::new();
    vmcs_json(&mut text, "vcpu 0", 0x2e, |encoding| match encoding {
        0x4000 => Some(0x16),
        0x6820 => Some(0x8000000000000002),
        _ => None,
    })
    .unwrap();
    print!("{text}");
}
`;
    writeFileSync(join(folder, "main.rs"), source);
    execFileSync("rustc", ["--edition", "2021", "-o", join(folder, "rust"), join(folder, "main.rs")], {
      stdio: "pipe",
    });
    expectTwoFields(execFileSync(join(folder, "rust"), { encoding: "utf8" }));
  });
});

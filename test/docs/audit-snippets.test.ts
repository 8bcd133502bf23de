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

  it.skipIf(cc === undefined || !has("gdb"))("is printed by the macro in GDB (needs gdb and cc)", () => {
    const source = `#include <stdint.h>
struct vmcs12 {
  uint32_t revision, abort;
  uint32_t launch_state;
  uint64_t padding[3];
  uint64_t guest_rflags, guest_cr0, host_rip;
  uint32_t vm_entry_controls;
  uint16_t guest_cs_selector;
} vmcs12 = { 0x12, 0, 1, { 0 }, 2, 0x80050033, 0xffffffff81000000ull, 0x93ff, 8 };
int main(void) { return (int)vmcs12.abort; }
`;
    writeFileSync(join(folder, "state.c"), source);
    execFileSync(cc as string, ["-g", "-O0", "-o", join(folder, "state"), join(folder, "state.c")]);
    // The variable is in the file: nothing has to run, which a container may not allow.
    const macro = join(snippets, "vmcs.gdb");
    const output = execFileSync(
      "gdb",
      ["-batch", "-nx", "-x", macro, "-ex", "vmcs12-json &vmcs12", join(folder, "state")],
      { encoding: "utf8", stdio: "pipe", env: { ...process.env, DEBUGINFOD_URLS: "" } },
    );
    const { dumps } = readVmcs(output);
    expect([...(dumps[0]?.vmcs.fields ?? [])].map(([at, value]) => [at, format64(value)])).toEqual([
      [0x6820, "0x2"],
      [0x6800, "0x80050033"],
      [0x6c16, "0xffffffff81000000"],
      [0x4012, "0x93ff"],
      [0x802, "0x8"],
    ]);
  });
});

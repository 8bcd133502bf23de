import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { KERNELS } from "../../src/rules/kernels.js";
import { oneIn } from "../deep.js";
import { compareFiles } from "../oracles/vectors/compare-files.js";
import { checkRestoreCase } from "../oracles/vectors/restore-case.js";
import {
  checkCase,
  differencesOf,
  isModelled,
  isVectorCase,
  kernelOf,
  replayCase,
  vectorOutput,
} from "../oracles/vectors/vector-case.js";
import { RESTORE_SELECTED, SELECTED, selectedCases, selectedRestoreCases } from "./selected.js";

const root = resolve(import.meta.dirname, "../..");
const whole = resolve(root, "../shared/vectors");
const cases = selectedCases();

/**
 * Of the complete files, a short run replays one line in eight of every third file: to unpack one takes as long as that.
 * `npm run vectors` replays all, and the committed part has every kernel.
 */
const sampled = <T>(lines: readonly T[], file: number): readonly T[] => oneIn(8, lines, file);
const sampledFiles = (names: readonly string[]) =>
  oneIn(
    3,
    names.map((name, file) => [name, file] as const),
  );

describe("the committed part of the kernel's answers", () => {
  it.each(["5.10", "6.1", "6.12", "7.2"])("has the same cases of %s as of the others", (release) => {
    expect(cases.filter((vector) => vector.release === release).length).toBeGreaterThan(140);
  });

  it.each([...new Set(cases.map(({ release }) => release))])(
    "agrees in every field with the replay of %s",
    (release) => {
      const ofRelease = cases.filter((vector) => vector.release === release);
      expect(ofRelease.length).toBeGreaterThan(40);
      expect(ofRelease.flatMap((vector) => checkCase(vector).map(({ path }) => `${vector.id} ${path}`))).toEqual([]);
    },
  );

  it("is small", () => {
    expect(statSync(SELECTED).size + statSync(RESTORE_SELECTED).size).toBeLessThan(600_000);
  });

  it("is of every kernel that was run", () => {
    const tried = new Set(cases.map(({ release }) => kernelOf(release)));
    const run = KERNELS.filter(({ sure }) => sure === "run").map(({ id }) => id);
    // Pop!_OS's tree is that of 6.9.
    expect(run.filter((id) => !tried.has(id) && id !== "pop-6.9")).toEqual([]);
  });

  it("has loads, every refusal and both states of every printed flag", () => {
    const errors = new Set(cases.map(({ out }) => (out as { kvm: { error: string | null } }).kvm.error));
    expect([...errors].sort()).toEqual(["EINVAL", "EIO", "EOPNOTSUPP", null]);
    const lines = cases.map(({ out }) => (out as { boot: { vmx_flags: string | null } }).boot.vmx_flags);
    expect(lines).toContain(null);
    for (const flag of ["vnmi", "ept_5level", "apicv", "ipi_virt", "notify_vm_exiting", "ept_violation_ve"]) {
      expect(lines.some((line) => line?.split(" ").includes(flag))).toBe(true);
      expect(lines.some((line) => line !== null && !line.split(" ").includes(flag))).toBe(true);
    }
  });
});

describe("the committed answers about values that user space sets", () => {
  const machines = selectedRestoreCases();

  it.each([...new Set(machines.map(({ release }) => release))])("are those of checkRestore for %s", (release) => {
    const found = machines.filter((machine) => machine.release === release).map(checkRestoreCase);
    expect(found.flatMap(({ differences }) => differences).slice(0, 5)).toEqual([]);
    expect(found.reduce((sum, { count }) => sum + count, 0)).toBeGreaterThan(1500);
  });

  it("fail where one answer is another", () => {
    const [machine] = machines;
    const altered = structuredClone(machine) as unknown as { tests: { cases: [string, number][] }[] };
    const first = altered.tests[0]?.cases[0] as [string, number];
    first[1] = first[1] === 0 ? -22 : 0;
    expect(checkRestoreCase(altered as never).differences).toHaveLength(1);
  });

  it("are of 12 kernels, and of vCPUs that ran, are in VMX operation, or run L2", () => {
    expect(new Set(machines.map(({ release }) => release)).size).toBe(12);
    const states = machines.flatMap(({ tests = [] }) => tests.map(({ state }) => JSON.stringify(Object.keys(state))));
    for (const state of ['["run"]', '["vmxon"]', '["vmxon","guestMode"]']) expect(states).toContain(state);
  });
});

/** Every way to alter one leaf of an expectation: one bit of a word, one boolean, number, text or list. */
function* alterations(value: unknown, path = "out"): Generator<{ path: string; altered: unknown }> {
  if (typeof value === "string" && /^0x[0-9a-f]+$/.test(value)) {
    const width = /vmx_capability|_ctrl$|_ctls_|_caps$|misc_(low|high)$/.test(path) ? 32 : 64;
    for (let bit = 0; bit < width; bit++) {
      yield { path, altered: `0x${(BigInt(value) ^ (1n << BigInt(bit))).toString(16)}` };
    }
  } else if (typeof value === "string") {
    yield { path, altered: `${value}x` };
    yield { path, altered: value.slice(1) };
  } else if (typeof value === "boolean") yield { path, altered: !value };
  else if (typeof value === "number") yield { path, altered: value ^ 1 };
  else if (value === null) yield { path, altered: "0x0" };
  else if (Array.isArray(value)) {
    yield { path: `${path}.${value.length}`, altered: [...value, "more"] };
    for (const [index, inner] of value.entries()) {
      for (const change of alterations(inner, `${path}.${index}`)) {
        yield { path: change.path, altered: value.with(index, change.altered) };
      }
    }
  } else if (typeof value === "object") {
    for (const [key, inner] of Object.entries(value as Record<string, unknown>)) {
      for (const change of alterations(inner, `${path}.${key}`)) {
        yield { path: change.path, altered: { ...value, [key]: change.altered } };
      }
    }
  }
}

describe("an altered expectation", () => {
  // One case of each kind for each release; together they alter more than 20,000 single bits.
  const sample = ["cpu/intel-50654-skylaked", "rnd/", "var/"].flatMap((start) =>
    ["5.10", "6.1", "6.12", "7.2"].flatMap((release) => {
      const found = cases.find(
        (vector) =>
          vector.release === release && vector.id.startsWith(start) && JSON.stringify(vector.out).includes("0x"),
      );
      return found === undefined ? [] : [found];
    }),
  );

  it.each(sample.map((vector) => [vector.id, vector.release, vector] as const))(
    "of %s in %s fails at the place that was altered, whichever it is",
    (_id, _release, vector) => {
      const actual = vectorOutput(replayCase(vector), vector.in.params);
      let count = 0;
      for (const { path, altered } of alterations(vector.out)) {
        count++;
        const paths = differencesOf(altered, actual).map((difference) => difference.path);
        if (paths.length !== 1 || paths[0] !== path) expect(paths).toEqual([path]);
      }
      expect(count).toBeGreaterThan(100);
    },
  );

  it("fails when a field is missing or a new one is there", () => {
    const [vector] = sample as [(typeof sample)[number]];
    const { boot, ...rest } = vector.out as Record<string, unknown>;
    expect(checkCase({ ...vector, out: rest }).map(({ path }) => path)).toEqual(["out.boot"]);
    expect(checkCase({ ...vector, out: { ...rest, boot, more: 1 } }).map(({ path }) => path)).toEqual(["out.more"]);
  });

  it("fails for a release that is not tabulated", () => {
    const [vector] = sample as [(typeof sample)[number]];
    expect(checkCase({ ...vector, release: "4.19" })).toHaveLength(1);
  });
});

describe("isVectorCase", () => {
  const vector = cases[0];
  it.each([
    ["null", null],
    ["a list", []],
    ["no input", { ...vector, in: undefined }],
    ["no expectation", { ...vector, out: "0x1" }],
    ["a register of 17 digits", { ...vector, in: { ...vector?.in, msrs: { "0x480": "0x12345678901234567" } } }],
    ["parameters that are no object", { ...vector, in: { ...vector?.in, params: "ept=0" } }],
  ])("refuses %s", (_what, value) => {
    expect(isVectorCase(vector)).toBe(true);
    expect(isVectorCase(value)).toBe(false);
  });
});

describe("npm run vectors", () => {
  let folder: string;
  const few = cases.slice(0, 3).map((vector) => JSON.stringify(vector));
  const file = (name: string, content: string | Buffer): string => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  };
  const run = (...args: string[]) => {
    let [stdout, stderr] = ["", ""];
    const status = compareFiles(args, {
      out: (text) => {
        stdout += text;
      },
      err: (text) => {
        stderr += text;
      },
    });
    return { status, stdout, stderr, last: stdout.trimEnd().split("\n").at(-1) };
  };
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "vectors-"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it("is that comparison in a process", () => {
    const args = ["--import", "tsx", "tools/vectors.ts", file("cut-off.jsonl", "{\n"), join(folder, "nowhere.jsonl")];
    const { stdout, stderr, status } = spawnSync(process.execPath, args, { cwd: root, encoding: "utf8" });
    expect([stdout.split("\n").at(-2), status]).toEqual(["0 passed, 1 failed", 2]);
    expect(stderr).toContain("nowhere.jsonl: ");
  });

  it("ends with the counts and exit code 0 when all pass", () => {
    const plain = file("plain.jsonl", `${few.join("\n")}\n`);
    const packed = file("packed.jsonl.gz", gzipSync(few.join("\r\n")));
    const { last, status } = run(plain, packed);
    expect([last, status]).toEqual(["6 passed, 0 failed", 0]);
  });

  it("shows the place of an altered bit and ends with exit code 1", () => {
    const altered = (few[1] as string).replace(
      /"pinbased_ctls_high":"0x([0-9a-f]*)7f"/,
      '"pinbased_ctls_high":"0x$17e"',
    );
    expect(altered).not.toBe(few[1]);
    const { stdout, last, status } = run(file("altered.jsonl", [few[0], altered, few[2]].join("\n")));
    expect([last, status]).toEqual(["2 passed, 1 failed", 1]);
    expect(stdout).toContain("altered.jsonl:2: ");
    expect(stdout).toContain("out.nested.pinbased_ctls_high\n");
    expect(stdout).toMatch(/kernel {2}"0x7e"\n +vmxlens "0x7f"/);
  });

  it("counts lines that are no case as failed and goes on", () => {
    const path = file(
      "broken.jsonl",
      [few[0], (few[1] as string).slice(0, 700), "null", '{"id":"x"}', few[2]].join("\n"),
    );
    const { stdout, last, status } = run(path);
    expect([last, status]).toEqual(["2 passed, 3 failed", 1]);
    expect(stdout).toContain("broken.jsonl:2: not a JSON object");
    expect(stdout).toContain("broken.jsonl:3: not a case");
    expect(stdout).toContain("broken.jsonl:4: not a case");
  });

  it("stops showing differences after twenty, not counting them", () => {
    const { stdout, last } = run(file("many.jsonl", "{}\n".repeat(50)));
    expect(last).toBe("0 passed, 50 failed");
    expect(stdout.split("\n").filter((line) => line.includes("not a case"))).toHaveLength(20);
  });

  it("names the kernels that are not modelled, and counts none of their cases", () => {
    const other = few.map((line) => line.replace(/"release":"[^"]+"/, '"release":"4.19.300"')).join("\n");
    const directory = mkdtempSync(join(folder, "mixed-"));
    writeFileSync(join(directory, "4.19.300.jsonl"), other);
    writeFileSync(join(directory, "good.jsonl.gz"), gzipSync(few.join("\n")));
    writeFileSync(join(directory, "README.md"), "not a vector file");
    const { stdout, last, status } = run(directory);
    expect([last, status]).toEqual(["3 passed, 0 failed", 0]);
    expect(stdout).toContain("kernels not modelled, not compared (1): 4.19.300\n");
    expect(run(join(directory, "4.19.300.jsonl")).status).toBe(1);
  });

  it("does not call an empty or unreadable file a success", () => {
    const empty = run(file("empty.jsonl", "\n"));
    expect([empty.last, empty.status]).toEqual(["0 passed, 0 failed", 1]);
    const cut = file("cut.jsonl.gz", gzipSync(few.join("\n")).subarray(0, 900));
    const unreadable = run(file("good.jsonl", few[0] as string), cut, join(folder, "nowhere.jsonl"));
    expect([unreadable.last, unreadable.status]).toEqual(["1 passed, 0 failed", 2]);
    expect(unreadable.stderr).toContain("cut.jsonl.gz: ");
    expect(unreadable.stderr).toContain("nowhere.jsonl: ");
    expect(run().status).toBe(2);
  });
});

describe.skipIf(!existsSync(join(whole, "restore")))(
  "the complete restore vectors beside the checkout (needs ../shared)",
  () => {
    const folder = join(whole, "restore");
    const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".jsonl.gz")) : [];

    it.each(sampledFiles(names))("%s passes", (name, file) => {
      const lines = gunzipSync(readFileSync(join(folder, name)))
        .toString("utf8")
        .trimEnd()
        .split("\n");
      // The machines without nested VMX give one answer to everything.
      for (const line of sampled(lines.slice(0, 10), file)) {
        expect(checkRestoreCase(JSON.parse(line)).differences.slice(0, 3)).toEqual([]);
      }
    });
  },
);

describe.skipIf(!existsSync(whole))("the complete files beside the checkout (needs ../shared)", () => {
  const names = existsSync(whole) ? readdirSync(whole).filter((name) => name.endsWith(".jsonl.gz")) : [];
  const kernelOf = (name: string) => name.replace(/\.jsonl\.gz$/, "");
  const others = names.map(kernelOf).filter((kernel) => !isModelled(kernel));

  const modelled = names.filter((name) => isModelled(kernelOf(name)));
  it.each(sampledFiles(modelled))("%s passes", (name, file) => {
    const lines = gunzipSync(readFileSync(join(whole, name)))
      .toString("utf8")
      .split("\n")
      .filter((line) => line !== "");
    expect(lines.length).toBeGreaterThan(1000);
    for (const line of sampled(lines, file)) {
      const differences = checkCase(JSON.parse(line));
      if (differences.length > 0) expect({ line: line.slice(0, 80), differences }).toBeUndefined();
    }
  });

  it(`${others.length} files are of kernels that are not modelled`, (context) => {
    if (others.length > 0) context.skip(others.join(", "));
  });
});

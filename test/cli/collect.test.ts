import { expect, it } from "vitest";
import { collect } from "../../src/cli/commands/collect.js";
import type { World } from "../../src/cli/world.js";
import { collectScript } from "../../src/input/hosts/collect-script.js";

function world() {
  const said = { out: "", err: "" };
  const fake: World = {
    out: (text) => {
      said.out += text;
    },
    err: (text) => {
      said.err += text;
    },
    env: {},
    columns: undefined,
    stdin: () => {
      throw new Error("collect reads nothing");
    },
    live: () => {
      throw new Error("collect asks no machine");
    },
  };
  return { said, fake };
}

it("collect prints the script, as it is, on any machine", async () => {
  const { said, fake } = world();
  expect(await collect([], {}, fake)).toBe(0);
  expect(said).toEqual({ out: collectScript(), err: "" });
  expect(said.out).toMatch(/^#!\/bin\/sh\n/);
});

it("collect has nothing to give as JSON, and takes no wrong option in silence", async () => {
  const json = world();
  expect(await collect([], { json: true }, json.fake)).toBe(2);
  expect(json.said.out).toBe("");
  expect(json.said.err).toMatch(/^vmxlens: --json: /);
  const wrong = world();
  expect(await collect([], { width: "-1" }, wrong.fake)).toBe(2);
});

/**
 * Fills the marked blocks of docs/how-linux-initialises-vmx.md and its Chinese counterpart from a replay.
 * `tsx tools/gen-walk.ts` writes both files; test/docs/walk.test.ts fails when they are not what this would write.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { argv } from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";
import * as boot from "./walk/boot.js";
import * as kvm from "./walk/kvm.js";
import type { Block, Language } from "./walk/markdown.js";
import * as nested from "./walk/nested.js";
import * as releases from "./walk/releases.js";
import * as sourceNames from "./walk/source-names.js";

/** Everything that the document can show, by the name that its marks carry. */
export const BLOCKS: { readonly [name: string]: Block } = {
  machine: boot.machine,
  registers: boot.registers,
  "plain-and-true": boot.plainAndTrue,
  "feat-ctl-steps": boot.featCtlSteps,
  "feat-ctl-cases": boot.featCtlCases,
  reads: boot.reads,
  faults: boot.faults,
  "source-names-boot": sourceNames.bootNames,
  "three-words": sourceNames.threeWords,
  "word-0": boot.word0,
  "capability-steps": boot.capabilitySteps,
  words: boot.words,
  "vmx-flags": boot.vmxFlags,
  "quirk-vmfunc": boot.quirkVmfunc,
  "quirk-vpid": boot.quirkVpid,
  "release-words": boot.releaseWords,
  "load-order": kvm.loadOrder,
  "source-names-kvm": sourceNames.kvmNames,
  "adjust-groups": kvm.adjustGroups,
  "adjust-pin": kvm.adjustPin,
  "adjust-left": kvm.adjustLeft,
  "setup-steps": kvm.setupSteps,
  refusals: kvm.refusals,
  "old-primary": releases.oldPrimary,
  "hardware-steps": kvm.hardwareSteps,
  params: kvm.params,
  "params-ept-0": kvm.paramsEpt0,
  "nested-steps": nested.nestedSteps,
  "nested-registers": nested.nestedRegisters,
  "nested-differences": nested.nestedDifferences,
  "release-controls": releases.releaseControls,
  "release-nested": releases.releaseNested,
  unknowns: releases.unknowns,
};

/** The two files, relative to the project. */
export const DOCUMENTS: { readonly [L in Language]: string } = {
  en: "docs/how-linux-initialises-vmx.md",
  zh: "docs/how-linux-initialises-vmx.zh.md",
};

const MARK = /<!-- generated: ([a-z0-9-]+) -->\n[\s\S]*?<!-- end -->/g;

/** The text with every marked block computed anew. Throws on a mark that names no block. */
export function fillBlocks(text: string, language: Language): string {
  return text.replace(MARK, (_, name: string) => {
    const block = BLOCKS[name];
    if (block === undefined) throw new Error(`no block is called ${name}`);
    return `<!-- generated: ${name} -->\n\n${block(language)}\n\n<!-- end -->`;
  });
}

/** Names of the marked blocks of a text, in its order. */
export function blockNames(text: string): string[] {
  return [...text.matchAll(MARK)].map(([, name]) => name as string);
}

/** The text without its marked blocks: what a person wrote. */
export function withoutBlocks(text: string): string {
  return text.replace(MARK, "");
}

if (import.meta.url === pathToFileURL(argv[1] ?? "").href) {
  const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
  for (const [language, file] of Object.entries(DOCUMENTS)) {
    const path = join(root, file);
    writeFileSync(path, fillBlocks(readFileSync(path, "utf8"), language as Language));
  }
}

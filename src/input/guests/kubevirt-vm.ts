import { withoutEnding } from "../text/text.js";
import { LIBVIRT_POLICIES } from "./cpu-text.js";
import type { GuestCpu, GuestFeature } from "./guest-cpu.js";

/*
 * Virtual machines of KubeVirt. The block `cpu:` below `domain:` is found by its indentation, which every writer of YAML keeps,
 * and JSON that is laid out over lines reads the same once its quotes, commas and braces are off.
 */

interface Line {
  readonly indent: number;
  readonly key: string;
  readonly value: string;
  readonly item: boolean;
}

function lineOf(text: string): Line | undefined {
  const bare = withoutEnding(text.trimEnd(), "{,[]}");
  const found = /^(\s{0,200})((?:- ){0,4})"?([\w.-]{1,60})"?\s?:\s?(.{0,400})$/.exec(bare);
  if (found === null) return undefined;
  const [, blanks, dashes, key, rest] = found as unknown as [string, string, string, string, string];
  const comment = rest.indexOf(" #");
  const value = (comment < 0 ? rest : rest.slice(0, comment)).trim().replace(/^["'](.*)["']$/, "$1");
  return { indent: blanks.length + dashes.length, key, value, item: dashes !== "" };
}

/** Machines with `kind: VirtualMachine` or `VirtualMachineInstance`. */
export function kubevirtGuests(lines: readonly string[]): GuestCpu[] {
  if (!lines.some((line) => /VirtualMachine(?:Instance(?:Preset|type)?)?\b/.test(line))) return [];
  const found: GuestCpu[] = [];
  let document: { line: number; name?: string; machine: boolean; indent?: number } = { line: 1, machine: false };
  let metadata: number | undefined;
  let domain: number | undefined;
  let cpu:
    | {
        indent: number;
        model?: string;
        features: Map<string, GuestFeature>;
        element: { name?: string; policy?: string };
      }
    | undefined;
  let hasDomain = false;
  let seen = false;
  const flush = (): void => {
    if (cpu === undefined) return;
    const { name, policy = "require" } = cpu.element;
    const state = LIBVIRT_POLICIES[policy];
    if (name !== undefined && state !== undefined) cpu.features.set(name, state);
    cpu.element = {};
  };
  const close = (): void => {
    flush();
    if (cpu !== undefined) {
      const { model, features } = cpu;
      const host = model === "host-passthrough" || model === "host-model" || model === undefined;
      found.push({
        format: "kubevirt",
        ...(document.name === undefined ? {} : { name: document.name }),
        model: host ? "host" : (model as string),
        features,
        // Each feature becomes a label that a node must have, and libvirt checks the model.
        strict: model !== "host-passthrough",
        emulated: false,
        line: document.line,
      });
    }
    cpu = undefined;
  };
  const end = (): void => {
    close();
    if (document.machine && hasDomain && !seen) {
      // KubeVirt's default is host-model.
      cpu = { indent: 0, features: new Map(), element: {} };
      close();
    }
    [domain, metadata, hasDomain, seen] = [undefined, undefined, false, false];
  };
  for (const [at, text] of lines.entries()) {
    if (/^---\s*$/.test(text)) {
      end();
      document = { line: at + 2, machine: false };
      continue;
    }
    const line = lineOf(text);
    if (line === undefined) continue;
    const { indent, key, value } = line;
    if (key === "kind") {
      // An instance names the machine that owns it, further in.
      const inside = document.indent !== undefined && indent > document.indent;
      if (/^VirtualMachine(?:Instance)?$/.test(value) && !inside) {
        if (document.machine) end();
        const name = document.machine ? undefined : document.name;
        document = { line: at + 1, machine: true, indent, ...(name === undefined ? {} : { name }) };
      }
      continue;
    }
    if (key === "metadata") metadata = indent;
    else if (
      key === "name" &&
      metadata !== undefined &&
      indent > metadata &&
      cpu === undefined &&
      domain === undefined
    ) {
      document.name ??= value;
      metadata = undefined;
    }
    if (domain !== undefined && indent <= domain) {
      close();
      domain = undefined;
    }
    if (key === "domain" && value === "" && document.machine) [domain, hasDomain] = [indent, true];
    else if (cpu !== undefined && indent <= cpu.indent) close();
    if (key === "cpu" && value === "" && domain !== undefined && indent > domain && cpu === undefined) {
      cpu = { indent, features: new Map(), element: {} };
      seen = true;
    } else if (cpu !== undefined && key === "model") cpu.model = value;
    else if (cpu !== undefined && (key === "name" || key === "policy")) {
      // An element of the list ends where the next one begins, by a dash or, in JSON, by a key of its own.
      if (line.item || cpu.element[key] !== undefined) flush();
      cpu.element[key] = value;
    }
  }
  end();
  return found;
}

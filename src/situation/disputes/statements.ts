import { type Host, type Observed, showsVmx } from "../../host/host.js";
import { statedOf } from "../../input/hosts/stated.js";
import { describeMsr } from "../../input/text/msr-names.js";
import type { VerifyItem } from "../evidence/item.js";

/*
 * What a machine reported, taken back: a host as if it had not said it.
 */

const NESTED = /^nested 0x([0-9a-f]+)/;

/** The host without a statement, and without the rest of its line. */
export function withoutStatement(host: Host, { id, kind, what, param }: VerifyItem): Host {
  const { observed = {}, params, ...others } = host;
  const { kvm_intel: _, ...otherModules } = params ?? {};
  const changed = (now: Observed, shown: Host["params"] = params): Host => ({
    ...others,
    ...(Object.keys(now).length === 0 ? {} : { observed: now }),
    ...(shown === undefined || Object.keys(shown).length === 0 ? {} : { params: shown }),
  });
  if (kind === "cpu-flag") {
    const { cpuFlags: _flags, vmx: _vmx, ...rest } = observed;
    const listed = showsVmx({ observed });
    return changed({ ...rest, ...(id === "flags vmx" || listed === undefined ? {} : { vmx: listed }) });
  }
  if (kind === "vmx-flag") {
    const { vmxFlags: _line, ...rest } = observed;
    return changed(rest);
  }
  if (kind === "message") {
    const messages = (observed.messages ?? []).filter((text) => text.trim() !== what);
    const { messages: _all, ...rest } = observed;
    return changed({ ...rest, ...(messages.length === 0 ? {} : { messages }) });
  }
  if (id === "load error") {
    const { loadError: _error, ...rest } = observed;
    return changed(rest);
  }
  if (kind === "loads") {
    const { modules, ...rest } = observed;
    const { kvm_intel: _module, ...listed } = modules ?? {};
    return changed({ ...rest, ...(Object.keys(listed).length === 0 ? {} : { modules: listed }) }, otherModules);
  }
  if (param !== undefined) {
    const { [param.name]: _value, ...left } = params?.[param.module] ?? {};
    return changed(observed, { ...params, [param.module]: left });
  }
  const register = NESTED.exec(id)?.[1];
  const nestedMsrs = new Map(observed.nestedMsrs);
  if (register === undefined) nestedMsrs.clear();
  else nestedMsrs.delete(Number.parseInt(register, 16));
  const { nestedMsrs: _offered, ...rest } = observed;
  return changed({ ...rest, ...(nestedMsrs.size === 0 ? {} : { nestedMsrs }) });
}

/** The line of the text that says it, where the host was read from one. */
export function lineOfStatement(host: Host, { id, kind, what, param }: VerifyItem): number | undefined {
  const stated = statedOf(host);
  if (stated === undefined) return undefined;
  const first = (...about: readonly string[]) => {
    const lines = about.flatMap((name) => stated.lineOf(name) ?? []);
    return lines.length === 0 ? undefined : Math.min(...lines);
  };
  if (kind === "cpu-flag") return first("flags") ?? first("flag vmx", "flag vmx or svm");
  if (kind === "vmx-flag") return first("vmx flags");
  if (kind === "message") return first(what);
  if (id === "load error") return first("load error");
  if (kind === "loads") {
    const shown = Object.keys(host.params?.kvm_intel ?? {}).map((name) => `kvm_intel.${name}`);
    return host.observed?.modules?.kvm_intel === true ? first("module kvm_intel") : first(...shown);
  }
  if (param !== undefined) return first(`${param.module}.${param.name}`);
  const register = NESTED.exec(id)?.[1];
  return register === undefined ? undefined : first(`nested MSR ${describeMsr(Number.parseInt(register, 16))}`);
}

/** `vmx among the flags of /proc/cpuinfo`, `no vmx among …`, `parameter kvm_intel.pml: Y`: the statement in words. */
export function statementText({ kind, what, reported }: VerifyItem): string {
  if (kind === "message" || reported === "yes") return what;
  return reported === "no" ? `no ${what}` : `${what}: ${reported.slice(0, 60)}`;
}

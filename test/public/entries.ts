import * as compare from "../../src/compare/index.js";
import * as main from "../../src/index.js";
import * as input from "../../src/input/index.js";
import * as replay from "../../src/kvm/index.js";
import * as messages from "../../src/messages/index.js";
import * as prove from "../../src/prove/index.js";
import * as registers from "../../src/registers/index.js";
import * as report from "../../src/report/index.js";
import * as rules from "../../src/rules/index.js";
import * as situation from "../../src/situation/index.js";
import * as vmcs from "../../src/vmcs/index.js";
import * as why from "../../src/why/index.js";

/** What each entry of the package exports as values, by its path in the package. */
export const ENTRIES: { readonly [subpath: string]: { readonly [name: string]: unknown } } = {
  ".": main,
  "./registers": registers,
  "./input": input,
  "./situation": situation,
  "./why": why,
  "./vmcs": vmcs,
  "./messages": messages,
  "./compare": compare,
  "./report": report,
  "./replay": replay,
  "./rules": rules,
  "./prove": prove,
};

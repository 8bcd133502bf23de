import { microcodeText, paramsText, setText } from "../../src/fleet/host-set.js";
import { derive } from "../../src/fleet/store/dimension.js";
import { type Ingested, type IngestOptions, ingest } from "../../src/fleet/store/ingest.js";
import { openStore, type Store } from "../../src/fleet/store/store.js";
import type { Host } from "../../src/host/host.js";
import { msrValue, UNREAD } from "../../src/host/msr.js";
import { atlasHost } from "../../src/input/atlas/atlas.js";

export const NOW = "2026-11-28T10:00:00Z";

/** A CPU of the atlas with firmware that enables VMX, under a kernel. */
export function machine(id: string, kernel: string | undefined, more: Partial<Host> = {}): Host {
  const { id: _, codename: __, source: ___, ...host } = atlasHost(id);
  const cores = host.cores.map((core) => ({
    ...core,
    msrs: new Map([...core.msrs, [0x3a, msrValue({ hi: 0, lo: 5 })]]),
  }));
  return { ...host, ...(kernel === undefined ? {} : { kernel }), ...more, cores: cores as unknown as Host["cores"] };
}

export function withoutFirmware(host: Host): Host {
  const cores = host.cores.map((core) => ({ ...core, msrs: new Map([...core.msrs, [0x3a, UNREAD]]) }));
  return { ...host, cores: cores as unknown as Host["cores"] };
}

export interface Member {
  readonly name: string;
  readonly host: Host;
  readonly labels?: { readonly [key: string]: string };
  readonly collected?: string;
}

export const lineOf = ({ name, host, labels = {}, collected = NOW }: Member): string =>
  recordLine(name, host, labels, collected);

export const stream = (text: string) =>
  async function* () {
    yield Buffer.from(text);
  };

/** Reads a text as standard input. */
export function take(store: Store, text: string, more: Partial<IngestOptions> = {}): Promise<Ingested> {
  return ingest(store, ["-"], { stdin: stream(text), now: NOW, labels: {}, ...more });
}

const TABLES = ["hosts", "earlier", "sets", "labels", "sources", "problems"];
let shared: Promise<Store> | undefined;

/**
 * A store in memory without hosts. It is one and the same for all tests, as making one takes longer than they do, and keeps its dimension:
 * what was derived for a set holds for every fleet.
 */
export async function emptyStore(): Promise<Store> {
  shared ??= openStore(":memory:", { write: true });
  const store = await shared;
  for (const table of TABLES) await store.run(`DELETE FROM ${table}`);
  await store.run("DELETE FROM params WHERE params_id <> ''");
  return store;
}

/** The same, with these hosts, derived. */
export async function storeOf(members: readonly Member[]): Promise<Store> {
  const store = await emptyStore();
  await take(store, `${members.map(lineOf).join("\n")}\n`);
  await derive(store, "test", undefined);
  return store;
}

/** A host's record as a line that `line` reads, without its line end. */
function recordLine(host: string, about: Host, labels: { readonly [key: string]: string }, collected: string): string {
  const params = paramsText(about.params);
  const microcode = microcodeText(about);
  const head = JSON.stringify({
    host,
    ...(Object.keys(labels).length === 0 ? {} : { labels }),
    ...(about.kernel === undefined ? {} : { kernel: about.kernel }),
    ...(params === "" ? {} : { params: JSON.parse(params) }),
    ...(microcode === "" ? {} : { microcode }),
    collected,
  });
  return `${head.slice(0, -1)},"set":${setText(about)}}`;
}

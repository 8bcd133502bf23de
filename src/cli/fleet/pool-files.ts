import { join } from "node:path";
import { domainAround } from "../../compare/libvirt.js";
import { hostOfSet } from "../../fleet/host-set.js";
import { type PoolCpus, poolConfig } from "../../fleet/pool-config.js";
import type { Pool, Pools } from "../../fleet/pools.js";
import { quoted, type Store } from "../../fleet/store/store.js";
import { several } from "../../fleet/text.js";
import { EXIT } from "../exit-code.js";
import { replaceFile } from "../files.js";
import { complain } from "../shell/problems.js";
import type { Question } from "./action.js";

const FORMATS = ["qemu", "libvirt"] as const;

/** The text for guests of each pool, on standard output or as a file for each pool. */
export async function poolConfigurations(question: Question, { pools }: Pools, code: number): Promise<number> {
  const { raw, world, store } = question;
  const format = FORMATS.find((name) => name === raw.as);
  if (format === undefined) return complain(world, [`--as ${raw.as}: pools are written as ${FORMATS.join(" or ")}`]);
  for (const [at, pool] of pools.entries()) {
    const made = poolConfig(pool, await cpusOf(store, pool));
    if ("problem" in made) return complain(world, [`pool ${at + 1}: ${made.problem}`]);
    const text = format === "qemu" ? made.qemu.text : made.libvirt?.xml;
    if (text === undefined) return complain(world, [`pool ${at + 1}: libvirt has no model that suits its hosts`]);
    const name = `pool-${at + 1}`;
    if (raw.out === undefined) {
      const about = `${name}: ${several(pool.hosts, "host")}, ${several(pool.features.length, "feature")}, as ${pool.shapes[0]?.firstHost}`;
      // Two dashes must not be in a comment of XML, and a name may have them.
      world.out(
        format === "qemu" ? `# ${about}\n-cpu ${text}\n` : `<!-- ${about.replaceAll("--", "- -")} -->\n${text}\n`,
      );
    } else if (format === "qemu") replaceFile(join(raw.out, `${name}.txt`), `${text}\n`, world);
    else replaceFile(join(raw.out, `${name}.xml`), domainAround(text), world);
  }
  return pools.length === 0 ? EXIT.no : code;
}

/** CPUID of one host of each shape of a pool. */
async function cpusOf(store: Store, { shapes }: Pool): Promise<PoolCpus> {
  const ids = [...new Set(shapes.map(({ setId }) => quoted(setId)))].join(", ");
  const rows = ids === "" ? [] : await store.all(`SELECT text FROM sets WHERE set_id IN (${ids}) ORDER BY set_id`);
  const hosts = rows.flatMap((row) => {
    const read = hostOfSet(String(row.text));
    return "host" in read ? [read.host] : [];
  });
  const signatures = hosts.map(({ cores }) => cores[0].signature).filter((one) => one !== undefined);
  const [signature] = signatures;
  return {
    cpuid: hosts.flatMap(({ cores }) => cores.map(({ cpuid }) => cpuid)),
    // A named model that the oldest CPU has is one that all of them have.
    ...(signature === undefined ? {} : { signature: Math.min(...signatures) }),
  };
}

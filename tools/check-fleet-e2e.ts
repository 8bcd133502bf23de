/**
 * What programs of others make of a fleet, from end to end: `npm run check:fleet-e2e`. Hosts are collected through the ssh and sshd of
 * this machine, ingested, pooled, and what comes out is given to the programs that it is for; the recipes are held against what
 * reads them. What is not installed is named and not checked; then the exit code is 75 instead of 0. Needs `npm run build` before.
 *
 * Debian has openssh-server, libvirt-clients and prometheus (promtool); Python has ansible-core, kubernetes-validate and
 * check-jsonschema, which carry the schemas of Kubernetes, GitHub and GitLab with them.
 */
import { spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { argv, env, execPath, getuid } from "node:process";
import { pathToFileURL } from "node:url";
import { setText } from "../src/fleet/host-set.js";
import type { Host } from "../src/host/host.js";
import { knownValue } from "../src/host/msr.js";
import { atlasHost } from "../src/input/atlas/atlas.js";
import { COLLECT_END, COLLECT_HEADER } from "../src/input/formats/collect.js";
import { startBrowser } from "./page-browser.js";

const root = resolve(import.meta.dirname, "..");
const recipes = join(root, "recipes/fleet");
const scratch = mkdtempSync(join(tmpdir(), "fleet-e2e-"));
const store = join(scratch, "fleet.duckdb");
const HOSTILE = `!--></cpu><evil/> "\\ {x="y"} ' OR '1'='1'; DROP TABLE hosts; -- <script>alert(1)</script> \u001b[31m ]]>\n`;

/** Beside the PATH, where Debian has programs of the administrator. */
const folders = [...(env.PATH ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"];
const program = (name: string): string | undefined =>
  folders.map((folder) => join(folder, name)).find((path) => existsSync(path));

const run = (command: string, args: readonly string[], more: { readonly input?: string; readonly cwd?: string } = {}) =>
  spawnSync(program(command) ?? command, args, { encoding: "utf8", maxBuffer: 2 ** 28, ...more });
const vmxlens = (...args: readonly string[]) => run(execPath, [join(root, "dist/cli/main.js"), ...args]);
const fleet = (...args: readonly string[]) => vmxlens("fleet", ...args, "--store", store);

let failures = 0;
const skipped: string[] = [];
type Outcome = { readonly wrong?: string; readonly says?: string };

/** `needs`: programs without which it is not checked. */
async function check(what: string, needs: readonly string[], work: () => Promise<Outcome> | Outcome): Promise<void> {
  const missing = needs.filter((name) => program(name) === undefined);
  if (missing.length > 0) {
    skipped.push(what);
    console.log(`skip ${what}: ${missing.join(", ")} is not installed here`);
    return;
  }
  const { wrong, says } = await work();
  if (wrong !== undefined) failures++;
  console.log(
    wrong === undefined ? `ok   ${what}${says === undefined ? "" : `: ${says}`}` : `FAIL ${what}: ${wrong.trim()}`,
  );
}

/** Right if a program ended well. */
const ended = ({ status, stdout, stderr }: ReturnType<typeof run>, says?: string): Outcome =>
  status === 0
    ? says === undefined
      ? {}
      : { says }
    : { wrong: `exit code ${status}: ${stderr}${stdout}`.slice(0, 2000) };

/** What the script of `vmxlens collect` prints on a machine with a CPU of the atlas. */
function collected(id: string, kernel: string): string {
  const { cores, vendor, name } = atlasHost(id);
  const [{ signature = 0, msrs }] = cores;
  const family = ((signature >>> 8) & 0xf) + (((signature >>> 8) & 0xf) === 0xf ? (signature >>> 20) & 0xff : 0);
  const model = ((signature >>> 4) & 0xf) | ((signature >>> 12) & 0xf0);
  const hex = (number: number) => number.toString(16).padStart(8, "0");
  const lines = [...msrs].flatMap(([index, msr]) => {
    const value = knownValue(msr);
    return value === undefined || index === 0x3a
      ? []
      : [`msr 0 0x${index.toString(16)} ${hex(value.hi)}${hex(value.lo)}`];
  });
  return [
    COLLECT_HEADER,
    `release: ${kernel}`,
    "processor\t: 0",
    `vendor_id\t: ${vendor}`,
    `cpu family\t: ${family}`,
    `model\t\t: ${model}`,
    `model name\t: ${name}`,
    `stepping\t: ${signature & 0xf}`,
    "microcode\t: 0x1",
    "flags\t\t: fpu vmx",
    "",
    "msr 0 0x3a 0000000000000005",
    ...lines,
    "/sys/module/kvm_intel/parameters/nested:Y",
    COLLECT_END,
    "",
  ].join("\n");
}

const MACHINES: { readonly [alias: string]: string } = {
  skylake: collected("intel-50654-skylakex", "6.1.0-28-amd64"),
  ivybridge: collected("intel-306a9-ivybridge", "5.14.0-427.42.1.el9_4.x86_64"),
  broadwell: collected("intel-50662-broadwellde", "6.12.9"),
  // An answer that breaks off is none.
  broken: collected("intel-50654-skylakex", "6.12.9").slice(0, 200),
};

const freePort = () =>
  new Promise<number>((found) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => found(port));
    });
  });

/**
 * An sshd of our own on loopback. Each alias has a key, and the key a command that answers as another machine; `self` runs what it
 * is given, on this one. `dead` listens nowhere.
 */
async function withSshd<T>(work: (ssh: string) => T | Promise<T>): Promise<T> {
  const folder = join(scratch, "ssh");
  mkdirSync(folder);
  // Without it an sshd of root does not start; Debian makes it at boot.
  if (getuid?.() === 0) mkdirSync("/run/sshd", { recursive: true });
  const key = (name: string) =>
    run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", name, "-f", join(folder, name)]);
  const aliases = ["self", ...Object.keys(MACHINES)];
  for (const name of ["host", ...aliases]) key(name);
  const keys = aliases.map((name) => {
    const own = readFileSync(join(folder, `${name}.pub`), "utf8");
    if (MACHINES[name] === undefined) return own;
    writeFileSync(join(folder, `${name}.txt`), MACHINES[name]);
    return `restrict,command="cat > /dev/null; cat '${join(folder, `${name}.txt`)}'" ${own}`;
  });
  writeFileSync(join(folder, "authorized_keys"), keys.join(""));
  const [port, nowhere] = [await freePort(), await freePort()];
  const config = [
    `Port ${port}`,
    "ListenAddress 127.0.0.1",
    `HostKey ${join(folder, "host")}`,
    `AuthorizedKeysFile ${join(folder, "authorized_keys")}`,
    "PidFile none",
    "StrictModes no",
    "PasswordAuthentication no",
    "PermitRootLogin prohibit-password",
    "UsePAM no",
    "LogLevel ERROR",
  ];
  writeFileSync(join(folder, "sshd_config"), `${config.join("\n")}\n`);
  const hosts = [...aliases, "dead"].map(
    (name) =>
      `Host ${name}\n  HostName 127.0.0.1\n  Port ${name === "dead" ? nowhere : port}\n  IdentityFile ${join(folder, name)}\n`,
  );
  const common = `Host *\n  User ${userInfo().username}\n  IdentitiesOnly yes\n  BatchMode yes\n  UserKnownHostsFile ${join(folder, "known")}\n  StrictHostKeyChecking accept-new\n`;
  writeFileSync(join(folder, "config"), hosts.join("") + common);
  chmodSync(join(folder, "config"), 0o600);
  const child = spawn(program("sshd") as string, ["-D", "-e", "-f", join(folder, "sshd_config")], {
    stdio: ["ignore", "ignore", "inherit"],
    env: { PATH: env.PATH },
  });
  try {
    const ssh = `ssh -F ${join(folder, "config")}`;
    for (let tries = 0; tries < 50; tries++) {
      if (run("ssh", ["-F", join(folder, "config"), "self", "true"]).status === 0) break;
      await new Promise((later) => setTimeout(later, 100));
    }
    return await work(ssh);
  } finally {
    child.kill();
  }
}

const SQL = "SELECT host, verdict, loads, kernel, vendor FROM fleet ORDER BY host";

try {
  const list = join(scratch, "hosts.txt");
  const dumps = join(scratch, "dumps");
  writeFileSync(list, `self # this machine\n${Object.keys(MACHINES).join("\n")}\ndead\n`);
  await check(
    "collect through ssh and sshd: this machine, three others, one that breaks off and one that is dead",
    ["sshd", "ssh", "ssh-keygen"],
    () =>
      withSshd((ssh) => {
        const { stdout, stderr } = vmxlens(
          "fleet",
          "collect",
          list,
          "--out",
          dumps,
          "--ssh",
          ssh,
          "--retries",
          "1",
          "--timeout",
          "60",
          "--json",
        );
        const { answered, failed } = JSON.parse(stdout || "{}") as {
          answered: number;
          failed: { host: string; reason: string }[];
        };
        const says = failed?.map(({ host, reason }) => `${host}: ${reason}`).join("; ");
        return answered === 4 && failed.map(({ host }) => host).join() === "broken,dead"
          ? { says }
          : { wrong: `${stdout}${stderr}` };
      }),
  );
  // Without ssh the machines are there all the same.
  mkdirSync(dumps, { recursive: true });
  for (const [name, text] of Object.entries(MACHINES))
    if (name !== "broken") writeFileSync(join(dumps, `${name}.txt`), text);
  const { id: _, ...evil } = atlasHost("intel-50654-skylakex");
  const cores = evil.cores.map((core) => ({
    ...core,
    msrs: new Map([...core.msrs, ...enabled()]),
  })) as unknown as Host["cores"];
  const line = JSON.stringify({
    host: HOSTILE,
    labels: { [HOSTILE]: HOSTILE, site: "<fra>" },
    kernel: "6.12.9",
    params: { kvm_intel: { nested: "Y" } },
  });
  writeFileSync(join(scratch, "evil.jsonl"), `${line.slice(0, -1)},"set":${setText({ ...evil, cores })}}\n`);

  await check("ingest what was collected, and a host whose name and labels are hostile", [], () => {
    const read = fleet("ingest", dumps, join(scratch, "evil.jsonl"), "--json");
    const { bad } = JSON.parse(read.stdout || "{}");
    const rows = JSON.parse(fleet("sql", SQL, "--json").stdout || "{}").rows as { host: string; verdict: string }[];
    const yes = rows?.filter(({ verdict }) => verdict === "yes").map(({ host }) => host);
    return bad === 0 && ["skylake", "ivybridge", "broadwell", HOSTILE].every((name) => yes.includes(name))
      ? { says: `${rows.length} hosts, ${yes.length} with VMX for nested guests` }
      : { wrong: `${read.stdout}${read.stderr}${JSON.stringify(rows)}` };
  });
  await check("domains of pools, read by libvirt", ["virt-xml-validate"], () => {
    let files = 0;
    for (const count of ["1", "2", "4"]) {
      const out = join(scratch, `pools-${count}`);
      const made = fleet("pools", "--as", "libvirt", "--count", count, "--out", out);
      if (made.status !== 0) return ended(made);
      for (const name of readdirSync(out)) {
        files++;
        const judged = run("virt-xml-validate", [join(out, name), "domain"]);
        if (judged.status !== 0) return ended(judged);
      }
    }
    return { says: `${files} files` };
  });
  await check("configurations of pools on standard output are XML, whatever hosts are called", ["xmllint"], () =>
    ended(
      run("xmllint", ["--noout", "-"], {
        input: `<all>${fleet("pools", "--as", "libvirt", "--count", "4").stdout}</all>`,
      }),
    ),
  );
  await check("metrics, read by Prometheus", ["promtool"], () => {
    const text = fleet("export", "--as", "prometheus").stdout;
    return ended(run("promtool", ["check", "metrics"], { input: text }), `${text.split("\n").length - 1} lines`);
  });
  await check(
    "the report in a browser: nothing for axe, no request, no script, nothing wider than the screen",
    [],
    async () => {
      const file = join(scratch, "fleet.html");
      fleet("report", "--by", HOSTILE, "--out", file);
      return lookAt(pathToFileURL(file).href);
    },
  );
  await check("Ansible reads the recipe", ["ansible-playbook"], () => {
    const book = run("ansible-playbook", ["-i", "localhost,", "--syntax-check", join(recipes, "collect.ansible.yml")], {
      cwd: scratch,
    });
    return ended(book);
  });
  const objects = ["collect.daemonset.yaml", "ingest.cronjob.yaml", "derive.indexed-job.yaml"];
  await check("Kubernetes reads the recipes", ["kubernetes-validate"], () => {
    return ended(
      run("kubernetes-validate", ["--strict", ...objects.map((name) => join(recipes, name))]),
      objects.join(", "),
    );
  });
  for (const [name, file] of [
    ["github-workflows", "github-action.yml"],
    ["gitlab-ci", "gitlab-ci.yml"],
  ] as const) {
    await check(`${name} reads the recipe`, ["check-jsonschema"], () =>
      ended(run("check-jsonschema", ["--builtin-schema", `vendor.${name}`, join(recipes, file)])),
    );
  }
} finally {
  if (argv.includes("--keep")) console.log(scratch);
  else rmSync(scratch, { recursive: true, force: true });
}
console.log(
  skipped.length === 0
    ? `${failures} failed, nothing skipped`
    : `${failures} failed; not checked here: ${skipped.join("; ")}`,
);
process.exitCode = failures > 0 ? 1 : skipped.length > 0 ? 75 : 0;

/** Firmware that enables VMX. */
function enabled(): Host["cores"][0]["msrs"] {
  const word = (value: number) => ({ value, unknown: 0 });
  return new Map([[0x3a, { state: "value", hi: word(0), lo: word(5) }]]);
}

async function lookAt(address: string): Promise<Outcome> {
  const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
  const browser = await startBrowser();
  const complaints: string[] = [];
  try {
    for (const colorScheme of ["light", "dark"] as const) {
      for (const width of [360, 1600]) {
        const page = await browser.newPage({ colorScheme, viewport: { width, height: 900 } });
        page.on("console", (message) => complaints.push(`console: ${message.text()}`));
        page.on("pageerror", ({ message }) => complaints.push(`error: ${message}`));
        page.on("dialog", () => complaints.push("a script of a label ran"));
        page.on("request", (request) => {
          if (!request.isNavigationRequest()) complaints.push(`request: ${request.url()}`);
        });
        await page.goto(address);
        const wide = Number(await page.evaluate("document.documentElement.scrollWidth"));
        if (wide > width) complaints.push(`${width}: ${wide} wide`);
        const drawn = Number(await page.evaluate("document.querySelectorAll('table').length"));
        if (drawn < 4) complaints.push(`${drawn} tables`);
        await page.evaluate(axe);
        const found = (await page.evaluate(
          "axe.run().then(({ violations }) => violations.map(({ id }) => id))",
        )) as string[];
        complaints.push(...found.map((id) => `${colorScheme} ${width}: ${id}`));
        await page.close();
      }
    }
  } finally {
    await browser.close();
  }
  return complaints.length === 0 ? { says: "light and dark, 360 and 1600 wide" } : { wrong: complaints.join("\n") };
}

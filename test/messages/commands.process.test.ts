import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { explain } from "../../src/messages/explain.js";
import type { Match } from "../../src/messages/match.js";
import { messageMatcher } from "../../src/messages/matcher.js";
import { DESKTOP } from "../../src/messages/rows/desktop/table.js";
import { messageRows } from "../../src/messages/rows/table.js";
import { filledCommand } from "../../src/messages/shell-word.js";

/*
 * Somebody will copy what is proposed into a shell. So a shell has to understand it, and no word of the pasted text may
 * be more in it than a word.
 */

const folder = mkdtempSync(join(tmpdir(), "vmxlens-commands-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const corpus = join(import.meta.dirname, "corpus");
const TEXTS = readdirSync(corpus)
  .filter((name) => name.endsWith(".json"))
  .flatMap((name) => JSON.parse(readFileSync(join(corpus, name), "utf8")) as readonly { readonly text: string }[])
  .map(({ text }) => text);
/** A name of a file may have any character but a blank here. */
const WIDE = "CPU described in my.xml is incompatible with host CPU";

function matchesIn(text: string): readonly Match[] {
  const matcher = messageMatcher();
  matcher.push(text);
  return matcher.end().groups.map(({ matches }) => matches[0]);
}

const commandsOf = (text: string): readonly string[] =>
  explain(text).flatMap(({ steps }) => steps.flatMap(({ commands }) => commands ?? []));
/** Elements for libvirt's XML are no commands. */
const isXml = (command: string): boolean => command.startsWith("<");

let count = 0;
/** Lets a shell look at each command, without running any; gives those that it does not understand. */
function misunderstood(commands: readonly string[]): readonly string[] {
  const here = join(folder, `${count++}`);
  mkdirSync(here);
  for (const [at, command] of commands.entries()) writeFileSync(join(here, `${at}`), `${command}\n`);
  const { stdout } = spawnSync("/bin/sh", ["-c", 'for f in *; do sh -n "$f" 2>/dev/null || echo "$f"; done'], {
    cwd: here,
    encoding: "utf8",
  });
  return stdout.split("\n").flatMap((name) => (name === "" ? [] : (commands[Number(name)] ?? name)));
}

/** Runs commands where no program is found, and tells whether one of them wrote the file CANARY all the same. */
function canaryRuns(commands: readonly string[]): boolean {
  const here = join(folder, `${count++}`);
  const scripts = `${here}-scripts`;
  for (const path of [here, scripts]) mkdirSync(path);
  for (const [at, command] of commands.entries()) writeFileSync(join(scripts, `${at}`), `${command}\n`);
  // A shell each, from a small process: to start one from this large one takes ten times as long.
  const script = 'for f in "$1"/*; do /bin/sh "$f" </dev/null >/dev/null 2>&1; done';
  const { status } = spawnSync("/bin/sh", ["-c", script, "sh", scripts], {
    cwd: here,
    env: { PATH: "/nonexistent" },
  });
  expect(status).not.toBeNull();
  return existsSync(join(here, "CANARY"));
}

/** What runs, in a word that is not quoted or in one of the quotes: needs no program. */
const HOSTILE = [
  ";>CANARY",
  "$(>CANARY)",
  "`>CANARY`",
  "x\n>CANARY\n",
  "'>CANARY '",
  "';>CANARY;'",
  '";>CANARY;"',
  "\\';>CANARY;\\'",
  "|>CANARY",
  "&>CANARY",
  "x)>CANARY",
  "-x;>CANARY",
  ">CANARY",
  "#\n>CANARY",
] as const;

it("the canary runs where nothing is quoted", () => {
  for (const word of HOSTILE.filter((one) => !/^[\\'"]|\)/.test(one) || one.startsWith("$("))) {
    expect([word, canaryRuns([`echo ${word}`])]).toEqual([word, true]);
  }
  expect(canaryRuns([`echo '${HOSTILE[5]}'`])).toBe(true);
  expect(canaryRuns([`echo "${HOSTILE[6]}"`])).toBe(true);
});

describe("a command of a row", () => {
  const rows = messageRows(DESKTOP).flatMap(({ id, steps }) =>
    steps.flatMap(({ commands }) => (commands ?? []).map((command) => [id, command] as const)),
  );
  const filled = rows.filter(([, command]) => /\{[a-zA-Z0-9]+\}/.test(command));

  it("has some that words of the text go into", () => {
    expect(filled.length).toBeGreaterThan(5);
  });

  it.each(filled)("%s: %s lets no word run", (_id, command) => {
    const names = [...command.matchAll(/\{([a-zA-Z0-9]+)\}/g)].map(([, name]) => name as string);
    const all = HOSTILE.map((word) => filledCommand(command, Object.fromEntries(names.map((name) => [name, word]))));
    expect(misunderstood(all)).toEqual([]);
    expect(canaryRuns(all)).toBe(false);
  });

  it("is understood by a shell", () => {
    const all = [...new Set(rows.map(([, command]) => command.replace(/\{[a-zA-Z0-9]+\}/g, "x")))];
    expect(misunderstood(all.filter((command) => !isXml(command)))).toEqual([]);
  });
});

describe("a proposed command", () => {
  it("is understood by a shell, for every line of the corpus", () => {
    const all = [...new Set(TEXTS.flatMap(commandsOf))];
    expect(all.length).toBeGreaterThan(100);
    expect(misunderstood(all.filter((command) => !isXml(command)))).toEqual([]);
    for (const command of all.filter(isXml)) {
      expect(command).toMatch(/^<[a-z_]+(?: [a-z]+='[^'"<>&]*')*(?:\/>|>[^<>&]*<\/[a-z_]+>|>)$/);
    }
  });

  it("never runs a word of a pasted line, whichever part is hostile", () => {
    const tried = new Map<string, number>();
    const reached = new Set<string>();
    for (const text of [...TEXTS, WIDE]) {
      for (const { row, groups } of matchesIn(text)) {
        const times = tried.get(row.id) ?? 0;
        tried.set(row.id, times + 1);
        if (times >= 2) continue;
        for (const value of Object.values(groups)) {
          for (const hostile of [";>CANARY", `${value}$(>CANARY)`, `\`>CANARY\`${value}`, `'${value}';>CANARY`]) {
            for (const command of commandsOf(text.replace(value, () => hostile))) {
              if (command.includes("CANARY")) reached.add(command);
            }
          }
        }
      }
    }
    expect(reached.size).toBeGreaterThan(3);
    expect(misunderstood([...reached])).toEqual([]);
    expect(canaryRuns([...reached])).toBe(false);
  });
});

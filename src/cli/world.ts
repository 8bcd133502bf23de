import fs from "node:fs";
import { devNull } from "node:os";
import { visible } from "../report/visible.js";
import { type FileSystem, openChunks } from "./files.js";
import type { LiveMachine } from "./live-machine.js";
import type { Source } from "./read-once.js";

/** Everything a command needs of the process it runs in; tests give their own. */
export interface World {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly env: { readonly [name: string]: string | undefined };
  /** Columns of the terminal; undefined if standard output is not a terminal. */
  readonly columns: number | undefined;
  /** Lines of that terminal. */
  readonly rows?: number;
  /** Shows a text with the user's pager; false if no pager can be started. */
  readonly page?: (text: string) => Promise<boolean>;
  /** Draws a line over the last one of this kind; false where standard error goes to no terminal. */
  readonly progress?: (text: string) => boolean;
  readonly stdin: () => AsyncIterable<Uint8Array>;
  /** `node:fs` when not given. */
  readonly files?: FileSystem;
  /** The bytes of a file, which several readers may ask for; opened anew for each when not given. */
  readonly keep?: (path: string, open: Source) => Source;
  /** The most that is read of one file or of standard input, as --max-bytes says. */
  readonly maxBytes?: number;
  readonly live: () => Promise<LiveMachine>;
  /** Shows an address in the user's browser. */
  readonly openUrl?: (url: string) => void;
  /** Settles when a command that serves is to end; with Ctrl-C when not given. */
  readonly interrupted?: () => Promise<void>;
}

/** @param files written through as well; tests give one that fails. */
export function nodeWorld(files: FileSystem = fs): World {
  return {
    out: (text) => writeAll(files, 1, text),
    err: (text) => writeAll(files, 2, text),
    env: process.env,
    // Asking process.stdout loads Node's network code, which takes longer than a replay.
    ...(isTerminal(1) ? terminal() : { columns: undefined }),
    progress(text) {
      if (!isTerminal(2)) return false;
      writeAll(files, 2, `\r${visible(text)}\u001b[K`);
      return true;
    },
    stdin: () => stdin(files),
    files,
    live: async () => (await import("./live-machine.js")).readLiveMachine(),
    openUrl,
  };
}

const OPENERS: { readonly [P in NodeJS.Platform]?: readonly [string, ...string[]] } = {
  darwin: ["open"],
  win32: ["cmd", "/c", "start", ""],
};

/** A machine without a browser shows nothing; the address was printed. */
function openUrl(url: string): void {
  const [command, ...args] = OPENERS[process.platform] ?? ["xdg-open"];
  void import("node:child_process").then(({ spawn }) =>
    spawn(command, [...args, url], { stdio: "ignore", detached: true })
      .once("error", () => {})
      .unref(),
  );
}

function terminal(): Pick<World, "columns" | "rows" | "page"> {
  const { columns, rows } = process.stdout;
  // 0: a terminal that does not know its size.
  const page = async (text: string) => (await import("./shell/pager.js")).showPage(text, process.env);
  return { columns: columns ?? 0, ...(rows === undefined || rows === 0 ? {} : { rows, page }) };
}

/** For a folder, process.stdin gives nothing instead of an error, and it opens a file anew to read it. */
function stdin(files: FileSystem): AsyncIterable<Uint8Array> {
  const stat = fs.fstatSync(0);
  if (!stat.isFile() && !stat.isDirectory()) return process.stdin;
  return (async function* () {
    yield* openChunks(0, files);
  })();
}

function isTerminal(fd: number): boolean {
  try {
    const stat = fs.fstatSync(fd);
    if (!stat.isCharacterDevice() || stat.rdev === fs.statSync(devNull, { throwIfNoEntry: false })?.rdev) return false;
    return (fd === 1 ? process.stdout : process.stderr).isTTY;
  } catch {
    return false;
  }
}

/** Longest pause between two attempts to write to a full pipe, in milliseconds. */
const PAUSE = 20;

/**
 * Writes at once, so that nothing is lost when the process ends. A full pipe is waited for; one that is no longer
 * read (`vmxlens show | head`) swallows the rest.
 */
function writeAll(files: FileSystem, fd: number, text: string): void {
  let rest: Uint8Array = Buffer.from(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(files.writeSync(fd, rest));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EPIPE") return;
      if (code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE);
    }
  }
}

import { existsSync } from "node:fs";
import path from "node:path";
import { env } from "node:process";

/** The full name of a program on PATH, if it is installed. */
export function onPath(program: string): string | undefined {
  return (env.PATH ?? "")
    .split(path.delimiter)
    .map((directory) => path.join(directory, program))
    .find(existsSync);
}

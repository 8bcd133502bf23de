const WORDS = ["--version", "-V", "-v", "version"];

/** Whether the version is asked for and nothing else; it is printed before the rest of the command line is loaded. */
export function asksVersion(args: readonly string[]): boolean {
  return args.length === 1 && WORDS.includes(args[0] as string);
}

/*
 * Commands are copied into a shell, and the words in them that come from a paste are not ours. Each is
 * one word of a POSIX shell, whatever characters it has.
 */

const SAFE = /^[A-Za-z0-9_./:@%+=,-]+$/;

/** A text as one word of a shell: as it is where that is safe, else in single quotes. */
export function shellWord(text: string): string {
  return SAFE.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** The name of a file as an operand: one that begins like an option is a path. */
export function shellOperand(name: string): string {
  return shellWord(name.startsWith("-") && name !== "-" ? `./${name}` : name);
}

/** Which quotes are open at the end of a piece of a command; there are no escapes in our commands outside of quotes. */
function openQuote(command: string): "" | "'" | '"' {
  let open: "" | "'" | '"' = "";
  for (let at = 0; at < command.length; at++) {
    const character = command[at];
    if (open === '"' && character === "\\") at++;
    else if (open === "" && (character === "'" || character === '"')) open = character;
    else if (character === open) open = "";
  }
  return open;
}

/**
 * A command whose `{name}` become the words of those names; a brace of the command's own stays. Inside quotes of the
 * command they are closed around a word that is not safe there. A word that could be read as an option is a path.
 */
export function filledCommand(command: string, words: { readonly [name: string]: string }): string {
  return command.replace(/\{([a-zA-Z0-9]+)\}/g, (whole, name: string, at: number) => {
    const word = Object.hasOwn(words, name) ? words[name] : undefined;
    if (word === undefined) return whole;
    const before = command.slice(0, at);
    const quote = openQuote(before);
    if (quote !== "") return SAFE.test(word) ? word : `${quote}${shellWord(word)}${quote}`;
    return /(?:^|\s)$/.test(before) ? shellOperand(word) : shellWord(word);
  });
}

/*
 * Labels from a file's path, and from a table. `{site}` in a pattern takes one part of the path; `{host}` takes the host's name.
 */

/** What a path says about its host; undefined if the pattern does not match. */
export type PathReader = (path: string) => { readonly host?: string; readonly labels: Labels } | undefined;

export type Labels = { readonly [key: string]: string };

/**
 * A pattern as `dumps/{site}/{cluster}/{host}.txt`, matched against the end of a path. A name takes anything but a slash.
 * Undefined for a pattern without a name in braces.
 */
export function pathReader(pattern: string): PathReader | undefined {
  const names: string[] = [];
  const parts = pattern.split(/(\{[^{}]{1,100}\})/);
  const source = parts
    .map((part) => {
      if (!/^\{[^{}]+\}$/.test(part)) return part.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&");
      names.push(part.slice(1, -1));
      return "([^/]{1,255}?)";
    })
    .join("");
  if (names.length === 0) return undefined;
  const expression = new RegExp(`(?:^|/)${source}$`);
  return (path) => {
    const found = expression.exec(path);
    if (found === null) return undefined;
    const entries = names.map((name, index) => [name, found[index + 1] as string] as const);
    const host = entries.find(([name]) => name === "host")?.[1];
    return {
      ...(host === undefined ? {} : { host }),
      labels: Object.fromEntries(entries.filter(([name]) => name !== "host")),
    };
  };
}

/** Labels by host of a table in CSV whose first row names the columns, one of them `host`; or what is wrong with it. */
export function labelsOfCsv(text: string): ReadonlyMap<string, Labels> | { readonly problem: string } {
  const [head, ...rows] = csvRows(text);
  const at = head?.indexOf("host") ?? -1;
  if (head === undefined || at < 0) return { problem: "the first row has to name the columns, one of them host" };
  const labels = new Map<string, Labels>();
  for (const [index, row] of rows.entries()) {
    if (row.length !== head.length)
      return { problem: `row ${index + 2} has ${row.length} fields, the first one ${head.length}` };
    const entries = head.map((key, column) => [key, row[column] as string] as const);
    labels.set(row[at] as string, Object.fromEntries(entries.filter(([key, value]) => key !== "host" && value !== "")));
  }
  return labels;
}

/** Rows of RFC 4180: fields in quotes may hold commas, line ends and doubled quotes. */
function csvRows(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let at = text.startsWith("\ufeff") ? 1 : 0;
  while (at < text.length) {
    let field = "";
    if (text[at] === '"') {
      for (at++; at < text.length; ) {
        const end = text.indexOf('"', at);
        field += text.slice(at, end < 0 ? text.length : end);
        at = end < 0 ? text.length : end + 1;
        if (text[at] !== '"') break;
        field += '"';
        at++;
      }
    }
    const from = at;
    while (at < text.length && text[at] !== "," && text[at] !== "\n") at++;
    field += text.slice(from, at).replace(/\r$/, "");
    row.push(field);
    if (text[at] !== ",") {
      if (row.length > 1 || row[0] !== "") rows.push(row);
      row = [];
    } else if (at + 1 >= text.length) row.push("");
    at++;
  }
  if (row.length > 0) rows.push(row);
  return rows;
}

/** A value for a CSV file of ours. */
export function csvField(value: string | number): string {
  const text = String(value);
  // A spreadsheet takes a field that begins like a formula for a formula.
  const safe = /^[=+\-@\t\r]/.test(text) && typeof value === "string" ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

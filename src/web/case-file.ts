import { type Case, caseText } from "../report/page/case.js";

/** This page with a case inside: as it was loaded, without what was drawn into it. */
export function caseFile(given: Case): string {
  const copy = document.documentElement.cloneNode(true) as HTMLElement;
  copy.lang = "en";
  const page = copy.querySelector("#page");
  if (page !== null) page.innerHTML = globalThis.vmxlensEarly?.shell ?? "";
  for (const script of copy.querySelectorAll(".ran")) script.remove();
  const place = copy.querySelector("#case");
  if (place !== null) place.textContent = caseText(given);
  return `<!doctype html>\n${copy.outerHTML}\n`;
}

/** Lets the browser save a text as a file. */
export function save(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "text/html" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

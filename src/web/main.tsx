import { hydrate } from "preact";
import { readCase } from "../report/page/case.js";
import { fromHash } from "../report/page/hash.js";
import { speak } from "./texts.js";
import { App } from "./view/app.js";

const language = document.documentElement.lang.startsWith("zh") ? "zh" : "en";
speak(language);
const given = readCase(document.getElementById("case")?.textContent ?? "");
const start = fromHash(location.hash === "" && typeof given === "object" ? given.hash : location.hash);
const page = document.getElementById("page");
const inBox = (id: string) =>
  (document.getElementById(id) as HTMLInputElement | HTMLTextAreaElement | null)?.value ?? "";
const typed = { text: inBox("text"), cpu: inBox("cpu") };
if (page !== null) hydrate(<App start={start} given={given} typed={typed} language={language} />, page);

import { render } from "preact";
import { readCase } from "../report/page/case.js";
import { fromHash } from "../report/page/hash.js";
import { LANGUAGES, type LanguageId, speak } from "./texts.js";
import { App } from "./view/app.js";

function language(): LanguageId {
  const asked = new URLSearchParams(location.search).get("lang");
  const wanted = [asked, ...navigator.languages].flatMap((one) => one?.toLowerCase().split("-")[0] ?? []);
  return wanted.find((one): one is LanguageId => Object.hasOwn(LANGUAGES, one)) ?? "en";
}

const chosen = language();
speak(chosen);
document.documentElement.lang = chosen === "zh" ? "zh-CN" : chosen;

const given = readCase(document.getElementById("case")?.textContent ?? "");
const start = fromHash(location.hash === "" && typeof given === "object" ? given.hash : location.hash);
const page = document.getElementById("page");
if (page !== null) render(<App start={start} given={given} language={chosen} />, page);

import { render } from "preact";
import { speak } from "../texts.js";
import { ProvePage } from "./prove-page.js";

speak("en");
const page = document.getElementById("page");
if (page !== null) render(<ProvePage />, page);

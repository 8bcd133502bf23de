import { layersReport, situationVerdict } from "../../report/layers-report.js";
import { plainText } from "../../report/text.js";
import type { Situation } from "../../situation/situation.js";
import { tracedReplays } from "../../why/traced-replay.js";
import { type ModuleRaw, withModule } from "../by-module.js";
import { ready, show } from "../command.js";
import { knownExit } from "../exit-code.js";
import { shortText } from "../given-text.js";
import type { FoundHost } from "../host.js";
import type { RawOptions } from "../options.js";
import { showJson } from "../outlet.js";
import { readingOnce } from "../read-once.js";
import { eachHost } from "../shell/several-hosts.js";
import { textNamed } from "../text-named.js";
import type { World } from "../world.js";

/** `vmxlens layers [HOST...]` */
export function layers(
  queries: readonly (string | undefined)[],
  raw: RawOptions & ModuleRaw,
  given: World,
): Promise<number> {
  return eachHost(
    queries,
    raw,
    readingOnce(given),
    "kvm_intel loads",
    ({ loads }) => String(loads),
    layersOf,
    (hosts) => `What differs, feature by feature: vmxlens diff ${hosts.join(" ")}`,
  );
}

/** What the words of a text say besides. */
async function saidOf(
  situation: Situation,
  query: string | undefined,
  raw: RawOptions,
  world: World,
): Promise<string | undefined> {
  const path = query === undefined ? undefined : textNamed(query, world);
  if (path === undefined || tracedReplays(situation).every(({ replayed }) => replayed.loads === "yes"))
    return undefined;
  // Values alone have no words.
  if (!SPEAKS.test((await shortText(path, world)) ?? "")) return undefined;
  const { saidByText } = await import("./why-question.js");
  const said = await saidByText(situation, query, raw, world);
  const shown = plainText(situationVerdict(situation)).toLowerCase();
  const reason = said?.replace(CONCLUSION, "").toLowerCase() ?? "";
  return shown.includes(reason) ? undefined : said;
}

const SPEAKS = /\b(?:kvm|qemu|libvirt|virtual|modprobe|docker|AMD|VPS|VMs?|cloud|instance|EC2|GCP)\b/i;

/** What `layers` begins with. */
const CONCLUSION = /\.? So (?:neither )?kvm_intel [^.]{1,60}\.$|\.$/;

async function layersOf(
  query: string | undefined,
  raw: RawOptions & ModuleRaw,
  world: World,
  before?: FoundHost,
): Promise<number> {
  const asked = await ready(query, raw, world, before);
  if (typeof asked === "number") return asked;
  const prepared = await withModule(asked, raw, world);
  if (typeof prepared === "number") return prepared;
  const { situation, settings } = prepared;
  if (settings.json) {
    const { layersJson } = await import("../../report/json/json-layers.js");
    showJson(layersJson(situation), world);
  } else {
    const said = await saidOf(situation, query, raw, world);
    await show(layersReport(situation, settings.width, said), prepared, world);
  }
  return knownExit(situation.read);
}

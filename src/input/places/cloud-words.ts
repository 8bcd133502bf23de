import { NAMED_OUTER } from "./hypervisor-names.js";

/* The cloud that a text rents its machine from. */

/** A cloud in whose machines something runs. */
const ON_CLOUD =
  /\b(?:VM|instance|node|cluster|machine|server|host(?:ed)?|runn?ing|deployed|droplet)s? (?:hosted |running )?(?:on|in|at) (?:an? |the )?(?:GCP|GCE|Google(?:[ -]Cloud| Compute Engine)|AWS|EC2|Azure|DigitalOcean|Hetzner|Alibaba|Aliyun)\b|\b(?:GCP|GCE|Google(?:[ -]Cloud| Compute Engine)|AWS(?: EC2)?|EC2|Azure|DigitalOcean|Hetzner|Alibaba|Aliyun)(?: cloud)? (?:[a-z]\d[a-z]{0,3} |Windows |Linux |Ubuntu )?(?:VM|virtual machine|instance|machine|node)s?\b/gi;
/** The cloud that the text says something runs in, where it says so of one alone. */
export function cloudOf(text: string): string | undefined {
  const found = new Set([...text.matchAll(ON_CLOUD)].map(([words]) => NAMED_OUTER.find(([is]) => is.test(words))?.[1]));
  return found.size === 1 ? [...found][0] : undefined;
}

/** A type of instance that only one cloud has. */
const INSTANCE_TYPES = [
  // Those of m1 are the usual flavours of OpenStack, too; Alibaba's begin with ecs, and Huawei's end with a number.
  [
    /(?<![\w.-])(?!m1\.)(?:[acdfgimprtuxz]\d[a-z]{0,3}|vt1|mac\d)\.(?:nano|micro|small|medium|\d{0,2}x?large)\b(?!\.\d)/,
    "Amazon EC2",
  ],
  [/\becs\.(?!ebm)[a-z][\w-]{1,20}\.\w*(?:large|small|medium|nano)\b/, "Alibaba Cloud"],
  [
    /\b(?:[acegmnt][1-4][ad]?|f1|g1)-(?:standard|highmem|highcpu|medium|micro|small)(?:-\d{1,3})?\b/,
    "Google Compute Engine",
  ],
  [
    /\bStandard_[A-Z]{1,2}\d{1,3}\w{0,8}\b|\bStandard [DE]\d{1,3}[a-z]{0,5} v\d\b|\b(?:N[CDV]|[DEF])\d{1,3}[a-z]{0,5}_v\d\b/,
    "Azure",
  ],
] as const;

/** The cloud of whose types of instance the text names some, and of no other cloud's. */
export function instanceOf(text: string): string | undefined {
  // Eucalyptus has the names of EC2 for what runs on one's own machines.
  if (/\beuca-|\beucalyptus\b/i.test(text)) return undefined;
  const clouds = new Set(INSTANCE_TYPES.filter(([words]) => words.test(text)).map(([, name]) => name));
  return clouds.size === 1 ? [...clouds][0] : undefined;
}

/** A workspace in which the text says that it was typed; whatever that runs in, it decides. */
export const workspaceIn = (text: string): string | undefined =>
  NAMED_OUTER.find(([words, name]) => WORKSPACES.includes(name) && words.test(text))?.[1];
const WORKSPACES: readonly string[] = ["GitHub Codespaces", "a rented workspace"];

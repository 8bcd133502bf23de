export function whyJson(x: unknown): unknown {
  return x;
}

export function layersJson(x: unknown): unknown {
  return x;
}

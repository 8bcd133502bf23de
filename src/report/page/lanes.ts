export function isPath(id: string): boolean {
  return id === "secondary";
}

/** Whether a JSON schema, of the keywords that this project writes, accepts a value. Throws on any other keyword. */
export function accepts(schema: { readonly [keyword: string]: unknown }, value: unknown): boolean {
  return Object.entries(schema).every(([keyword, rule]) => check(keyword, rule, value, schema));
}

type Schema = { readonly [keyword: string]: unknown };

function check(keyword: string, rule: unknown, value: unknown, schema: Schema): boolean {
  const object = typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Schema) : undefined;
  switch (keyword) {
    case "$schema":
    case "title":
    case "description":
      return true;
    case "type":
      if (rule === "object") return object !== undefined;
      if (rule === "array") return Array.isArray(value);
      if (rule === "integer") return Number.isInteger(value);
      return typeof value === rule;
    case "const":
      return value === rule;
    case "enum":
      return (rule as unknown[]).includes(value);
    case "anyOf":
      return (rule as Schema[]).some((one) => accepts(one, value));
    case "pattern":
      return typeof value !== "string" || new RegExp(rule as string).test(value);
    case "minimum":
      return typeof value !== "number" || value >= (rule as number);
    case "maximum":
      return typeof value !== "number" || value <= (rule as number);
    case "minItems":
      return !Array.isArray(value) || value.length >= (rule as number);
    case "items":
      return !Array.isArray(value) || value.every((item) => accepts(rule as Schema, item));
    case "required":
      return object === undefined || (rule as string[]).every((key) => Object.hasOwn(object, key));
    case "properties":
      return (
        object === undefined ||
        Object.entries(rule as { [key: string]: Schema }).every(
          ([key, one]) => !Object.hasOwn(object, key) || accepts(one, object[key]),
        )
      );
    case "patternProperties":
      return (
        object === undefined ||
        Object.entries(rule as { [pattern: string]: Schema }).every(([pattern, one]) =>
          Object.keys(object).every((key) => !new RegExp(pattern).test(key) || accepts(one, object[key])),
        )
      );
    case "additionalProperties": {
      if (object === undefined) return true;
      const patterns = Object.keys((schema.patternProperties as object | undefined) ?? {}).map((p) => new RegExp(p));
      const others = Object.keys(object).filter(
        (key) =>
          !Object.hasOwn((schema.properties as object | undefined) ?? {}, key) && !patterns.some((p) => p.test(key)),
      );
      return rule === false ? others.length === 0 : others.every((key) => accepts(rule as Schema, object[key]));
    }
    default:
      throw new RangeError(`this interpreter does not know ${keyword}`);
  }
}

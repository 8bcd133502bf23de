/** The parts of a valibot schema or action that its JSON schema needs. */
interface Part {
  readonly kind: string;
  readonly type: string;
  readonly pipe?: readonly Part[];
  readonly entries?: { readonly [key: string]: Part };
  readonly wrapped?: Part;
  readonly item?: Part;
  readonly key?: Part;
  readonly value?: Part;
  readonly options?: readonly unknown[];
  readonly literal?: unknown;
  readonly requirement?: unknown;
  readonly description?: string;
}

export type JsonSchema = { [keyword: string]: unknown };

/**
 * JSON schema (draft 2020-12) of a valibot schema. Knows the schemas and actions that the project uses; throws
 * `RangeError` on any other, so that none is forgotten.
 */
export function jsonSchemaOf(schema: object): JsonSchema {
  return convert(schema as Part);
}

function convert(part: Part): JsonSchema {
  if (part.pipe !== undefined) {
    // The last schema of a pipe says most; one before it is a check that the keyword "type" makes needless.
    const schemas = part.pipe.filter((step) => step.kind === "schema");
    const actions = part.pipe.filter((step) => step.kind !== "schema");
    const last = { ...schemas.at(-1), ...(schemas.length === 1 ? { pipe: undefined } : {}) } as Part;
    return Object.assign(convert(last), ...actions.map(keywords));
  }
  switch (part.type) {
    case "string":
    case "boolean":
    case "number":
      return { type: part.type };
    case "literal":
      return { const: part.literal };
    case "picklist":
      return { enum: part.options };
    case "optional":
      return convert(part.wrapped as Part);
    case "array":
      return { type: "array", items: convert(part.item as Part) };
    case "union":
      return { anyOf: (part.options as readonly Part[]).map(convert) };
    case "record": {
      const { pattern } = convert(part.key as Part);
      const value = convert(part.value as Part);
      if (pattern === undefined) return { type: "object", additionalProperties: value };
      return { type: "object", patternProperties: { [pattern as string]: value }, additionalProperties: false };
    }
    case "strict_object": {
      const entries = Object.entries(part.entries ?? {});
      const required = entries.filter(([, entry]) => !isOptional(entry)).map(([key]) => key);
      return {
        type: "object",
        properties: Object.fromEntries(entries.map(([key, entry]) => [key, convert(entry)])),
        ...(required.length === 0 ? {} : { required }),
        additionalProperties: false,
      };
    }
    default:
      throw new RangeError(`no JSON schema for a ${part.type}`);
  }
}

function isOptional(part: Part): boolean {
  if (part.type === "optional") return true;
  return part.pipe?.[0]?.type === "optional";
}

function keywords(action: Part): JsonSchema {
  switch (action.type) {
    case "regex":
      return { pattern: (action.requirement as RegExp).source };
    case "integer":
      return { type: "integer" };
    case "min_value":
      return { minimum: action.requirement };
    case "max_value":
      return { maximum: action.requirement };
    case "min_length":
      return { minItems: action.requirement };
    case "description":
      return { description: action.description };
    default:
      throw new RangeError(`no JSON schema keyword for ${action.type}`);
  }
}

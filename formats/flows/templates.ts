import { isObject, type Json, mapped } from "./canonicalJson";

/**
 * A component's field and its position in a graph. Grouped components are nested in components, and dialogs in fields.
 */
export interface PlacedField {
  /** Path of nodes and keys to the template, unique if the ids of the nodes are. */
  readonly path: readonly string[];
  readonly name: string;
  readonly field: Json;
}

/** Returns a value in which every field of every template is replaced. */
export function fieldsMapped(value: Json, change: (placed: PlacedField) => Json, path: readonly string[] = []): Json {
  if (Array.isArray(value)) return value.map((item, index) => fieldsMapped(item, change, [...path, step(item, index)]));
  if (!isObject(value)) return value;
  return mapped(value, (key, item) =>
    key === "template" && isObject(item)
      ? mapped(item, (name, field) => change({ path, name, field }))
      : fieldsMapped(item, change, [...path, key]),
  );
}

function step(item: Json, index: number): string {
  return isObject(item) && typeof item.id === "string" ? item.id : `${index}`;
}

import { isObject, type Json, mapped } from "./canonicalJson";

/** A field of a component, wherever in a graph: grouped components lie in components, dialogues in fields. */
export interface PlacedField {
  /** Node by node and key by key to the template, unique where the ids of nodes are. */
  readonly path: readonly string[];
  readonly name: string;
  readonly field: Json;
}

/** A value with each field of each template in it replaced. */
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

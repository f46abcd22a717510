import { isObject, type Json, type JsonObject } from "./canonicalJson";
import { withoutFieldSecrets } from "./secretFields";
import type { MayStay } from "./secretValues";
import { fieldsMapped, type PlacedField } from "./templates";

/** What tells one field of a graph from all others. */
export const placeOfField = ({ path, name }: PlacedField): string => JSON.stringify([...path, name]);

/** The names of global variables that a field is bound to. */
export function boundNames(key: string, field: Json): ReadonlySet<string> {
  const names = new Set<string>();
  withoutFieldSecrets(key, field, (name) => {
    names.add(name);
    return true;
  });
  return names;
}

/**
 * A graph without secrets. A variable's name stays where one of that name exists, or where Git's version has it in that
 * very field: then it is no leak, and a region that lacks the variable must not take it from those that have it.
 */
export function withoutGraphSecrets(data: JsonObject, exists: MayStay, agreed: Json | undefined): JsonObject {
  const known = new Map<string, ReadonlySet<string>>();
  if (isObject(agreed))
    fieldsMapped(agreed, (placed) => {
      known.set(placeOfField(placed), boundNames(placed.name, placed.field));
      return placed.field;
    });
  return fieldsMapped(data, (placed) => {
    const names = known.get(placeOfField(placed));
    return withoutFieldSecrets(placed.name, placed.field, (name) => exists(name) || names?.has(name) === true);
  }) as JsonObject;
}

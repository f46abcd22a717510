import { isObject, type Json, type JsonObject } from "./canonicalJson";
import { withoutFieldSecrets } from "./secretFields";
import type { MayStay } from "./secretValues";
import { fieldsMapped, type PlacedField } from "./templates";

/** Returns a key that identifies one field within a graph. */
export const placeOfField = ({ path, name }: PlacedField): string => JSON.stringify([...path, name]);

/** Returns the names of the global variables to which a field is bound. */
export function boundNames(key: string, field: Json): ReadonlySet<string> {
  const names = new Set<string>();
  withoutFieldSecrets(key, field, (name) => {
    names.add(name);
    return true;
  });
  return names;
}

/**
 * Removes the secrets from a graph. A variable's name stays if the user has a variable of that name, or if Git's
 * version has the name in the same field. In the latter case nothing leaks, and a region that lacks the variable must
 * not remove its name for the regions that have it.
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

import { isDeepStrictEqual } from "node:util";
import { boundNames, placeOfField } from "./bindings";
import { isObject, type Json, type JsonObject, mapped } from "./canonicalJson";
import { withoutFieldSecrets } from "./secretFields";
import { fieldsMapped } from "./templates";

/** Keys that affect only a field's appearance. A secret is restored even if a different region changed them. */
const LOOK_KEYS = ["advanced", "display_name", "info", "placeholder", "show"];

/**
 * Restores into a graph from Git the secrets of this region's own copy: Git never has them, and an import must not
 * erase them. A field's secret is restored only if Git's field equals the export of the region's field. Nothing that
 * the file sets is overwritten, and no secret is put into a field whose purpose has changed.
 */
export function withOwnSecrets(data: Json, local: Json): Json {
  const own = new Map<string, Json | undefined>();
  fieldsMapped(local, (placed) => {
    const place = placeOfField(placed);
    // If two fields have the same path, restore neither secret, because the right field is unknown.
    own.set(place, own.has(place) ? undefined : placed.field);
    return placed.field;
  });
  return fieldsMapped(data, (placed) => {
    const mine = own.get(placeOfField(placed));
    return isObject(placed.field) && isObject(mine) ? restored(placed.name, placed.field, mine) : placed.field;
  });
}

function restored(key: string, field: JsonObject, own: JsonObject): JsonObject {
  const names = boundNames(key, field);
  const exported = (each: JsonObject) => withoutFieldSecrets(key, each, (name) => names.has(name)) as JsonObject;
  const ours = exported(own);
  const compared = (each: JsonObject) =>
    mapped(each, (name, item) => (name === "value" || LOOK_KEYS.includes(name) ? null : item));
  if (!isDeepStrictEqual(compared(field), compared(ours))) return field;
  const whole = mapped(field, (name, item) => {
    if (LOOK_KEYS.includes(name) || own[name] === undefined || ours[name] === undefined) return item;
    return name === "value" ? restoredValue(item, ours[name], own[name]) : own[name];
  });
  // The cell that marks a value as secret may have changed in Git. The restored secret would then be exported as plain
  // text, so keep Git's field.
  return isDeepStrictEqual(exported(whole), field) ? whole : field;
}

/** `exported` is `own` without secrets. */
function restoredValue(value: Json, exported: Json, own: Json): Json {
  if (isDeepStrictEqual(value, exported)) return own;
  if (Array.isArray(value) && Array.isArray(exported) && Array.isArray(own)) {
    const only = (rows: Json[], row: Json) => rows.filter((each) => isDeepStrictEqual(each, row)).length === 1;
    return value.map((row) => {
      const at = exported.findIndex((each) => isDeepStrictEqual(each, row));
      return at >= 0 && only(exported, row) && only(value, row) ? (own[at] ?? row) : row;
    });
  }
  if (!isObject(value) || !isObject(exported) || !isObject(own)) return value;
  // Restore no deeper level: the secrets in an MCP server's configuration must not be sent to a server at a different
  // address.
  return mapped(value, (key, item) => (isDeepStrictEqual(item, exported[key]) ? (own[key] ?? item) : item));
}

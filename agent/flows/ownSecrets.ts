import { isDeepStrictEqual } from "node:util";
import { boundNames, placeOfField } from "./bindings";
import { isObject, type Json, type JsonObject, mapped } from "./canonicalJson";
import { withoutFieldSecrets } from "./secretFields";
import { fieldsMapped } from "./templates";

/** Keys of a field that only say how it looks: a value is not lost because another region showed its field. */
const LOOK_KEYS = ["advanced", "display_name", "info", "placeholder", "show"];

/**
 * A graph of Git with the secrets that this region's own copy of it holds: Git never had them, and importing must not
 * wipe them. Only where Git's field is just what would be exported of the region's: so nothing that the file says is
 * overwritten, and no secret gets into a field that is another one by now.
 */
export function withOwnSecrets(data: Json, local: Json): Json {
  const own = new Map<string, Json | undefined>();
  fieldsMapped(local, (placed) => {
    const place = placeOfField(placed);
    // Of two fields in one place nobody can say which one is meant.
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
  // What makes a cell secret may lie beside it, and Git may say something else of it: it would be exported as plain.
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
  // Not deeper: the secrets in the configuration of an MCP server are for that server, not for one at another address.
  return mapped(value, (key, item) => (isDeepStrictEqual(item, exported[key]) ? (own[key] ?? item) : item));
}

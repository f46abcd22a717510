import { isObject, isText, type Json, type JsonObject, mapped } from "./canonicalJson";
import { mcpServer } from "./mcpServer";
import { isHeadersName, isPlainHeader, isSecretName } from "./secretNames";
import { boundValue, emptied, emptiedBy, type MayStay, type Rules, withoutSecrets } from "./secretValues";
import { fieldsMapped } from "./templates";

/** By row, which cells of a table LangFlow loads: a list of columns, or a truth value by column. */
const ROW_LOADS = "__load_from_db_fields";
/** LangFlow's handle of a connection, `provider/name`, which says nothing secret. */
const CONNECTION = /^[a-z0-9][a-z0-9._-]{0,119}\/[a-z0-9_]{1,64}$/;

/** What Python takes for true. */
function isTrue(value: Json | undefined): boolean {
  if (Array.isArray(value)) return value.length > 0;
  return isObject(value) ? Object.keys(value).length > 0 : Boolean(value);
}

/** Whether `lfx export` empties a field. */
export const isHidden = (field: JsonObject): boolean => isTrue(field.password) || isTrue(field.load_from_db);

/**
 * A field of a component without its secrets: by its flags, its names, and the kind of its value. What is removed
 * becomes the empty value of its kind ("" for texts, as `lfx export` has it); names, URLs and rows stay where they are.
 *
 * @param key its name in the template; a field may have another of its own
 * @param mayStay whether the name of a global variable stays, where the field says that its value is one
 */
export function withoutFieldSecrets(key: string, field: Json, mayStay: MayStay): Json {
  if (!isObject(field)) return isText(field) && isSecretName(key) ? emptiedBy(key, field) : field;
  return mapped(field, (name, item) =>
    name === "value"
      ? fieldValue(key, field, item, mayStay)
      : fieldsMapped(item, (inner) => withoutFieldSecrets(inner.name, inner.field, mayStay)),
  );
}

/** Code may make an input of the kind for secrets, and take its flag away. */
const isSecretInput = ({ _input_type: type }: JsonObject): boolean => isText(type) && /Secret\w{0,80}Input$/.test(type);

function fieldValue(key: string, field: JsonObject, value: Json, mayStay: MayStay): Json {
  if (value === null) return null;
  if (isTrue(field.load_from_db)) return boundValue(value, mayStay);
  if (isTrue(field.password) || isSecretInput(field)) return "";
  if (field.type === "connection_ref") return isText(value) && CONNECTION.test(value) ? value : emptied(value);
  const name = [key, field.name].find(isSecretName);
  if (name !== undefined) return emptiedBy(name, value);
  if (field.type === "mcp" || field._input_type === "McpInput") return mcpServer(value, mayStay);
  const rules: Rules = { mayStay, headers: isHeadersName(key) || isHeadersName(field.name) };
  if (!Array.isArray(value)) return withoutSecrets(value, rules);
  const columns = loadedColumns(field);
  return value.map((row) => (isObject(row) ? tableRow(row, columns, rules) : withoutSecrets(row, rules)));
}

/** Columns whose cells hold names of variables, where the row does not say otherwise. */
function loadedColumns({ table_schema: schema }: JsonObject): ReadonlySet<string> {
  const columns = Array.isArray(schema) ? schema.filter(isObject) : [];
  return new Set(columns.filter((column) => isTrue(column.load_from_db)).map(({ name }) => String(name)));
}

/**
 * A cell that is loaded holds a name. One that could be, but is not, holds what the user did not want to name: LangFlow
 * takes it for a secret, and so do we, but for headers that never are.
 */
function tableRow(row: JsonObject, columns: ReadonlySet<string>, rules: Rules): JsonObject {
  const { [ROW_LOADS]: loads, ...cells } = row;
  const isLoaded = (column: string): boolean | undefined => {
    if (Array.isArray(loads)) return loads.includes(column);
    return isObject(loads) && column in loads ? isTrue(loads[column]) : undefined;
  };
  const plain = [row.key, row.name, row.header].some(isPlainHeader);
  const [others] = withoutSecrets([cells], rules) as [JsonObject];
  return mapped(row, (column, cell) => {
    if (column === ROW_LOADS) return cell;
    const loaded = isLoaded(column);
    if (loaded !== true && !columns.has(column)) return others[column] ?? null;
    const bound = loaded === false ? "" : boundValue(cell, rules.mayStay);
    if (bound !== "") return bound;
    return plain ? (others[column] ?? null) : emptied(cell);
  });
}

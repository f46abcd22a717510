import { isObject, isText, type Json, type JsonObject, mapped } from "./canonicalJson";
import { mcpServer } from "./mcpServer";
import { isHeadersName, isPlainHeader, isSecretName } from "./secretNames";
import { boundValue, emptied, emptiedBy, type MayStay, type Rules, withoutSecrets } from "./secretValues";
import { fieldsMapped } from "./templates";

/**
 * Key in a table row whose value says which cells LangFlow loads from variables: a list of columns, or a boolean per column.
 */
const ROW_LOADS = "__load_from_db_fields";
/** Matches LangFlow's reference to a connection, `provider/name`, which is not secret. */
const CONNECTION = /^[a-z0-9][a-z0-9._-]{0,119}\/[a-z0-9_]{1,64}$/;

/** Returns the truth value that Python gives to a value. */
function isTrue(value: Json | undefined): boolean {
  if (Array.isArray(value)) return value.length > 0;
  return isObject(value) ? Object.keys(value).length > 0 : Boolean(value);
}

/** Returns true if `lfx export` empties the field. */
export const isHidden = (field: JsonObject): boolean => isTrue(field.password) || isTrue(field.load_from_db);

/**
 * Removes the secrets from a component's field, based on its flags, its names, and the type of its value. A removed
 * secret becomes the empty value of its type ("" for strings, like `lfx export`). Names, URLs and rows stay.
 *
 * @param key the field's name in the template; the field may also have a name of its own
 * @param mayStay decides whether the name of a global variable stays if the field is bound to a variable
 */
export function withoutFieldSecrets(key: string, field: Json, mayStay: MayStay): Json {
  if (!isObject(field)) return isText(field) && isSecretName(key) ? emptiedBy(key, field) : field;
  return mapped(field, (name, item) =>
    name === "value"
      ? fieldValue(key, field, item, mayStay)
      : fieldsMapped(item, (inner) => withoutFieldSecrets(inner.name, inner.field, mayStay)),
  );
}

/**
 * Returns true if the field's input type is for secrets. A component's code may use such an input and clear its
 * password flag.
 */
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

/** Returns the columns whose cells contain variable names by default. A row may override this. */
function loadedColumns({ table_schema: schema }: JsonObject): ReadonlySet<string> {
  const columns = Array.isArray(schema) ? schema.filter(isObject) : [];
  return new Set(columns.filter((column) => isTrue(column.load_from_db)).map(({ name }) => String(name)));
}

/**
 * Removes the secrets from a table's row. A cell that LangFlow loads contains a variable's name and stays. If a
 * loadable cell is not loaded, it contains a value that the user entered directly: LangFlow treats it as a secret, and
 * the agent does too, except for headers that are never secret.
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

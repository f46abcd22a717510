import type { Container, EnvVar } from "../process/podSpec";

/** What containers of a namespace may refer to, by name. */
export interface References {
  readonly configMaps: ReadonlyMap<string, Readonly<Record<string, string>>>;
  readonly secrets: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** What the pod knows of itself, by field path. */
  readonly fields: Readonly<Record<string, string>>;
}

/**
 * A container's environment as the kubelet would make it: `envFrom` in order, then `env` in order, later ones over
 * earlier ones, `$(NAME)` replaced by what is known of NAME by then.
 *
 * @throws Error naming what is referred to and missing, as the kubelet's CreateContainerConfigError does
 */
export function environmentOf(container: Container, references: References): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const { prefix = "", configMapRef, secretRef } of container.envFrom ?? []) {
    const reference = configMapRef ?? secretRef;
    if (!reference) continue;
    const found = (configMapRef ? references.configMaps : references.secrets).get(reference.name);
    if (!found && !reference.optional)
      throw new Error(`${configMapRef ? "configmap" : "secret"} "${reference.name}" not found`);
    for (const [key, value] of Object.entries(found ?? {})) environment[`${prefix}${key}`] = value;
  }
  for (const variable of container.env ?? []) {
    const value = variableOf(variable, references);
    if (value !== undefined) environment[variable.name] = variable.valueFrom ? value : expanded(value, environment);
  }
  return environment;
}

function variableOf({ name, value, valueFrom }: EnvVar, references: References): string | undefined {
  if (!valueFrom) return value ?? "";
  const { configMapKeyRef, secretKeyRef, fieldRef } = valueFrom;
  const reference = configMapKeyRef ?? secretKeyRef;
  if (reference) {
    const kind = configMapKeyRef ? "configmap" : "secret";
    const found = (configMapKeyRef ? references.configMaps : references.secrets).get(reference.name)?.[reference.key];
    if (found === undefined && !reference.optional)
      throw new Error(`couldn't find key ${reference.key} in ${kind} "${reference.name}"`);
    return found;
  }
  const field = fieldRef && references.fields[fieldRef.fieldPath];
  if (field === undefined) throw new Error(`${name} refers to something that no process of the live fleet has`);
  return field;
}

/** `$(NAME)` by its value, `$$(NAME)` by `$(NAME)`; what is unknown stays as it is. */
function expanded(text: string, environment: Readonly<Record<string, string>>): string {
  return text.replace(/\$\$|\$\(([^)]*)\)/g, (whole, name?: string) =>
    whole === "$$" ? "$" : (environment[name ?? ""] ?? whole),
  );
}

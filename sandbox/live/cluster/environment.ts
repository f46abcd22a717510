import type { Container, EnvVar } from "../process/podSpec";

/** ConfigMaps and Secrets of a namespace that its containers may refer to, by name. */
export interface References {
  readonly configMaps: ReadonlyMap<string, Readonly<Record<string, string>>>;
  readonly secrets: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** Pod fields of the downward API, by field path. */
  readonly fields: Readonly<Record<string, string>>;
}

/**
 * Returns a container's environment as the kubelet would set it: `envFrom` in order, then `env` in order, with later
 * entries overriding earlier ones. `$(NAME)` is replaced by the value that NAME has by then.
 *
 * @throws Error that names a missing reference, like the kubelet's CreateContainerConfigError
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
  if (field === undefined)
    throw new Error(`the environment variable ${name} refers to a source that the live fleet does not support`);
  return field;
}

/** Replaces `$(NAME)` with its value and `$$(NAME)` with `$(NAME)`. Unknown names stay unchanged. */
function expanded(text: string, environment: Readonly<Record<string, string>>): string {
  return text.replace(/\$\$|\$\(([^)]*)\)/g, (whole, name?: string) =>
    whole === "$$" ? "$" : (environment[name ?? ""] ?? whole),
  );
}

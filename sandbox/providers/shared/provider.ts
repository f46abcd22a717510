import { createHash, randomBytes } from "node:crypto";
import { keyOf, type Resource, type Store } from "../../resources/store";
import { isUnknown, type Marked, mark, type Properties, text, UNKNOWN, unmark } from "../../resources/values";
import {
  checkProperties,
  type PackageSchema,
  type Problem,
  type ResourceSchema,
  withComputed,
} from "../../schema/schema";
import type { Behaviour, CloudFunction, Scope, Situation } from "./behaviour";
import { type Change, changesBetween, type DiffRules, isWithin } from "./diff";
import { CloudError, Code } from "./errors";

/** Providers that the local cloud emulates, by their names in the engine. */
export const PROVIDERS = ["aws", "cloudflare", "kubernetes", "random"] as const;
export type ProviderName = (typeof PROVIDERS)[number];

/** Definition of one emulated provider. */
export interface Definition {
  readonly name: ProviderName;
  readonly schema: PackageSchema;
  readonly rules: DiffRules;
  readonly functions: Readonly<Record<string, CloudFunction>>;
  /** Returns the schema of a type, or undefined if the provider does not know the type. */
  readonly schemaOf: (type: string) => ResourceSchema | undefined;
  readonly behaviourOf: (type: string) => Behaviour;
  /** Returns the scope of a resource with these inputs, under a provider's configuration. */
  readonly scopeOf: (configuration: Properties, type: string, inputs: Properties, cloud: Store) => Scope;
  /** Paths whose change replaces a resource of any type. */
  readonly replaces: readonly string[];
  /** Returns paths that the provider's configuration exempts from replacement. */
  readonly keeps?: (configuration: Properties, type: string) => readonly string[];
  /** Returns the scope as part of a resource's identity. */
  readonly address: (scope: Scope) => string;
  /** Completes the inputs, as the real provider does before it checks them. */
  readonly complete?: (situation: Situation, olds: Properties, suffix: string) => Properties;
  /** Returns attributes that all resources of the provider have. */
  readonly attributes?: (situation: Situation) => Properties;
  /** Attributes that a change of the provider's configuration alone can change. A diff compares them with the state. */
  readonly compared?: readonly string[];
  /** Returns what a read reports of a live object, if the provider omits fields that the program never set. */
  readonly seen?: (live: Properties, asked: Properties) => Properties;
  /** Throws a CloudError if the provider's configuration refers to nothing that exists. */
  readonly reach?: (configuration: Properties, scope: Scope, cloud: Store) => void;
  /** Returns the configuration keys whose change replaces the provider and with it all its resources. */
  readonly providerReplaces: (changed: readonly string[], olds: Properties, news: Properties) => readonly string[];
  /**
   * Format marker that the real provider stores with the outputs of each resource. The provider treats outputs without
   * it as those of an older provider, and a read of them fails.
   */
  readonly stateForm?: string;
  /** Returns a name that must be unique in a scope, or undefined if it need not be. */
  readonly uniqueName?: (type: string, inputs: Properties) => string | undefined;
}

/** The resource of a call. */
export interface Target {
  readonly urn: string;
  readonly type: string;
  readonly name: string;
}

export interface Diff {
  readonly changes: readonly (Change & { readonly replaces: boolean })[];
  readonly deleteBeforeReplace: boolean;
}

/** Property in which the Terraform bridge stores its own data, as JSON. */
const META = "__meta";

const REGENERATE = "node --require ./typescript.cjs sandbox/schema/generate.ts";

/**
 * An emulated provider of the local cloud. Properties are exchanged in the engine's format, with marked secrets and
 * unknowns.
 */
export class Provider {
  constructor(
    private readonly definition: Definition,
    private readonly cloud: Store,
  ) {}

  get name(): ProviderName {
    return this.definition.name;
  }

  get version(): string {
    return this.definition.schema.version;
  }

  /** Returns the changed keys of a provider's configuration, and those that replace the provider. */
  diffConfiguration(oldWire: Properties, newWire: Properties): { changed: string[]; replaces: readonly string[] } {
    const olds = unmark(oldWire).values;
    const news = unmark(newWire).values;
    const changes = changesBetween(olds, news, this.definition.rules);
    const changed = [...new Set(changes.map(({ path }) => path.split(/[.[]/)[0] ?? path))].filter(
      (key) => key !== "version",
    );
    return { changed, replaces: this.definition.providerReplaces(changed, olds, news) };
  }

  /**
   * Completes and checks the inputs of a resource.
   *
   * @param seed random bytes of the engine that produce the same name in the preview and in the update
   * @throws CloudError if the type is unknown
   */
  check(
    configuration: Properties,
    target: Target,
    oldWire: Properties,
    newWire: Properties,
    seed: Uint8Array,
  ): { inputs: Properties; problems: Problem[] } {
    const { type } = target;
    const schema = this.schemaOf(type);
    const behaviour = this.definition.behaviourOf(type);
    const olds = unmark(oldWire).values;
    const given = unmark(newWire);
    const situation = this.situation(configuration, target, given.values, "");
    const suffix = createHash("sha256")
      .update(seed.length > 0 ? seed : randomBytes(16))
      .digest("hex")
      .slice(0, 7);
    let values = withName(behaviour, target, given.values, olds, suffix);
    if (this.definition.complete) values = this.definition.complete({ ...situation, inputs: values }, olds, suffix);
    const problems = [
      ...checkProperties(this.definition.schema, schema.inputs, values),
      ...checkName(behaviour, values),
      ...(behaviour.check?.({ ...situation, inputs: values }) ?? []),
    ];
    return { inputs: mark({ values, secrets: given.secrets }), problems };
  }

  /**
   * Returns the changes of an update from the old inputs to the new ones.
   *
   * @param state outputs of the resource in the engine's state
   */
  diff(
    configuration: Properties,
    type: string,
    oldWire: Properties,
    newWire: Properties,
    state: Properties = {},
  ): Diff {
    const schema = this.schemaOf(type);
    const behaviour = this.definition.behaviourOf(type);
    const olds = unmark(oldWire).values;
    const news = unmark(newWire).values;
    const kept = [...(behaviour.keeps ?? []), ...(this.definition.keeps?.(configuration, type) ?? [])];
    const replacing = [
      ...this.definition.replaces,
      ...(behaviour.replaces ?? []),
      ...(behaviour.naming ? [behaviour.naming.property] : []),
      ...this.replacing(schema),
    ].filter((path) => !kept.includes(path));
    const { unknownReplaces } = this.definition.rules;
    const { attributes, compared = [] } = this.definition;
    const now = attributes?.(this.situation(configuration, { type, name: "", urn: "" }, news, "")) ?? {};
    const known = unmark(state).values;
    const names = compared.filter((name) => name in now && name in known);
    const changes = [
      ...changesBetween(olds, news, this.definition.rules),
      ...changesBetween(only(known, names), only(now, names), this.definition.rules),
    ].map((change) => ({
      ...change,
      replaces:
        behaviour.immutable === true ||
        replacing.some(
          (path) => isWithin(change.path, path) || (unknownReplaces && change.unknown && isWithin(path, change.path)),
        ),
    }));
    const name = this.uniqueName(type, behaviour, olds);
    return {
      changes,
      deleteBeforeReplace: name !== undefined && name === this.uniqueName(type, behaviour, news),
    };
  }

  /**
   * Creates a resource. In a preview, returns only its known properties.
   *
   * @param timeoutSeconds timeout that the program sets; 0 if none
   */
  async create(
    configuration: Properties,
    target: Target,
    wire: Properties,
    preview: boolean,
    timeoutSeconds = 0,
  ): Promise<{ id: string; properties: Properties }> {
    const schema = this.schemaOf(target.type);
    const behaviour = this.definition.behaviourOf(target.type);
    const given = unmark(wire);
    const situation = this.situation(configuration, target, given.values, "");
    if (preview) {
      const unknown = [...schema.computed, ...schema.outputs].map((property): [string, unknown] => [property, UNKNOWN]);
      const inputs = this.withComputed(schema, given.values, {});
      const values = { ...Object.fromEntries(unknown), ...inputs, ...this.definition.attributes?.(situation) };
      return { id: "", properties: mark(this.marked(schema, values, given)) };
    }
    this.definition.reach?.(configuration, situation.scope, this.cloud);
    this.refuseTakenName(behaviour, situation);
    behaviour.verify?.(situation);
    const id = behaviour.id(situation);
    await behaviour.awaits?.({ ...situation, id, timeoutSeconds });
    const properties = this.propertiesOf(behaviour, { ...situation, id });
    const resource = await this.keep(target, situation.scope, id, given, this.marked(schema, properties, given));
    await behaviour.follows?.({ ...situation, id });
    return { id, properties: this.outputsOf(resource) };
  }

  /**
   * Returns the resource as it currently exists in the cloud, with its canonical id, or undefined if it was deleted.
   */
  read(
    configuration: Properties,
    target: Target,
    id: string,
    stateWire: Properties,
    inputsWire: Properties,
  ): { id: string; inputs: Properties; properties: Properties } | undefined {
    this.schemaOf(target.type);
    const known = { inputs: unmark(inputsWire).values, state: unmark(stateWire).values };
    const hints = { ...known.state, ...known.inputs };
    const scope = this.definition.scopeOf(configuration, target.type, hints, this.cloud);
    this.definition.reach?.(configuration, scope, this.cloud);
    const found = this.lookup(target.type, scope, id) ?? this.lookupImported(target.type, scope, id);
    if (!found) return undefined;
    const { secrets } = found;
    const isImport = Object.keys(known.state).length === 0;
    const unseen = isImport ? [] : (this.definition.behaviourOf(target.type).unseen?.(known.inputs) ?? []);
    const { stateForm } = this.definition;
    if (stateForm !== undefined && !isImport && stateWire[META] !== stateForm)
      throw new CloudError(
        `${target.type} (${id}): the state's ${META} is not ${stateForm}, because upgrading the state failed`,
      );
    const live = { ...without(found.inputs, unseen), ...only(known.inputs, unseen) };
    const inputs = isImport || !this.definition.seen ? live : this.definition.seen(live, known.inputs);
    const properties = { ...without(found.properties, unseen), ...only(known.state, unseen) };
    return {
      id: found.id,
      inputs: mark({ values: inputs, secrets }),
      properties: this.outputsOf({ ...found, properties }),
    };
  }

  /** Updates a resource. In a preview, returns only its known properties after the update. */
  async update(
    configuration: Properties,
    target: Target,
    id: string,
    stateWire: Properties,
    oldInputsWire: Properties,
    wire: Properties,
    preview: boolean,
  ): Promise<Properties> {
    const schema = this.schemaOf(target.type);
    const behaviour = this.definition.behaviourOf(target.type);
    const given = unmark(wire);
    const situation = this.situation(configuration, target, given.values, id);
    const removed = Object.keys(unmark(oldInputsWire).values).filter(
      (property) => given.values[property] === undefined,
    );
    if (preview) {
      const state = without(unmark(stateWire).values, removed);
      const inputs = this.withComputed(schema, given.values, state);
      const values = { ...state, ...inputs, ...this.definition.attributes?.(situation) };
      return mark(this.marked(schema, values, given));
    }
    this.definition.reach?.(configuration, situation.scope, this.cloud);
    const old = this.lookup(target.type, situation.scope, id);
    if (!old) throw new CloudError(`updating ${target.type} (${id}): couldn't find resource`, Code.NotFound);
    behaviour.verify?.({ ...situation, old });
    const kept = without(old.properties, [...removed, ...Object.keys(old.inputs)]);
    const properties = { ...kept, ...this.propertiesOf(behaviour, { ...situation, old }) };
    const resource = await this.keep(target, situation.scope, id, given, this.marked(schema, properties, given));
    await behaviour.follows?.({ ...situation, old });
    return this.outputsOf(resource);
  }

  /** Returns the AWS region of a resource with these properties. Empty if it has none. */
  regionOf(configuration: Properties, type: string, wire: Properties): string {
    return this.definition.scopeOf(configuration, type, unmark(wire).values, this.cloud).region;
  }

  /** Deletes a resource. A resource that no longer exists is not an error. */
  async delete(configuration: Properties, target: Target, id: string, stateWire: Properties): Promise<void> {
    this.schemaOf(target.type);
    const state = unmark(stateWire).values;
    const situation = this.situation(configuration, target, state, id);
    this.definition.reach?.(configuration, situation.scope, this.cloud);
    const old = this.lookup(target.type, situation.scope, id);
    if (!old) return;
    const { remove, trails } = this.definition.behaviourOf(target.type);
    const gone = { ...situation, inputs: old.inputs, old };
    await remove?.(gone);
    this.cloud.remove(old.key);
    await trails?.(gone);
  }

  /** @throws CloudError if the function is unknown */
  invoke(configuration: Properties, token: string, wire: Properties): { result: Properties; problems: Problem[] } {
    const schema = this.definition.schema.functions[token];
    const answer = this.definition.functions[token];
    if (!schema || !answer) {
      const way = schema ? "implement it in sandbox/" : `run ${REGENERATE}`;
      throw new CloudError(`the local cloud does not know the function ${token}: ${way}`, Code.Unimplemented);
    }
    const args = unmark(wire).values;
    const problems = checkProperties(this.definition.schema, schema.inputs, args);
    if (problems.length > 0) return { result: {}, problems };
    return {
      result: answer(args, this.definition.scopeOf(configuration, token, args, this.cloud), this.cloud),
      problems,
    };
  }

  /** Returns the outputs in the engine's format: with marked secrets and the provider's format marker. */
  private outputsOf({ properties, secrets }: Resource): Properties {
    const { stateForm } = this.definition;
    const outputs = mark({ values: properties, secrets });
    return stateForm === undefined ? outputs : { ...outputs, [META]: stateForm };
  }

  private schemaOf(type: string): ResourceSchema {
    const schema = this.definition.schemaOf(type);
    if (!schema)
      throw new CloudError(
        `the local cloud does not know the type ${type}: if components/ or stacks/ use it, run ${REGENERATE} and restart the local cloud`,
        Code.Unimplemented,
      );
    return schema;
  }

  private situation(configuration: Properties, { type, name }: Target, inputs: Properties, id: string): Situation {
    const scope = this.definition.scopeOf(configuration, type, inputs, this.cloud);
    return { inputs, name, type, id, scope, cloud: this.cloud };
  }

  private propertiesOf(behaviour: Behaviour, situation: Situation): Properties {
    return {
      ...behaviour.defaults,
      ...situation.inputs,
      ...this.definition.attributes?.(situation),
      ...behaviour.attributes?.(situation),
    };
  }

  /** Returns the inputs with nested properties that the cloud adds, as far as a preview knows them. */
  private withComputed(schema: ResourceSchema, inputs: Properties, state: Properties): Properties {
    const entries = Object.entries(inputs).map(([name, value]): [string, unknown] => {
      const type = schema.inputs[name]?.type ?? "any";
      return [name, withComputed(this.definition.schema, type, value, state[name])];
    });
    return Object.fromEntries(entries);
  }

  /** Marks as secret the inputs that were secret and the properties that the schema declares secret. */
  private marked(schema: ResourceSchema, values: Properties, given: Marked): Marked {
    const always = (schema.secrets ?? []).filter((property) => values[property] !== undefined);
    const pointers = [...given.secrets, ...always.map((property) => `/${property}`)];
    return { values, secrets: [...new Set(pointers)].sort() };
  }

  private async keep(
    target: Target,
    scope: Scope,
    id: string,
    inputs: Marked,
    { values: properties, secrets }: Marked,
  ): Promise<Resource> {
    const identity = { provider: this.name, type: target.type, scope: this.definition.address(scope), id };
    const { name, urn } = target;
    const resource = { key: keyOf(identity), ...identity, name, urn, inputs: inputs.values, properties, secrets };
    await this.cloud.put(resource);
    return resource;
  }

  private lookup(type: string, scope: Scope, id: string): Resource | undefined {
    return this.cloud.lookup({ provider: this.name, type, scope: this.definition.address(scope), id });
  }

  private lookupImported(type: string, scope: Scope, id: string): Resource | undefined {
    const { importedBy } = this.definition.behaviourOf(type);
    if (importedBy === undefined) return undefined;
    const address = this.definition.address(scope);
    return this.cloud.find(type, (other) => other.scope === address && other.properties[importedBy] === id);
  }

  private refuseTakenName(behaviour: Behaviour, { type, inputs, scope, cloud }: Situation): void {
    const name = this.uniqueName(type, behaviour, inputs);
    if (name === undefined) return;
    const address = this.definition.address(scope);
    const range = behaviour.naming?.unique;
    const taken = cloud.find(type, (other) => {
      if (this.uniqueName(type, behaviour, other.inputs) !== name) return false;
      return range === "world" || other.scope === address;
    });
    if (!taken) return;
    const [bare = name] = name.split(" ");
    throw new CloudError(behaviour.naming?.taken?.(bare) ?? `creating ${type}: ${bare} already exists`);
  }

  private uniqueName(type: string, { naming }: Behaviour, inputs: Properties): string | undefined {
    if (this.definition.uniqueName) return this.definition.uniqueName(type, inputs);
    const name = naming?.unique ? text(inputs[naming.property]) : undefined;
    return name && [name, ...(naming?.within ?? []).map((property) => String(inputs[property]))].join(" ");
  }

  /** Returns the paths, including nested ones, whose change causes a replacement according to the documentation. */
  private replacing(schema: ResourceSchema): string[] {
    return Object.entries(schema.inputs).flatMap(([name, { type, replaces }]) => {
      const nested = this.definition.schema.types[type.replace(/^#|\[\]$/g, "")] ?? {};
      const inside = type.startsWith("#")
        ? Object.entries(nested).flatMap(([inner, property]) => (property.replaces ? [`${name}.${inner}`] : []))
        : [];
      return [...(replaces ? [name] : []), ...inside];
    });
  }
}

/** Generates a name from the resource's own name and a random suffix if the program sets none. */
function withName(
  { naming }: Behaviour,
  { name }: Target,
  news: Properties,
  olds: Properties,
  suffix: string,
): Properties {
  if (!naming || naming.given || news[naming.property] !== undefined || news[`${naming.property}Prefix`] !== undefined)
    return news;
  const made = `${name.slice(0, naming.max - suffix.length - 1)}-${suffix}`;
  return { ...news, [naming.property]: olds[naming.property] ?? made };
}

function checkName({ naming }: Behaviour, inputs: Properties): Problem[] {
  const name = naming && text(inputs[naming.property]);
  if (!naming || name === undefined || isUnknown(name)) return [];
  const { property, max, pattern } = naming;
  if (name.length < 1 || name.length > max)
    return [{ property, reason: `expected length of ${property} to be in the range (1 - ${max}), got ${name}` }];
  if (pattern && !pattern.test(name))
    return [{ property, reason: `invalid value for ${property} (${name}): must match ${pattern.source}` }];
  return [];
}

function without(properties: Properties, names: readonly string[]): Properties {
  return Object.fromEntries(Object.entries(properties).filter(([name]) => !names.includes(name)));
}

function only(properties: Properties, names: readonly string[]): Properties {
  return Object.fromEntries(Object.entries(properties).filter(([name]) => names.includes(name)));
}

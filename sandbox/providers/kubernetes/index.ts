import { parse } from "yaml";
import type { Resource, Store } from "../../resources/store";
import { isRecord, list, type Properties, record, text } from "../../resources/values";
import kubernetesSchema from "../../schema/kubernetes.json";
import type { PackageSchema, ResourceSchema } from "../../schema/schema";
import { CLUSTER } from "../aws/eks";
import type { Behaviour, Scope } from "../shared/behaviour";
import type { Definition } from "../shared/provider";
import { enter } from "./entry";
import {
  completed,
  isCustom,
  kindOf,
  objectName,
  objectProblems,
  removeContents,
  takenObject,
  verifyObject,
} from "./objects";
import { rulesOf } from "./rules";
import { awaitReady } from "./waiting";

const schema: PackageSchema = kubernetesSchema;

/** Schema that accepts any property, because the definitions of custom resources are not known here. */
const ANYTHING = new Proxy<Record<string, { type: string }>>(
  {},
  { get: () => ({ type: "any" }), ownKeys: () => [], has: () => true },
);
const CUSTOM: ResourceSchema = { inputs: ANYTHING, outputs: [], computed: [] };

const behaviours = new Map<string, Behaviour>();

function behaviourOf(type: string): Behaviour {
  const known = behaviours.get(type);
  if (known) return known;
  const { group, kind } = kindOf(type);
  const behaviour: Behaviour = {
    replaces: rulesOf(group, kind).replaces,
    naming: { property: "metadata", max: 253, given: true, taken: (name) => takenObject(type, name) },
    check: objectProblems,
    verify: verifyObject,
    awaits: awaitReady,
    remove: removeContents,
    id: ({ inputs }) => objectName(type, inputs) ?? "",
    attributes: completed,
    keeps: ["metadata"],
  };
  behaviours.set(type, behaviour);
  return behaviour;
}

/** Returns the API server's URL of a kubeconfig's current context. */
function serverOf(kubeconfig: unknown): string | undefined {
  // The provider's configuration may already be parsed.
  const config = record(typeof kubeconfig === "string" ? parse(kubeconfig) : kubeconfig);
  const named = (entries: unknown, name: unknown) => record(list(entries).find((entry) => record(entry).name === name));
  const context = record(named(config.contexts, config["current-context"]).context);
  return text(record(named(config.clusters, context.cluster).cluster).server);
}

function clusterOf(configuration: Properties, cloud: Store): Resource | undefined {
  const server = serverOf(configuration.kubeconfig);
  const identifier = text(configuration.clusterIdentifier);
  return cloud.find(CLUSTER, ({ id, properties }) =>
    server === undefined ? id === identifier : properties.endpoint === server,
  );
}

/** Generates a name for the object if the program sets none, and annotates the object as autonamed. */
function complete(name: string, inputs: Properties, olds: Properties, suffix: string): Properties {
  const metadata = record(inputs.metadata);
  if (
    metadata.name !== undefined ||
    metadata.generateName !== undefined ||
    (inputs.metadata && !isRecord(inputs.metadata))
  )
    return inputs;
  const before = record(olds.metadata);
  const annotations = { ...record(metadata.annotations), "pulumi.com/autonamed": "true" };
  return { ...inputs, metadata: { ...metadata, annotations, name: before.name ?? `${name}-${suffix}` } };
}

/**
 * Returns the part of the live object that also exists in the program's object, like the real provider's read
 * (`pruneMap` and `pruneSlice` in provider/pkg/provider/util.go). Fields that others set, such as the autoscaler, are
 * therefore no drift.
 */
function pruned(live: unknown, asked: unknown): unknown {
  if (Array.isArray(live) && Array.isArray(asked))
    return live.slice(0, asked.length).map((each, index) => pruned(each, asked[index]));
  return isRecord(live) && isRecord(asked) ? prunedObject(live, asked) : live;
}

function prunedObject(live: Properties, asked: Properties): Properties {
  const both = Object.entries(live).filter(([key]) => Object.hasOwn(asked, key));
  return Object.fromEntries(both.map(([key, value]) => [key, pruned(value, asked[key])]));
}

export const kubernetes: Definition = {
  name: "kubernetes",
  schema,
  // Measured with the real provider: it replaces a Deployment whose `spec` depends on an object that is replaced.
  rules: { listsAreSets: false, unknownReplaces: true },
  functions: {},
  replaces: [],
  keeps: ({ enableConfigMapMutable }, type) =>
    kindOf(type).kind === "ConfigMap" && String(enableConfigMapMutable) === "true" ? ["binaryData", "data"] : [],
  schemaOf: (type) => schema.resources[type] ?? (isCustom(type) ? CUSTOM : undefined),
  behaviourOf,
  scopeOf(configuration, _type, _inputs, cloud): Scope {
    const cluster = clusterOf(configuration, cloud);
    const name = text(configuration.clusterIdentifier) ?? cluster?.id ?? serverOf(configuration.kubeconfig) ?? "";
    const region = text(cluster?.properties.region) ?? "";
    return { account: "", partition: "", region, cluster: name, defaultTags: {} };
  },
  address: ({ cluster }) => cluster,
  seen: prunedObject,
  complete: ({ name, inputs }, olds, suffix) => complete(name, inputs, olds, suffix),
  uniqueName: objectName,
  reach: (configuration, { cluster }, cloud) => enter(clusterOf(configuration, cloud), cluster, cloud),
  /**
   * Returns the keys that replace the provider. A literal `clusterIdentifier` identifies the cluster, whatever else
   * changes.
   */
  providerReplaces(changed, olds, news) {
    if (changed.includes("clusterIdentifier")) return ["clusterIdentifier"];
    if (text(news.clusterIdentifier) !== undefined) return [];
    const same = serverOf(olds.kubeconfig) === serverOf(news.kubeconfig) && serverOf(news.kubeconfig) !== undefined;
    return changed.filter((key) => ["cluster", "context", "kubeconfig"].includes(key) && !same);
  },
};

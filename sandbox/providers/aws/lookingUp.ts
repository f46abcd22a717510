import type { Resource, Store } from "../../resources/store";
import { list, type Properties, record, text } from "../../resources/values";
import type { Scope } from "../shared/behaviour";
import { CloudError } from "../shared/errors";

/** Returns the resources of a type in a function's account and region. */
export function inRegion(cloud: Store, { account, region }: Scope, type: string): Resource[] {
  return cloud.list(type).filter(({ scope }) => scope === `${account}/${region}`);
}

export const tagsOf = ({ properties }: Resource): Properties => record(properties.tagsAll ?? properties.tags);

/** Whether a resource has all of the given tags. */
export function hasTags(resource: Resource, tags: unknown): boolean {
  const own = tagsOf(resource);
  return Object.entries(record(tags)).every(([key, value]) => own[key] === value);
}

/** Property that each EC2 filter compares, by the filter's name. */
export type Fields = Readonly<Record<string, (resource: Resource) => unknown>>;

/**
 * Whether a resource passes all filters. It passes a filter if it matches one of the filter's values, in which `*`
 * matches any characters.
 */
export function passes(resource: Resource, filters: unknown, fields: Fields): boolean {
  return list(filters)
    .map(record)
    .every(({ name, values }) => {
      const field = fields[text(name) ?? ""];
      if (!field) throw new CloudError(`api error InvalidParameterValue: The filter '${name}' is invalid`);
      const value = String(field(resource) ?? "");
      return list(values).some((pattern) => asPattern(String(pattern)).test(value));
    });
}

function asPattern(filter: string): RegExp {
  const parts = filter.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`);
}

/** Returns the only element. Throws with the real provider's wording if there are none or several. */
export function theOne(kind: string, found: readonly Resource[]): Resource {
  const [first, ...others] = found;
  if (!first) throw new CloudError(`no matching ${kind} found`);
  if (others.length > 0)
    throw new CloudError(`multiple ${kind}s matched; use additional constraints to reduce matches to a single ${kind}`);
  return first;
}

import type { Resource, Store } from "../../resources/store";
import { list, type Properties, record, text } from "../../resources/values";
import type { Scope } from "../shared/behaviour";
import { CloudError } from "../shared/errors";

/** The resources of a type in a function's account and region. */
export function inRegion(cloud: Store, { account, region }: Scope, type: string): Resource[] {
  return cloud.list(type).filter(({ scope }) => scope === `${account}/${region}`);
}

export const tagsOf = ({ properties }: Resource): Properties => record(properties.tagsAll ?? properties.tags);

/** Whether a resource has all of some tags. */
export function hasTags(resource: Resource, tags: unknown): boolean {
  const own = tagsOf(resource);
  return Object.entries(record(tags)).every(([key, value]) => own[key] === value);
}

/** What a filter of EC2 looks at, by its name. */
export type Fields = Readonly<Record<string, (resource: Resource) => unknown>>;

/** Whether a resource passes all filters, each by one of its values, in which `*` stands for anything. */
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

/** The one that is there, or the real provider's words for none and for many. */
export function theOne(kind: string, found: readonly Resource[]): Resource {
  const [first, ...others] = found;
  if (!first) throw new CloudError(`no matching ${kind} found`);
  if (others.length > 0)
    throw new CloudError(`multiple ${kind}s matched; use additional constraints to reduce matches to a single ${kind}`);
  return first;
}

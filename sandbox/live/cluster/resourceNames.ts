import type { CloudResource } from "../../cloud/client";

/** The kind of a Kubernetes object by its type token. */
export const kind = (type: string): string => type.split(":")[2] ?? "";

/** The stack a resource was made by: for those of a region, the region. */
export const stackOf = ({ urn }: CloudResource): string => /^urn:pulumi:([^:]+)::/.exec(urn)?.[1] ?? "";

import type { CloudResource } from "../../cloud/client";

/** Returns the kind of a Kubernetes object from its type token. */
export const kind = (type: string): string => type.split(":")[2] ?? "";

/** Returns the name of the stack that owns a resource. The stack of a region has the region's name. */
export const stackOf = ({ urn }: CloudResource): string => /^urn:pulumi:([^:]+)::/.exec(urn)?.[1] ?? "";

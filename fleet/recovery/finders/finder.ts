import type { InvokeOptions } from "@pulumi/pulumi";
import type { Inputs } from "../begun";

/**
 * Returns the ids of existing cloud resources that match these inputs. Empty if none matches.
 *
 * @throws if the cloud cannot answer, or the inputs are insufficient
 */
export type Finder = (inputs: Inputs, options: InvokeOptions) => Promise<readonly string[]>;

export type Finders = Readonly<Record<string, Finder>>;

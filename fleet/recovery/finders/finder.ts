import type { InvokeOptions } from "@pulumi/pulumi";
import type { Inputs } from "../begun";

/**
 * The ids of what the cloud has that could be the resource with these inputs; none where it has nothing like it.
 *
 * @throws where the cloud cannot say, or the inputs do not say enough to tell
 */
export type Finder = (inputs: Inputs, options: InvokeOptions) => Promise<readonly string[]>;

export type Finders = Readonly<Record<string, Finder>>;

import type * as pulumi from "@pulumi/pulumi";
import { type Recorded, record } from "../library/testing";

export { RANDOM_BASE64, RANDOM_LETTERS, type Recorded, record } from "../library/testing";

/** Returns the message that `build` throws before it registers anything, or undefined if `build` does not throw. */
export async function refusal(build: () => unknown): Promise<string | undefined> {
  let message: string | undefined;
  const resources = await record(() => {
    try {
      build();
    } catch (error) {
      message = error instanceof Error ? error.message : String(error);
    }
  });
  if (message !== undefined && resources.length > 0) throw new Error(`refused only after ${resources[0]?.name}`);
  return message;
}

/** Waits for the value of an output, so that a test can check what a component exposes. */
export function settled<T>(output: pulumi.Output<T>): Promise<T> {
  return new Promise((resolve) => output.apply(resolve));
}

/** Returns the only resource of a type, and of this name if given. Throws unless there is exactly one. */
export function only(resources: Recorded[], type: string, name?: string): Recorded {
  const found = resources.filter(
    (resource) => resource.type === type && (name === undefined || resource.name === name),
  );
  const [first] = found;
  if (!first || found.length > 1) throw new Error(`expected one ${type} ${name ?? ""}, found ${found.length}`);
  return first;
}

/** Matches AWS resources that belong to no region. All others must have a region. */
const GLOBAL_AWS = /^aws:(iam|pulumi)\/|^pulumi:providers:/;

/** Fails unless every regional AWS resource has one of these regions in its own `region`. */
export function expectRegions(resources: Recorded[], allowed: string[]): void {
  const regional = resources.filter(({ type }) => type.startsWith("aws:") && !GLOBAL_AWS.test(type));
  const strays = regional
    .filter(({ inputs }) => !allowed.includes(inputs.region))
    .map(({ type, name, inputs }) => `${type} ${name}: ${inputs.region}`);
  expect(strays).toEqual([]);
}

/** Key with which the SDK marks a secret for the engine. */
const SECRET_MARK = "4dabf18193072939515e22adb298388d";

/** Returns inputs with secrets in clear text, as the target API receives them. */
export const inClear = (inputs: object): unknown =>
  JSON.parse(
    JSON.stringify(inputs, (_, value) =>
      value !== null && typeof value === "object" && SECRET_MARK in value ? value.value : value,
    ),
  );

/** Returns all inputs as readable in the state, with secrets replaced. */
export function openText(resources: Recorded[]): string {
  return JSON.stringify(resources, (_, value) =>
    value !== null && typeof value === "object" && SECRET_MARK in value ? "[secret]" : value,
  );
}

import * as pulumi from "@pulumi/pulumi";

/** One resource a program registered, with its inputs as plain values (unknown ones absent). */
export interface Recorded {
  readonly type: string;
  readonly name: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into any shape
  readonly inputs: Record<string, any>;
}

type Answer = (args: Record<string, unknown>) => Record<string, unknown>;

const ACCOUNT = "123456789012";

/** Answers of the invokes our programs use. Whatever is not listed is an error: a mock that guesses hides a fault. */
const INVOKES: Record<string, Answer> = {
  "aws:index/getCallerIdentity:getCallerIdentity": () => ({
    accountId: ACCOUNT,
    arn: `arn:aws:iam::${ACCOUNT}:root`,
    id: ACCOUNT,
    userId: ACCOUNT,
  }),
  "aws:index/getPartition:getPartition": () => ({
    partition: "aws",
    dnsSuffix: "amazonaws.com",
    id: "aws",
    reverseDnsPrefix: "com.amazonaws",
  }),
  "aws:index/getAvailabilityZones:getAvailabilityZones": ({ region }) => ({
    id: region,
    names: ["a", "b", "c", "d"].map((zone) => `${region}${zone}`),
    zoneIds: [],
  }),
  "cloudflare:index/getZone:getZone": () => ({ id: "zone", zoneId: "023e105f4ecef8ad9ca31a8372d0c353" }),
  "cloudflare:index/getIpRanges:getIpRanges": () => ({
    id: "ips",
    ipv4Cidrs: ["173.245.48.0/20", "103.21.244.0/22"],
    ipv6Cidrs: [],
  }),
};

/** Attributes a resource gains by being made, beside its inputs, `id` and `arn`. Keyed by type token. */
const ATTRIBUTES: Record<string, Answer> = {
  "aws:kms/key:Key": () => ({ keyId: "1234abcd-12ab-34cd-56ef-1234567890ab" }),
};

/**
 * Runs `build` against mocks and gives back all it registered, in order.
 *
 * @param build makes the components under test; what it returns is ignored
 * @param options `preview` makes outputs of new resources unknown, as a first preview does
 */
export async function record(build: () => unknown, options: { preview?: boolean } = {}): Promise<Recorded[]> {
  const recorded: Recorded[] = [];
  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs, custom, id }) => {
        recorded.push({ type, name, inputs });
        if (!custom) return { id: undefined, state: inputs };
        const [service = "", kind = ""] = type.split(":")[1]?.split("/") ?? [];
        const arn = `arn:aws:${service}:${inputs.region ?? ""}:${ACCOUNT}:${kind}/${name}`;
        const own = type.startsWith("aws:") ? { arn } : {};
        return { id: id || `${name}-id`, state: { ...own, ...inputs, ...ATTRIBUTES[type]?.(inputs) } };
      },
      call: ({ token, inputs }) => {
        const answer = INVOKES[token];
        if (!answer) throw new Error(`the mocks do not know the invoke ${token}`);
        return answer(inputs);
      },
    },
    "langflow-dr",
    "test",
    options.preview ?? false,
    "organization",
  );
  await pulumi.runtime.runInPulumiStack(async () => {
    await build();
  });
  await pulumi.runtime.disconnect();
  return recorded.filter(({ type }) => type !== "pulumi:pulumi:Stack");
}

/** The value of an output, awaited; for asserting on what a component exposes. */
export function settled<T>(output: pulumi.Output<T>): Promise<T> {
  return new Promise((resolve) => output.apply(resolve));
}

/** The one resource of a type (and name, where several exist); fails the test where it is not exactly one. */
export function only(resources: Recorded[], type: string, name?: string): Recorded {
  const found = resources.filter(
    (resource) => resource.type === type && (name === undefined || resource.name === name),
  );
  const [first] = found;
  if (!first || found.length > 1) throw new Error(`expected one ${type} ${name ?? ""}, found ${found.length}`);
  return first;
}

/** Resources of AWS that live in no region. Every other one must name its region. */
const GLOBAL_AWS = /^aws:(iam|pulumi)\/|^pulumi:providers:/;

/** Fails unless every regional AWS resource names a region through its own `region`. */
export function expectRegions(resources: Recorded[], allowed: string[]): void {
  const regional = resources.filter(({ type }) => type.startsWith("aws:") && !GLOBAL_AWS.test(type));
  const strays = regional
    .filter(({ inputs }) => !allowed.includes(inputs.region))
    .map(({ type, name, inputs }) => `${type} ${name}: ${inputs.region}`);
  expect(strays).toEqual([]);
}

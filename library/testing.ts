/**
 * Entry point `langflow-dr/testing`: runs programs without an engine and a cloud, and returns the resources that they
 * register.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { parse } from "yaml";
import { PROJECT } from "../model/names";
import type { FleetProgram } from "../stacks/defineFleet";

/** A resource that a program registered, with its inputs as plain values. Unknown inputs are absent. */
export interface Recorded {
  readonly type: string;
  readonly name: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test reads fields of any shape
  readonly inputs: Record<string, any>;
}

type Answer = (args: Record<string, unknown>) => Record<string, unknown>;

const ACCOUNT = "123456789012";

/** Values that the mocked `random` generates: Base64 with both characters that URLs cannot contain, and one letter. */
export const RANDOM_BASE64 = "+/+/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxw=";
export const RANDOM_LETTERS = "Q";

/**
 * Answers of the invokes that our programs use. Any other is an error, because a guessed answer would hide mistakes.
 */
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

/** Attributes that a new resource has in addition to its inputs, `id` and `arn`, by type token. */
const ATTRIBUTES: Record<string, Answer> = {
  "kubernetes:core/v1:Service": ({ spec }) =>
    (spec as { type?: string }).type === "LoadBalancer"
      ? { status: { loadBalancer: { ingress: [{ hostname: "k8s-langflow.elb.us-east-1.amazonaws.com" }] } } }
      : {},
  "aws:ec2/eip:Eip": () => ({ allocationId: "eipalloc-0123456789abcdef0", publicIp: "203.0.113.7" }),
  "aws:eks/cluster:Cluster": ({ region, vpcConfig }) => ({
    endpoint: `https://0123456789ABCDEF0123456789ABCDEF.gr7.${region}.eks.amazonaws.com`,
    certificateAuthority: { data: "Y2VydGlmaWNhdGU=" },
    vpcConfig: { ...(vpcConfig as object), clusterSecurityGroupId: "sg-0123456789abcdef0" },
  }),
  "aws:rds/instance:Instance": ({ region, identifier }) => ({
    address: `${identifier}.c9akciq32.${region}.rds.amazonaws.com`,
  }),
  "random:index/randomId:RandomId": () => ({ hex: "5ca1ab1e" }),
  "aws:kms/key:Key": () => ({ keyId: "1234abcd-12ab-34cd-56ef-1234567890ab" }),
  "aws:ecr/repository:Repository": ({ region, name }) => ({
    registryId: ACCOUNT,
    repositoryUrl: `${ACCOUNT}.dkr.ecr.${region}.amazonaws.com/${name}`,
  }),
  "aws:s3/bucket:Bucket": ({ bucket }) => ({ arn: `arn:aws:s3:::${bucket}` }),
  "aws:secretsmanager/secret:Secret": ({ region, name, namePrefix }) => ({
    arn: `arn:aws:secretsmanager:${region}:${ACCOUNT}:secret:${name ?? `${namePrefix}20260101000000000000000001`}-AbCdEf`,
  }),
  "aws:acm/certificate:Certificate": ({ domainName }) => ({
    domainValidationOptions: [
      {
        domainName,
        resourceRecordName: `_3639ac514e785e898d2646601fa951d5.${domainName}.`,
        resourceRecordType: "CNAME",
        resourceRecordValue: "_98d2646601fa951d53639ac514e785e8.acm-validations.aws.",
      },
    ],
  }),
  "random:index/randomBytes:RandomBytes": () => ({ base64: RANDOM_BASE64 }),
  "random:index/randomPassword:RandomPassword": ({ length }) => ({ result: RANDOM_LETTERS.repeat(Number(length)) }),
};

/** Number of stack frames kept while a program runs: only the line that threw. */
const FRAMES = 1;
const unmapped = (error: Error, frames: readonly NodeJS.CallSite[]): string =>
  [error, ...frames.slice(0, FRAMES)].join("\n    at ");

export interface RecordOptions {
  /** Name of the stack. Default: test. */
  readonly stack?: string;
  /** Whether outputs of new resources are unknown, as in a first preview. Default: false. */
  readonly preview?: boolean;
  /** Outputs of other stacks by name. A reference to any other stack fails, as in the engine. */
  readonly stacks?: Record<string, Record<string, unknown>>;
}

/**
 * Runs `build` against mocks and returns all registered resources, in order.
 *
 * @param build creates the components under test; its return value is ignored
 */
export async function record(build: () => unknown, options: RecordOptions = {}): Promise<Recorded[]> {
  const recorded: Recorded[] = [];
  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs, custom, id }) => {
        recorded.push({ type, name, inputs });
        if (!custom) return { id: undefined, state: inputs };
        if (type === "pulumi:pulumi:StackReference") {
          const outputs = options.stacks?.[String(inputs.name).split("/").at(-1) ?? ""];
          if (!outputs) throw new Error(`unknown stack ${inputs.name}`);
          return { id: inputs.name, state: { ...inputs, outputs, secretOutputNames: [] } };
        }
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
    PROJECT,
    options.stack ?? "test",
    options.preview ?? false,
    "organization",
  );
  // Pulumi keeps a stack trace per promise, and Jest source-maps each of its lines: half of a test's time.
  const { stackTraceLimit, prepareStackTrace } = Error;
  Object.assign(Error, { stackTraceLimit: FRAMES, prepareStackTrace: unmapped });
  try {
    await pulumi.runtime.runInPulumiStack(async () => {
      await build();
    });
    await pulumi.runtime.disconnect();
  } finally {
    Object.assign(Error, { stackTraceLimit, prepareStackTrace });
  }
  return recorded.filter(({ type }) => type !== "pulumi:pulumi:Stack");
}

/**
 * Previews one stack of a fleet against mocks, with the configuration in a folder and no other stack deployed. Returns
 * the resources that the program registers, in order.
 *
 * @param program result of `defineFleet`
 * @param directory folder of Pulumi.yaml and the stack files
 * @param stack foundation, a region or edge
 * @throws the program's own error
 */
export async function recordStack(program: FleetProgram, directory: string, stack: string): Promise<Recorded[]> {
  const read = (file: string) => parse(readFileSync(join(directory, file), "utf8"))?.config ?? {};
  const project = Object.entries<{ value?: unknown }>(read("Pulumi.yaml"));
  const shared = Object.fromEntries(project.map(([key, raw]) => [key, raw?.value ?? raw]));
  const values = Object.entries({ ...shared, ...read(`Pulumi.${stack}.yaml`) });
  pulumi.runtime.setAllConfig(
    Object.fromEntries(values.map(([key, value]) => [key, typeof value === "string" ? value : JSON.stringify(value)])),
  );
  const regions = (shared[`${PROJECT}:regions`] ?? []) as readonly { readonly name: string }[];
  const all = ["foundation", ...regions.map(({ name }) => name), "edge"];
  const undeployed = new Set(all.filter((name) => name !== stack));
  // Pulumi would end the process if the program itself failed.
  let failure: { readonly error: unknown } | undefined;
  const build = async () => {
    await program(undeployed).catch((error: unknown) => {
      failure = { error };
    });
  };
  const recorded = await record(build, { stack, preview: true });
  if (failure) throw failure.error;
  return recorded;
}

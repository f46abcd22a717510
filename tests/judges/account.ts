import { runSimulation, type Simulation } from "@cloud-copilot/iam-simulate";
import type { Identity, Rendered } from "./rendered";

/** AWS account of the local cloud. */
export const ACCOUNT = "123456789012";

/** An API call to simulate: caller, action, resource and request context. */
export interface Call {
  /**
   * Name of one of our roles, name of a service, or ARN of an outside principal with full rights in its own account.
   */
  readonly who: string;
  readonly action: string;
  /** An ARN, or * for actions without resource-level permissions. */
  readonly resource: string;
  /** Account that owns the resource, if its ARN does not contain an account and the account is not ours. */
  readonly owner?: string;
  readonly context?: Readonly<Record<string, string | readonly string[]>>;
  /** Stack and name of the VPC endpoint that the call passes through. */
  readonly through?: string;
}

export type Verdict = "allow" | "deny";

// biome-ignore lint/suspicious/noExplicitAny: policies are read, not typed
type Document = any;

/** Default policy that KMS assigns to a key created without one. Applies to keys outside our stacks. */
const DEFAULT_KEY_POLICY: Document = {
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` }, Action: "kms:*", Resource: "*" }],
};

/**
 * Context keys that AWS supports but the engine does not: keys with a free part after a second colon, and claims of
 * GitHub's tokens. They are replaced with principal tags, both in policies and in calls.
 */
const UNKNOWN_TO_THE_ENGINE = /"(kms:EncryptionContext:[^"]+|token\.actions\.githubusercontent\.com:\w+)":/g;

function translated(question: Simulation): string {
  return JSON.stringify(question).replace(
    UNKNOWN_TO_THE_ENGINE,
    (_, key: string) => `"aws:PrincipalTag/${key.replace(/[:.]/g, "-")}":`,
  );
}

/** Cached verdicts by question, because breaking one policy leaves most answers unchanged. */
const answers = new Map<string, Promise<Verdict>>();

/** @throws Error if the engine rejects the call, because AWS does not know the action, resource or context key */
async function answer(question: string): Promise<Verdict> {
  const simulation: Simulation = JSON.parse(question);
  const result = await runSimulation(simulation, {});
  const { principal, action, resource } = simulation.request;
  const said = `${principal} ${action} ${resource.resource}`;
  if (result.resultType === "error") throw new Error(`${said}: ${JSON.stringify(result.errors)}`);
  const ignored = result.resultType === "single" ? (result.result.ignoredContextKeys ?? []) : [];
  const unknown = ignored.filter((key) => !(key in USUAL));
  if (unknown.length > 0) throw new Error(`${said}: AWS has no ${unknown.join(", ")} for it`);
  return result.overallResult === "Allowed" ? "allow" : "deny";
}

/** Default context values of every call. */
const USUAL = { "aws:SecureTransport": "true", "s3:TlsVersion": "1.3" };

/** Policy of callers from other accounts, which have full rights there. */
const ALL: Document = { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "*", Resource: "*" }] };

/**
 * The rendered account as IAM evaluates it: roles with their inline policies, managed policies and boundary, and the
 * resource policies of buckets, keys, file systems, roles and endpoints.
 */
export class Account {
  /** @param managed documents of the AWS managed policies, by ARN */
  constructor(
    private readonly resources: readonly Rendered[],
    private readonly identities: readonly Identity[],
    private readonly managed: Readonly<Record<string, Document>>,
  ) {}

  /** Returns the ARN that the local cloud assigned to a resource. */
  arn(stack: string, type: string, name: string): string {
    const resource = this.resources.find((each) => each.stack === stack && each.type === type && each.name === name);
    const arn = resource && this.arnOf(resource);
    if (!arn) throw new Error(`no ARN of ${stack} ${type} ${name}`);
    return arn;
  }

  private arnOf(resource: Rendered): string | undefined {
    return this.identities.find(({ urn }) => urn === resource.urn)?.arn;
  }

  /** Returns IAM's verdict on a call. */
  decide(call: Call): Promise<Verdict> {
    const question = translated(this.question(call));
    const known = answers.get(question) ?? answer(question);
    answers.set(question, known);
    return known;
  }

  private question({ who, action, resource, owner, context, through }: Call): Simulation {
    const role = this.role(who);
    const principal = role ? `arn:aws:iam::${ACCOUNT}:role/${who}` : who;
    const account = principal.split(":")[4];
    const own = this.resourcePolicy(resource, action);
    const boundary = role?.inputs.permissionsBoundary;
    const awsRegion = resource.split(":")[3];
    return {
      request: {
        principal,
        action,
        resource: { resource, accountId: owner ?? (resource.split(":")[4] || ACCOUNT) },
        contextVariables: {
          ...USUAL,
          ...(account && { "aws:PrincipalAccount": account }),
          ...(awsRegion && { "aws:RequestedRegion": awsRegion }),
          ...context,
        } as Record<string, string | string[]>,
      },
      identityPolicies: this.identityPolicies(who, account),
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      ...(own && { resourcePolicy: own }),
      ...(boundary && { permissionBoundaryPolicies: [{ name: boundary, policy: this.managedPolicy(boundary) }] }),
      ...(through && { vpcEndpointPolicies: [{ name: through, policy: this.endpointPolicy(through) }] }),
    };
  }

  /** Names of all roles. */
  get roles(): string[] {
    return this.resources.filter(({ type }) => type === "aws:iam/role:Role").map(({ inputs }) => inputs.name);
  }

  private role(name: string): Rendered | undefined {
    return this.resources.find(({ type, inputs }) => type === "aws:iam/role:Role" && inputs.name === name);
  }

  private identityPolicies(role: string, account: string | undefined): { name: string; policy: Document }[] {
    if (account !== undefined && account !== ACCOUNT) return [{ name: "all", policy: ALL }];
    return this.resources.flatMap(({ type, inputs }) => {
      if (inputs.role !== role) return [];
      if (type === "aws:iam/rolePolicy:RolePolicy") return [{ name: inputs.name, policy: JSON.parse(inputs.policy) }];
      if (type !== "aws:iam/rolePolicyAttachment:RolePolicyAttachment") return [];
      return [{ name: inputs.policyArn, policy: this.managedPolicy(inputs.policyArn) }];
    });
  }

  private managedPolicy(arn: string): Document {
    const own = this.resources.find((each) => each.type === "aws:iam/policy:Policy" && this.arnOf(each) === arn);
    const document = own ? JSON.parse(own.inputs.policy) : this.managed[arn];
    if (!document) throw new Error(`no document of ${arn}`);
    return document;
  }

  private endpointPolicy(who: string): Document {
    const found = this.resources.find(
      (each) => `${each.stack} ${each.name}` === who && each.type.endsWith(":VpcEndpoint"),
    );
    return JSON.parse(found?.inputs.policy ?? "null") ?? fail(`no endpoint ${who}`);
  }

  /** Returns the resource-based policy of a resource, if it has one. */
  private resourcePolicy(resource: string, action: string): Document | undefined {
    const [, , service, , , ...rest] = resource.split(":");
    const text = (type: string, key: string, matches: (each: Rendered) => boolean): Document | undefined => {
      const found = this.resources.find((each) => each.type === type && matches(each));
      return found && JSON.parse(found.inputs[key]);
    };
    if (service === "s3") {
      const bucket = rest.join(":").split("/")[0];
      return text("aws:s3/bucketPolicy:BucketPolicy", "policy", ({ inputs }) => inputs.bucket === bucket);
    }
    if (service === "kms")
      return text("aws:kms/key:Key", "policy", (each) => this.arnOf(each) === resource) ?? DEFAULT_KEY_POLICY;
    if (service === "sts" || action.startsWith("sts:"))
      return text("aws:iam/role:Role", "assumeRolePolicy", ({ inputs }) => resource.endsWith(`role/${inputs.name}`));
    if (service === "elasticfilesystem")
      return text("aws:efs/fileSystemPolicy:FileSystemPolicy", "policy", ({ inputs }) =>
        resource.endsWith(`/${inputs.fileSystemId}`),
      );
    return undefined;
  }
}

function fail(message: string): never {
  throw new Error(message);
}

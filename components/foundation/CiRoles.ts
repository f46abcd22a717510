import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { typeToken } from "../../model/names";
import {
  CI_ROLE_PREFIX,
  type CiPolicyArgs,
  deployIdentityPolicy,
  deployPolicy,
  driftPolicy,
  imagePolicy,
  previewPolicy,
} from "../../model/policies/ci";
import { type CiPurpose, ciTrust, GITHUB_ISSUER } from "../../model/policies/ciTrust";
import { policyText, type Statement } from "../../model/policies/document";

export interface CiRolesArgs {
  /** GitHub repository whose workflows assume the roles, as `owner/name`. */
  repository: string;
  /** ARN of the account's existing OIDC provider for GitHub. Default: none, and this component creates one. */
  oidcProviderArn?: pulumi.Input<string>;
  accountId: pulumi.Input<string>;
  partition: pulumi.Input<string>;
  /** AWS regions of the fleet; the roles have no permissions in other regions. */
  awsRegions: string[];
  /** The AWS region of the witness, whose settings a deployment may change. Default: no witness. */
  witnessAwsRegion?: string | undefined;
  /** Image repositories that every region's registry has. */
  repositories: string[];
}

/**
 * Maximum session duration of each role, in seconds. IAM's default of one hour is too short for the creation of a
 * region's cluster and database, and for building an image under emulation and replicating it to every region.
 */
const SESSION_SECONDS: Record<CiPurpose, number> = { deploy: 7200, preview: 3600, drift: 3600, image: 7200 };

/** Inline policies of each role, by name. */
const POLICIES: Record<CiPurpose, Record<string, (args: CiPolicyArgs) => Statement[]>> = {
  deploy: { infrastructure: deployPolicy, identity: deployIdentityPolicy },
  preview: { read: previewPolicy },
  drift: { read: driftPolicy },
  image: { push: imagePolicy },
};

/**
 * IAM roles for the repository's GitHub workflows. The jobs assume them with their OIDC tokens, so that GitHub stores
 * no AWS key: `deploy` for the main branch in the environment `production`, `preview` for pull requests, `drift` for
 * scheduled runs on the main branch, `image` for images that the main branch builds. An administrator creates and
 * changes the roles; a deployment cannot. The cluster's access entries define the roles' permissions inside a cluster.
 */
export class CiRoles extends pulumi.ComponentResource {
  readonly deployRoleArn: pulumi.Output<string>;
  readonly previewRoleArn: pulumi.Output<string>;
  readonly driftRoleArn: pulumi.Output<string>;
  readonly imageRoleArn: pulumi.Output<string>;

  constructor(name: string, args: CiRolesArgs, opts?: pulumi.ComponentResourceOptions) {
    super(typeToken("CiRoles"), name, args, opts);

    const oidcProviderArn = pulumi.output(args.oidcProviderArn ?? this.oidcProvider());
    this.deployRoleArn = this.role("deploy", oidcProviderArn, args);
    this.previewRoleArn = this.role("preview", oidcProviderArn, args);
    this.driftRoleArn = this.role("drift", oidcProviderArn, args);
    this.imageRoleArn = this.role("image", oidcProviderArn, args);

    const { deployRoleArn, previewRoleArn, driftRoleArn, imageRoleArn } = this;
    this.registerOutputs({ deployRoleArn, previewRoleArn, driftRoleArn, imageRoleArn });
  }

  /**
   * Creates the OIDC provider without thumbprints: for GitHub, AWS verifies the certificate against its own list of
   * authorities.
   */
  private oidcProvider(): pulumi.Output<string> {
    return new aws.iam.OpenIdConnectProvider(
      "github",
      { url: `https://${GITHUB_ISSUER}`, clientIdLists: ["sts.amazonaws.com"], tags: { Name: GITHUB_ISSUER } },
      { parent: this },
    ).arn;
  }

  private role(
    purpose: CiPurpose,
    oidcProviderArn: pulumi.Output<string>,
    { repository, accountId, partition, awsRegions, witnessAwsRegion, repositories }: CiRolesArgs,
  ): pulumi.Output<string> {
    const roleName = `${CI_ROLE_PREFIX}${purpose}`;
    const role = new aws.iam.Role(
      purpose,
      {
        name: roleName,
        description: `GitHub workflows of ${repository}: ${purpose}`,
        assumeRolePolicy: oidcProviderArn.apply((arn) => policyText(ciTrust(purpose, repository, arn))),
        maxSessionDuration: SESSION_SECONDS[purpose],
        tags: { Name: roleName },
      },
      { parent: this },
    );
    for (const [policyName, statements] of Object.entries(POLICIES[purpose]))
      new aws.iam.RolePolicy(
        `${purpose}-${policyName}`,
        {
          name: policyName,
          role: role.name,
          policy: pulumi
            .all([accountId, partition])
            .apply(([account, part]) =>
              policyText(
                statements({ accountId: account, partition: part, awsRegions, witnessAwsRegion, repositories }),
              ),
            ),
        },
        { parent: this },
      );
    return role.arn;
  }
}

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
  /** `owner/name` of the GitHub repository whose workflows take the roles. */
  repository: string;
  /** The account's OIDC provider for GitHub, where it has one. Default: one is made. */
  oidcProviderArn?: pulumi.Input<string>;
  accountId: pulumi.Input<string>;
  partition: pulumi.Input<string>;
  /** AWS regions of the fleet: the roles work in no other. */
  awsRegions: string[];
  /** That of the witness, whose settings a deploy may make. Default: there is no witness. */
  witnessAwsRegion?: string | undefined;
  /** Image repositories that every region's registry has. */
  repositories: string[];
}

/**
 * Seconds a role can be taken for: one hour is IAM's own default. A new region's cluster and database take longer, and so
 * may an image for a processor that is emulated, with its copies on their way to every region.
 */
const SESSION_SECONDS: Record<CiPurpose, number> = { deploy: 7200, preview: 3600, drift: 3600, image: 7200 };

/** The inline policies of each role, by name. */
const POLICIES: Record<CiPurpose, Record<string, (args: CiPolicyArgs) => Statement[]>> = {
  deploy: { infrastructure: deployPolicy, identity: deployIdentityPolicy },
  preview: { read: previewPolicy },
  drift: { read: driftPolicy },
  image: { push: imagePolicy },
};

/**
 * Roles of the repository's GitHub workflows, taken with the job's own token, so that no key of the account is kept
 * at GitHub: `deploy` for the main branch in the environment `production`, `preview` for pull requests, `drift` for
 * the main branch's schedule, `image` for what the main branch builds. A person makes and changes them; a deploy may
 * not. What a role may do inside a cluster is said by the cluster's access entries.
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

  /** Without thumbprints: for GitHub AWS checks the certificate against its own list of authorities. */
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

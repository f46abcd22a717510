import type { Statement } from "./document";

/** Issuer of the OIDC tokens that GitHub gives to workflow jobs. */
export const GITHUB_ISSUER = "token.actions.githubusercontent.com";

/** Branch that deployments, drift checks and image builds use. */
export const BRANCH = "main";
export const BRANCH_REF = `refs/heads/${BRANCH}`;
/** GitHub environment of deployment jobs; its approvers are configured at GitHub. */
export const ENVIRONMENT = "production";

/** Purpose of a CI role. */
export type CiPurpose = "deploy" | "preview" | "drift" | "image";

/** For each purpose, the end of the token's subject and further required claims. */
const JOBS: Record<CiPurpose, { subject: string; claims: Record<string, string> }> = {
  // Requires the branch too, because a job of any branch may use an unprotected environment.
  deploy: { subject: `environment:${ENVIRONMENT}`, claims: { environment: ENVIRONMENT, ref: BRANCH_REF } },
  preview: { subject: "pull_request", claims: {} },
  drift: { subject: `ref:${BRANCH_REF}`, claims: { ref: BRANCH_REF } },
  image: { subject: `ref:${BRANCH_REF}`, claims: { ref: BRANCH_REF } },
};

/**
 * Returns the trust policy of a CI role: only jobs of one repository may assume it, matched by the exact `repository`
 * claim (AWS STS supports GitHub's `repository`, `ref` and `environment` claims since January 2026). The subject alone
 * cannot be matched exactly: repositories created since June 2026 contain ids in it (`repo:owner-1/name-2:…`), older
 * repositories do not.
 *
 * @param repository owner/name
 */
export function ciTrust(purpose: CiPurpose, repository: string, oidcProviderArn: string): Statement[] {
  const { subject, claims } = JOBS[purpose];
  const exact = Object.entries({ aud: "sts.amazonaws.com", repository, ...claims });
  return [
    {
      Sid: "GitHubJobs",
      Effect: "Allow",
      Principal: { Federated: oidcProviderArn },
      Action: "sts:AssumeRoleWithWebIdentity",
      Condition: {
        StringEquals: Object.fromEntries(exact.map(([claim, value]) => [`${GITHUB_ISSUER}:${claim}`, value])),
        StringLike: { [`${GITHUB_ISSUER}:sub`]: `repo:${repository.replace("/", "*/")}*:${subject}` },
      },
    },
  ];
}

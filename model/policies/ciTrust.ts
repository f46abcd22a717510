import type { Statement } from "./document";

/** Issuer of the tokens GitHub gives to the jobs of a workflow. */
export const GITHUB_ISSUER = "token.actions.githubusercontent.com";

/** Branch that deploys, that drift is checked on, and that images are built from. */
export const BRANCH = "main";
export const BRANCH_REF = `refs/heads/${BRANCH}`;
/** GitHub environment a deploying job names; who may approve it is configured there. */
export const ENVIRONMENT = "production";

/** Jobs a role is for. */
export type CiPurpose = "deploy" | "preview" | "drift" | "image";

/** End of the token's subject, and further claims that must hold, a purpose. */
const JOBS: Record<CiPurpose, { subject: string; claims: Record<string, string> }> = {
  // The branch too, because a job of any branch may name an environment that nobody protected.
  deploy: { subject: `environment:${ENVIRONMENT}`, claims: { environment: ENVIRONMENT, ref: BRANCH_REF } },
  preview: { subject: "pull_request", claims: {} },
  drift: { subject: `ref:${BRANCH_REF}`, claims: { ref: BRANCH_REF } },
  image: { subject: `ref:${BRANCH_REF}`, claims: { ref: BRANCH_REF } },
};

/**
 * Who may take a CI role: jobs of one repository, by their exact `repository` claim (AWS STS reads GitHub's
 * `repository`, `ref` and `environment` claims since January 2026). The subject alone cannot be exact: repositories
 * made since June 2026 carry ids in it (`repo:owner-1/name-2:…`), older ones do not.
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

import { POLICY_VERSION } from "../iam";

/** A statement of an IAM policy, in IAM's own terms. */
export interface Statement {
  readonly Sid: string;
  readonly Effect: "Allow" | "Deny";
  readonly Principal?: "*" | Readonly<Record<string, string | readonly string[]>>;
  readonly Action: string | readonly string[];
  readonly Resource?: string | readonly string[];
  readonly NotResource?: string | readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}

/**
 * Serializes a policy as the JSON that AWS expects. Equal statements always produce equal text, so that previews show
 * no spurious differences.
 */
export function policyText(statements: readonly Statement[]): string {
  return JSON.stringify({ Version: POLICY_VERSION, Statement: statements });
}

import { POLICY_VERSION } from "../iam";

/** One statement of an IAM policy, in the policy language's own words. */
export interface Statement {
  readonly Sid: string;
  readonly Effect: "Allow" | "Deny";
  readonly Principal?: "*" | Readonly<Record<string, string | readonly string[]>>;
  readonly Action: string | readonly string[];
  readonly Resource?: string | readonly string[];
  readonly NotResource?: string | readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}

/** A policy as the JSON text AWS takes; the same statements always give the same text, so that a preview is quiet. */
export function policyText(statements: readonly Statement[]): string {
  return JSON.stringify({ Version: POLICY_VERSION, Statement: statements });
}

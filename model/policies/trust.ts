import type { Statement } from "./document";

/** An AWS service that may assume a role. */
export interface ServiceTrust {
  /** Service principal, for example eks.amazonaws.com. */
  readonly service: string;
  /** Allowed STS actions. Default: only `sts:AssumeRole`. */
  readonly actions?: readonly string[];
  /**
   * Account on whose behalf the service must act; only for services that send it (IAM user guide, the confused deputy
   * problem).
   */
  readonly sourceAccount?: string;
}

/** Returns the trust policy of a role that one AWS service assumes. */
export function serviceTrust({ service, actions = ["sts:AssumeRole"], sourceAccount }: ServiceTrust): Statement[] {
  return [
    {
      Sid: "ServiceTakesRole",
      Effect: "Allow",
      Principal: { Service: service },
      Action: actions,
      ...(sourceAccount && { Condition: { StringEquals: { "aws:SourceAccount": sourceAccount } } }),
    },
  ];
}

import type { Statement } from "./document";

/** An AWS service that takes a role. */
export interface ServiceTrust {
  /** For example eks.amazonaws.com. */
  readonly service: string;
  /** Default: `sts:AssumeRole` alone. */
  readonly actions?: readonly string[];
  /** Only on behalf of this account; for services that say for whom they act (the confused deputy, IAM user guide). */
  readonly sourceAccount?: string;
}

/** Trust of a role that one AWS service takes. */
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

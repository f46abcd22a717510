/** Version of IAM's policy language (IAM user guide, JSON policy elements). */
export const POLICY_VERSION = "2012-10-17";

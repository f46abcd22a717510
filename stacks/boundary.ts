import type * as pulumi from "@pulumi/pulumi";

/**
 * Returns a transformation that adds the permissions boundary to every role below the components that use it, so that
 * no role lacks it. The provider updates existing roles in place (terraform-provider-aws, internal/service/iam/role.go:
 * PutRolePermissionsBoundary).
 */
export function boundedBy(boundaryArn: pulumi.Input<string>): pulumi.ResourceTransformation {
  return ({ type, props, opts }) =>
    type === "aws:iam/role:Role" ? { props: { ...props, permissionsBoundary: boundaryArn }, opts } : undefined;
}

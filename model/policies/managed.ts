/** AWS managed policies of the fleet's roles, by role; each by path and name. */
export const MANAGED_POLICIES = {
  /** Source: EKS user guide, "Amazon EKS Auto Mode cluster IAM role". */
  cluster: [
    "AmazonEKSClusterPolicy",
    "AmazonEKSComputePolicy",
    "AmazonEKSBlockStoragePolicy",
    "AmazonEKSLoadBalancingPolicy",
    "AmazonEKSNetworkingPolicy",
  ],
  /**
   * Permissions to assume pod identities and to pull images. Source: EKS user guide, "Amazon EKS Auto Mode node IAM
   * role".
   */
  node: ["AmazonEKSWorkerNodeMinimalPolicy", "AmazonEC2ContainerRegistryPullOnly"],
  databaseMonitoring: ["service-role/AmazonRDSEnhancedMonitoringRole"],
} as const;

/**
 * Returns the ARN of an AWS managed policy.
 *
 * @param policy path and name of the policy
 */
export const managedPolicyArn = (partition: string, policy: string): string =>
  `arn:${partition}:iam::aws:policy/${policy}`;

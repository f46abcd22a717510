/** AWS's managed policies that the fleet's roles have, by the role, each by its path and name. */
export const MANAGED_POLICIES = {
  /** EKS user guide, "Amazon EKS Auto Mode cluster IAM role". */
  cluster: [
    "AmazonEKSClusterPolicy",
    "AmazonEKSComputePolicy",
    "AmazonEKSBlockStoragePolicy",
    "AmazonEKSLoadBalancingPolicy",
    "AmazonEKSNetworkingPolicy",
  ],
  /** EKS user guide, "Amazon EKS Auto Mode node IAM role": take a pod's identity, pull images, nothing else. */
  node: ["AmazonEKSWorkerNodeMinimalPolicy", "AmazonEC2ContainerRegistryPullOnly"],
  databaseMonitoring: ["service-role/AmazonRDSEnhancedMonitoringRole"],
} as const;

/** @param policy by its path and name */
export const managedPolicyArn = (partition: string, policy: string): string =>
  `arn:${partition}:iam::aws:policy/${policy}`;

/**
 * The components that stand on their own, for programs in any Pulumi language (docs/other-languages.md). The schema
 * is generated from what is exported here; docs/decisions/0015-package.md says why the others are not.
 */
export { EncryptionKey } from "../components/EncryptionKey";
export { FlowBucket } from "../components/FlowBucket";
export { FlowDatabase } from "../components/FlowDatabase";
export { FlowFileSystem } from "../components/FlowFileSystem";
export { FlowReplication } from "../components/FlowReplication";
export { GlobalLoadBalancer } from "../components/GlobalLoadBalancer";
export { ImageRegistry } from "../components/ImageRegistry";
export { ImageReplication } from "../components/ImageReplication";
export { RegionCluster } from "../components/RegionCluster";
export { RegionNetwork } from "../components/RegionNetwork";

/**
 * Self-contained components, for programs in any Pulumi language (docs/other-languages.md). The schema is generated
 * from
 * these exports. docs/decisions/0015-package.md explains why the other components are not exported.
 */

export { RegionCluster } from "../components/cluster/RegionCluster";
export { FlowDatabase } from "../components/data/FlowDatabase";
export { FlowFileSystem } from "../components/data/FlowFileSystem";
export { GlobalLoadBalancer } from "../components/edge/GlobalLoadBalancer";
export { EncryptionKey } from "../components/foundation/EncryptionKey";
export { FlowBucket } from "../components/foundation/FlowBucket";
export { FlowReplication } from "../components/foundation/FlowReplication";
export { ImageRegistry } from "../components/foundation/ImageRegistry";
export { ImageReplication } from "../components/foundation/ImageReplication";
export { RegionNetwork } from "../components/network/RegionNetwork";

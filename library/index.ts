/**
 * Entry point of the npm package `langflow-dr`: the program of a fleet, and its components for other Pulumi programs.
 * docs/customise.md has an example of each use.
 */

export { FlowBackup } from "../components/agent/FlowBackup";
export { FlowSync } from "../components/agent/FlowSync";
export { RegionCluster } from "../components/cluster/RegionCluster";
export { FlowDatabase } from "../components/data/FlowDatabase";
export { FlowFileSystem } from "../components/data/FlowFileSystem";
export { GlobalLoadBalancer } from "../components/edge/GlobalLoadBalancer";
export { EncryptionKey } from "../components/foundation/EncryptionKey";
export { FlowBucket } from "../components/foundation/FlowBucket";
export { FlowReplication } from "../components/foundation/FlowReplication";
export { ImageRegistry } from "../components/foundation/ImageRegistry";
export { ImageReplication } from "../components/foundation/ImageReplication";
export { LangFlowService } from "../components/langflow/LangFlowService";
export { RegionNetwork } from "../components/network/RegionNetwork";
export { defineFleet, type FleetOptions, type FleetProgram } from "../stacks/defineFleet";
export { type Override, override } from "../stacks/override";
export type { RegionParts } from "../stacks/region";

/** Sources of the figures in prices.ts. */
import { RDS } from "./pages";
import { priceList, type Source } from "./price";

export const ec2East = priceList("AmazonEC2", "20260831181331", "us-east-1");
export const ec2West = priceList("AmazonEC2", "20260925174521", "eu-west-1");
export const ec2South = priceList("AmazonEC2", "20260924165117", "ap-southeast-1");
export const vpcWest = priceList("AmazonVPC", "20260917190528", "eu-west-1");
export const vpcSouth = priceList("AmazonVPC", "20260917190528", "ap-southeast-1");
export const eks = priceList("AmazonEKS", "20260831092157", "us-east-1");
export const rdsEast = priceList("AmazonRDS", "20260831092223", "us-east-1");
export const rdsSouth = priceList("AmazonRDS", "20260924211011", "ap-southeast-1");
export const s3East = priceList("AmazonS3", "20260831092225", "us-east-1");
export const s3West = priceList("AmazonS3", "20260928230416", "eu-west-1");
export const watchEast = priceList("AmazonCloudWatch", "20260831092148", "us-east-1");
export const watchWest = priceList("AmazonCloudWatch", "20260922021715", "eu-west-1");
export const watchSouth = priceList("AmazonCloudWatch", "20260922021715", "ap-southeast-1");
export const transferEast = priceList("AWSDataTransfer", "20260831121448", "us-east-1");
export const transferWest = priceList("AWSDataTransfer", "20260916132208", "eu-west-1");
export const transferSouth = priceList("AWSDataTransfer", "20260916132208", "ap-southeast-1");
export const skypilot: Source = {
  title: "SkyPilot's catalogue of AWS' prices",
  url: "https://github.com/skypilot-org/skypilot-catalog/blob/e385a0d348eda9cefd9806423e7725944dc249e4/catalogs/v8/aws/vms.csv",
  asOf: "not dated",
};
export const karpenter: Source = {
  title: "Karpenter's table of AWS' prices",
  url: "https://github.com/aws/karpenter-provider-aws/blob/031e72b6099630e960dacb88b48a7e9bb780945f/pkg/providers/pricing/zz_generated.pricing_aws.go",
  asOf: "2026-01-19",
};
export const autoMode: Source = {
  title: "12 % of the node price, as for the instance types in AmazonEKS' list",
  url: "https://www.factualminds.com/blog/amazon-eks-pricing-control-plane-addons-auto-mode/",
  asOf: "2026-06-13",
};
export const efsGuide: Source = {
  title: "EFS prices by throughput mode",
  url: "https://www.factualminds.com/blog/amazon-efs-pricing-throughput-modes-storage-classes/",
  asOf: "2026-06-13",
};
export const oldBill: Source = {
  title: "twice the price per GB on a bill of a single-zone database",
  url: "https://gist.github.com/philmcmahon/25bc821e34dd34a2335079e2a75145d4",
  asOf: "2021-11",
};
export const smallEast: Source = {
  title: "RDS prices of the t4g family",
  url: "https://infratally.com/articles/aws-rds-pricing-explained-2026.html",
  asOf: "2026",
};
export const smallWest: Source = {
  title: "us-east-1's price, scaled like db.m7g.large; check it on AWS' page",
  url: RDS,
  asOf: "2026",
};
const multiAz = "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_OnDemandDBInstances.html";
export const doubled: Source = {
  title: "twice a db.m7g.large: same family, twice the size",
  url: multiAz,
  asOf: "2026",
};
export const halved: Source = { title: "half of Multi-AZ, which bills both zones", url: multiAz, asOf: "2026" };
/** Returns the source for a figure from a published bill or estimate. The URL is the page for checking it. */
export const bill = (page: string): Source => ({
  title: "from a published bill or estimate; check it on AWS' page",
  url: page,
  asOf: "2026",
});
/**
 * Returns a source for load balancer prices. Both types cost the same in every region for which we know both prices.
 */
export const balancers = (version: string, region: string): Source => {
  const list = priceList("AWSELB", version, region);
  return { ...list, title: `${list.title}: application load balancers, which cost the same in other regions` };
};
export const metricReads = {
  title: "Site24x7, CloudWatch metrics cost calculation",
  url: "https://support.site24x7.com/portal/en/kb/articles/aws-cloudwatch-metrics-cost-calculation",
  asOf: "not dated",
} as const;

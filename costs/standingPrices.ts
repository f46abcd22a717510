/** Fixed prices of a region's resources, independent of their use. */
import { EC2, EKS, PRIVATE_LINK, RDS, VPC } from "./pages";
import { byPlace, everywhere, type Price, priceList, quote, share } from "./price";
import {
  autoMode,
  balancers,
  bill,
  doubled,
  ec2East,
  ec2South,
  ec2West,
  eks,
  halved,
  karpenter,
  oldBill,
  rdsEast,
  rdsSouth,
  skypilot,
  smallEast,
  smallWest,
  vpcSouth,
  vpcWest,
} from "./sources";

const node = byPlace(quote(0.0765, karpenter), quote(0.08208, skypilot, "medium"), quote(0.0882, skypilot, "medium"));

const database = byPlace(
  quote(0.337, priceList("AmazonRDS", "20260729234248", "us-east-1")),
  quote(0.372, bill(RDS), "low"),
  undefined,
);
const databaseDisk = byPlace(quote(0.23, rdsEast), quote(0.254, oldBill, "low"), quote(0.276, rdsSouth));

export const STANDING = {
  cluster: { what: "EKS cluster", unit: "hour", page: EKS, quotes: everywhere(quote(0.1, eks)) },
  extendedSupport: {
    what: "EKS extended support, surcharge",
    unit: "hour",
    page: EKS,
    quotes: everywhere(quote(0.5, eks)),
  },
  node: { what: "node, c6a.large", unit: "hour", page: EC2, quotes: node },
  autoMode: { what: "EKS Auto Mode, for a c6a.large", unit: "hour", page: EKS, quotes: share(node, 0.12, autoMode) },
  nodeDisk: {
    what: "node disk, gp3",
    unit: "GB-month",
    page: "https://aws.amazon.com/ebs/pricing/",
    quotes: byPlace(
      quote(0.08, ec2East),
      quote(0.088, priceList("AmazonEC2", "20260824193147", "eu-west-1")),
      quote(0.096, ec2South),
    ),
  },
  database: {
    what: "PostgreSQL, db.m7g.large, Multi-AZ",
    unit: "hour",
    page: RDS,
    quotes: database,
  },
  databaseSmall: {
    what: "PostgreSQL, db.t4g.medium, one zone",
    unit: "hour",
    page: RDS,
    quotes: byPlace(quote(0.065, smallEast, "medium"), quote(0.072, smallWest, "low"), undefined),
  },
  databaseLarge: {
    what: "PostgreSQL, db.m7g.xlarge, Multi-AZ",
    unit: "hour",
    page: RDS,
    quotes: share(database, 2, doubled),
  },
  databaseDisk: {
    what: "database disk, gp3, Multi-AZ",
    unit: "GB-month",
    page: RDS,
    quotes: databaseDisk,
  },
  databaseDiskSmall: {
    what: "database disk, gp3, one zone",
    unit: "GB-month",
    page: RDS,
    quotes: share(databaseDisk, 0.5, halved),
  },
  nat: {
    what: "NAT gateway",
    unit: "hour",
    page: VPC,
    quotes: byPlace(quote(0.045, ec2East), quote(0.048, ec2West), quote(0.059, ec2South)),
  },
  address: {
    what: "public IPv4 address",
    unit: "hour",
    page: VPC,
    quotes: byPlace(
      quote(0.005, priceList("AmazonVPC", "20260831092232", "us-east-1")),
      quote(0.005, vpcWest),
      quote(0.005, vpcSouth),
    ),
  },
  endpoint: {
    what: "interface endpoint, per zone",
    unit: "hour",
    page: PRIVATE_LINK,
    quotes: byPlace(
      quote(0.01, priceList("AmazonVPC", "20260917190528", "us-east-1")),
      quote(0.011, bill(PRIVATE_LINK), "low"),
      quote(0.013, vpcSouth),
    ),
  },
  balancer: {
    what: "network load balancer",
    unit: "hour",
    page: "https://aws.amazon.com/elasticloadbalancing/pricing/",
    quotes: byPlace(
      quote(0.0225, balancers("20260831092255", "us-east-1"), "medium"),
      quote(0.0252, bill("https://aws.amazon.com/elasticloadbalancing/pricing/"), "low"),
      quote(0.0252, balancers("20260911124544", "ap-southeast-1"), "medium"),
    ),
  },
  key: {
    what: "KMS key",
    unit: "month",
    page: "https://aws.amazon.com/kms/pricing/",
    quotes: everywhere(quote(1, priceList("awskms", "20260911124601", "ap-southeast-1"))),
  },
  secret: {
    what: "secret or replica",
    unit: "month",
    page: "https://aws.amazon.com/secrets-manager/pricing/",
    quotes: byPlace(
      quote(0.4, priceList("AWSSecretsManager", "20260831092330", "us-east-1")),
      quote(0.4, priceList("AWSSecretsManager", "20260911124610", "eu-west-1")),
      quote(0.4, priceList("AWSSecretsManager", "20260911124610", "ap-southeast-1")),
    ),
  },
} as const satisfies Record<string, Price>;

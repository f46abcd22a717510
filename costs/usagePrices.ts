/** Usage prices of a region: data transfer in and out, and storage. */
import { EC2, EFS, PRIVATE_LINK, RDS, S3, VPC, WATCH } from "./pages";
import { byPlace, everywhere, type Price, priceList, quote } from "./price";
import {
  bill,
  ec2East,
  ec2South,
  ec2West,
  efsGuide,
  metricReads,
  rdsEast,
  rdsSouth,
  s3East,
  s3West,
  transferEast,
  transferSouth,
  transferWest,
  watchEast,
  watchSouth,
  watchWest,
} from "./sources";

export const USAGE = {
  logs: {
    what: "CloudWatch logs ingested",
    unit: "GB",
    page: WATCH,
    quotes: byPlace(quote(0.5, watchEast), quote(0.57, watchWest), quote(0.7, watchSouth)),
  },
  logStore: {
    what: "CloudWatch logs stored, compressed",
    unit: "GB-month",
    page: WATCH,
    quotes: byPlace(quote(0.03, watchEast), quote(0.03, watchWest), quote(0.03, watchSouth)),
  },
  metricsAsked: {
    what: "CloudWatch metrics requested",
    unit: "1,000",
    page: WATCH,
    quotes: everywhere(quote(0.01, metricReads, "low")),
  },
  egress: {
    what: "traffic to the internet, first 10 TB",
    unit: "GB",
    page: EC2,
    quotes: byPlace(quote(0.09, transferEast), quote(0.09, transferWest), quote(0.12, transferSouth)),
  },
  interRegion: {
    what: "traffic between the fleet's regions",
    unit: "GB",
    page: EC2,
    quotes: byPlace(quote(0.02, transferEast), quote(0.02, transferWest), undefined),
  },
  natTraffic: {
    what: "traffic through NAT",
    unit: "GB",
    page: VPC,
    quotes: byPlace(quote(0.045, ec2East), quote(0.048, ec2West), quote(0.059, ec2South)),
  },
  endpointTraffic: {
    what: "traffic through interface endpoints",
    unit: "GB",
    page: PRIVATE_LINK,
    quotes: everywhere(quote(0.01, priceList("AmazonVPC", "20260917190528", "us-east-1"), "medium")),
  },
  files: {
    what: "EFS Standard",
    unit: "GB-month",
    page: EFS,
    quotes: byPlace(
      quote(0.3, { ...priceList("AmazonEFS", "current", "us-east-1"), asOf: "2026-08-31" }),
      undefined,
      quote(0.36, { ...priceList("AmazonEFS", "current", "ap-southeast-1"), asOf: "2026" }),
    ),
  },
  filesRead: { what: "EFS reads, elastic", unit: "GB", page: EFS, quotes: byPlace(quote(0.03, efsGuide, "medium")) },
  filesWritten: {
    what: "EFS writes, elastic",
    unit: "GB",
    page: EFS,
    quotes: byPlace(quote(0.06, efsGuide, "medium")),
  },
  objects: {
    what: "S3 Standard",
    unit: "GB-month",
    page: S3,
    quotes: byPlace(
      quote(0.023, s3East),
      quote(0.023, s3West),
      quote(0.025, priceList("AmazonS3", "20260918174747", "ap-southeast-1")),
    ),
  },
  replicated: {
    what: "S3 replication time control",
    unit: "GB",
    page: S3,
    quotes: byPlace(quote(0.015, s3East), quote(0.015, s3West), undefined),
  },
  images: {
    what: "ECR",
    unit: "GB-month",
    page: "https://aws.amazon.com/ecr/pricing/",
    quotes: byPlace(
      quote(0.1, { title: "ECR's price page", url: "https://aws.amazon.com/ecr/pricing/", asOf: "not dated" }),
      quote(0.1, priceList("AmazonECR", "20260911124425", "eu-west-1")),
      quote(0.1, priceList("AmazonECR", "20260911124425", "ap-southeast-1")),
    ),
  },
  backups: {
    what: "RDS backups beyond the free storage",
    unit: "GB-month",
    page: RDS,
    quotes: byPlace(quote(0.095, rdsEast), quote(0.095, bill(RDS), "low"), quote(0.095, rdsSouth)),
  },
} as const satisfies Record<string, Price>;

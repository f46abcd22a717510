/** AWS' pages with current prices. */
export const EC2 = "https://aws.amazon.com/ec2/pricing/on-demand/";
export const EFS = "https://aws.amazon.com/efs/pricing/";
export const EKS = "https://aws.amazon.com/eks/pricing/";
export const PRIVATE_LINK = "https://aws.amazon.com/privatelink/pricing/";
export const RDS = "https://aws.amazon.com/rds/postgresql/pricing/";
export const S3 = "https://aws.amazon.com/s3/pricing/";
export const VPC = "https://aws.amazon.com/vpc/pricing/";
export const WATCH = "https://aws.amazon.com/cloudwatch/pricing/";

"""Creates image registries in two regions and one public name for both."""

import pulumi
import pulumi_langflow_dr as langflow

ORIGINS = {"us-east": "us-east.origin.example.com", "eu-west": "eu-west.origin.example.com"}
AWS_REGIONS = {"us-east": "us-east-1", "eu-west": "eu-west-1"}

config = pulumi.Config()
account_id = config.require("accountId")

keys = {
    region: langflow.EncryptionKey(
        region, region=region, aws_region=aws_region, account_id=account_id, partition="aws"
    )
    for region, aws_region in AWS_REGIONS.items()
}
registries = {
    region: langflow.ImageRegistry(
        region,
        region=region,
        aws_region=aws_region,
        repositories=["langflow"],
        key_arn=keys[region].key_arn,
    )
    for region, aws_region in AWS_REGIONS.items()
}
langflow.ImageReplication(
    "us-east",
    region="us-east",
    aws_region=AWS_REGIONS["us-east"],
    destinations=[AWS_REGIONS["eu-west"]],
    repositories=["langflow"],
    account_id=account_id,
    # ECR copies only later pushes, so every repository must exist first.
    opts=pulumi.ResourceOptions(depends_on=list(registries.values())),
)

balancer = langflow.GlobalLoadBalancer(
    "edge",
    account_id=config.require("cloudflareAccountId"),
    zone="example.com",
    zone_id=config.require("zoneId"),
    hostname="langflow.example.com",
    topology=langflow.Topology.ACTIVE_ACTIVE,
    steering=langflow.Steering.PROXIMITY,
    monitor=langflow.MonitorArgs(
        interval_seconds=15,
        timeout_seconds=5,
        retries=0,
        consecutive_down=3,
        consecutive_up=2,
        check_regions=["ENAM", "WEU", "SEAS"],
    ),
    pools=[
        langflow.PoolArgs(region=region, aws_region=AWS_REGIONS[region], origin_hostname=hostname)
        for region, hostname in ORIGINS.items()
    ],
    notification_emails=["oncall@example.com"],
)

pulumi.export("registries", {region: each.registry for region, each in registries.items()})
pulumi.export("pools", balancer.pool_ids)

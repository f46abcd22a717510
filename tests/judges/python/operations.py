"""Maps each Pulumi resource to the AWS API calls that create it, and its inputs to the API's names.

By default, an input belongs to the first call that has a member of the same name, ignoring case and plural. This file
lists the exceptions: names that differ, additional calls that take an input, and inputs that belong to no call.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Call:
    """An API call: `service.Operation`, with the names in botocore's models."""

    operation: str
    # Maps an input, or input.member within it, to the API's member. `[]` is a list of one.
    names: dict = field(default_factory=dict)
    # Member that contains the inputs without a top-level member.
    under: str = ""
    # Members without an input: ids of the resource itself, and values that the provider chooses.
    given: dict = field(default_factory=dict)


# Inputs that are not part of any call, with the reason.
NOT_SENT = {
    "enableKeyRotation": "chooses whether EnableKeyRotation is called, which has no such member",
}

BUCKET = {"bucket": "Bucket"}
FILE_SYSTEM = {"FileSystemId": "fs-0123456789abcdef0"}

CALLS = {
    "aws:acm/certificate:Certificate": [Call("acm.RequestCertificate")],
    "aws:cloudwatch/logGroup:LogGroup": [
        Call("logs.CreateLogGroup", {"name": "logGroupName"}),
        Call("logs.PutRetentionPolicy", {"name": "logGroupName"}),
    ],
    "aws:cloudwatch/metricAlarm:MetricAlarm": [
        Call(
            "cloudwatch.PutMetricAlarm",
            {
                "name": "AlarmName",
                "metricQueries": "Metrics",
                "metricQueries.metric": "MetricStat",
                "metricQueries.metric.namespace": "Metric.Namespace",
                "metricQueries.metric.metricName": "Metric.MetricName",
                "metricQueries.metric.dimensions": "Metric.Dimensions",
            },
        )
    ],
    "aws:ec2/eip:Eip": [Call("ec2.AllocateAddress", {"tags": "TagSpecifications[].Tags"})],
    "aws:ec2/flowLog:FlowLog": [
        Call(
            "ec2.CreateFlowLogs",
            {
                "vpcId": "ResourceIds[]",
                "iamRoleArn": "DeliverLogsPermissionArn",
                "tags": "TagSpecifications[].Tags",
            },
            given={"ResourceType": "VPC"},
        )
    ],
    "aws:ec2/internetGateway:InternetGateway": [
        Call("ec2.CreateInternetGateway", {"tags": "TagSpecifications[].Tags"}),
        Call("ec2.AttachInternetGateway", given={"InternetGatewayId": "igw-0123456789abcdef0"}),
    ],
    "aws:ec2/natGateway:NatGateway": [Call("ec2.CreateNatGateway", {"tags": "TagSpecifications[].Tags"})],
    "aws:ec2/route:Route": [Call("ec2.CreateRoute")],
    "aws:ec2/routeTable:RouteTable": [Call("ec2.CreateRouteTable", {"tags": "TagSpecifications[].Tags"})],
    "aws:ec2/routeTableAssociation:RouteTableAssociation": [Call("ec2.AssociateRouteTable")],
    "aws:ec2/securityGroup:SecurityGroup": [
        Call("ec2.CreateSecurityGroup", {"name": "GroupName", "tags": "TagSpecifications[].Tags"})
    ],
    "aws:ec2/subnet:Subnet": [
        Call("ec2.CreateSubnet", {"tags": "TagSpecifications[].Tags"}),
        Call("ec2.ModifySubnetAttribute", given={"SubnetId": "subnet-0123456789abcdef0"}),
    ],
    "aws:ec2/vpc:Vpc": [
        Call("ec2.CreateVpc", {"tags": "TagSpecifications[].Tags"}),
        Call("ec2.ModifyVpcAttribute", given={"VpcId": "vpc-0123456789abcdef0"}),
    ],
    "aws:ec2/vpcEndpoint:VpcEndpoint": [
        Call("ec2.CreateVpcEndpoint", {"policy": "PolicyDocument", "tags": "TagSpecifications[].Tags"})
    ],
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": [
        Call("ecr.PutLifecyclePolicy", {"repository": "repositoryName", "policy": "lifecyclePolicyText"})
    ],
    "aws:ecr/replicationConfiguration:ReplicationConfiguration": [Call("ecr.PutReplicationConfiguration")],
    "aws:ecr/repository:Repository": [Call("ecr.CreateRepository", {"name": "repositoryName"})],
    "aws:efs/accessPoint:AccessPoint": [
        Call("efs.CreateAccessPoint", given={"ClientToken": "chosen-by-the-provider"})
    ],
    "aws:efs/backupPolicy:BackupPolicy": [Call("efs.PutBackupPolicy")],
    "aws:efs/fileSystem:FileSystem": [
        Call("efs.CreateFileSystem"),
        Call("efs.PutLifecycleConfiguration", given=FILE_SYSTEM),
        Call(
            "efs.UpdateFileSystemProtection",
            {"protection.replicationOverwrite": "ReplicationOverwriteProtection"},
            given=FILE_SYSTEM,
        ),
    ],
    "aws:efs/fileSystemPolicy:FileSystemPolicy": [Call("efs.PutFileSystemPolicy")],
    "aws:efs/mountTarget:MountTarget": [Call("efs.CreateMountTarget")],
    "aws:eks/accessEntry:AccessEntry": [Call("eks.CreateAccessEntry")],
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": [Call("eks.AssociateAccessPolicy")],
    "aws:eks/addon:Addon": [
        Call("eks.CreateAddon", {"resolveConflictsOnCreate": "resolveConflicts"}),
        Call(
            "eks.UpdateAddon",
            {
                "resolveConflictsOnUpdate": "resolveConflicts",
                "clusterName": "clusterName",
                "addonName": "addonName",
            },
        ),
    ],
    "aws:eks/cluster:Cluster": [
        Call(
            "eks.CreateCluster",
            {
                "vpcConfig": "resourcesVpcConfig",
                "enabledClusterLogTypes": "logging.clusterLogging[].types",
            },
        )
    ],
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": [Call("eks.CreatePodIdentityAssociation")],
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": [Call("iam.CreateOpenIDConnectProvider")],
    "aws:fis/experimentTemplate:ExperimentTemplate": [
        Call("fis.CreateExperimentTemplate", given={"clientToken": "token"})
    ],
    "aws:iam/policy:Policy": [Call("iam.CreatePolicy", {"name": "PolicyName", "policy": "PolicyDocument"})],
    "aws:iam/role:Role": [
        Call("iam.CreateRole", {"name": "RoleName", "assumeRolePolicy": "AssumeRolePolicyDocument"})
    ],
    "aws:iam/rolePolicy:RolePolicy": [
        Call("iam.PutRolePolicy", {"role": "RoleName", "name": "PolicyName", "policy": "PolicyDocument"})
    ],
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": [Call("iam.AttachRolePolicy", {"role": "RoleName"})],
    "aws:kms/alias:Alias": [Call("kms.CreateAlias", {"name": "AliasName"})],
    "aws:kms/key:Key": [
        Call("kms.CreateKey"),
        Call(
            "kms.ScheduleKeyDeletion",
            {"deletionWindowInDays": "PendingWindowInDays"},
            given={"KeyId": "1234abcd-12ab-34cd-56ef-1234567890ab"},
        ),
    ],
    "aws:rds/instance:Instance": [
        Call(
            "rds.CreateDBInstance",
            {
                "identifier": "DBInstanceIdentifier",
                "instanceClass": "DBInstanceClass",
                "username": "MasterUsername",
                "password": "MasterUserPassword",
                "backupWindow": "PreferredBackupWindow",
                "maintenanceWindow": "PreferredMaintenanceWindow",
                "parameterGroupName": "DBParameterGroupName",
                "caCertIdentifier": "CACertificateIdentifier",
                "enabledCloudwatchLogsExports": "EnableCloudwatchLogsExports",
                "performanceInsightsEnabled": "EnablePerformanceInsights",
            },
        ),
        Call("rds.ModifyDBInstance", {"identifier": "DBInstanceIdentifier"}),
        Call(
            "rds.DeleteDBInstance",
            {
                "identifier": "DBInstanceIdentifier",
                "finalSnapshotIdentifier": "FinalDBSnapshotIdentifier",
            },
        ),
    ],
    "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication": [
        Call("rds.StartDBInstanceAutomatedBackupsReplication", {"retentionPeriod": "BackupRetentionPeriod"})
    ],
    "aws:rds/parameterGroup:ParameterGroup": [
        Call(
            "rds.CreateDBParameterGroup",
            {"name": "DBParameterGroupName", "family": "DBParameterGroupFamily"},
        ),
        Call(
            "rds.ModifyDBParameterGroup",
            {
                "name": "DBParameterGroupName",
                "parameters.name": "ParameterName",
                "parameters.value": "ParameterValue",
            },
        ),
    ],
    "aws:rds/subnetGroup:SubnetGroup": [
        Call(
            "rds.CreateDBSubnetGroup",
            {"name": "DBSubnetGroupName", "description": "DBSubnetGroupDescription"},
        )
    ],
    "aws:s3/bucket:Bucket": [Call("s3.CreateBucket", {"tags": "CreateBucketConfiguration.Tags"})],
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": [
        Call("s3.PutBucketLifecycleConfiguration", under="LifecycleConfiguration")
    ],
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration": [
        Call("s3.PutObjectLockConfiguration", under="ObjectLockConfiguration")
    ],
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": [
        Call("s3.PutBucketOwnershipControls", under="OwnershipControls")
    ],
    "aws:s3/bucketPolicy:BucketPolicy": [Call("s3.PutBucketPolicy")],
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": [
        Call("s3.PutPublicAccessBlock", under="PublicAccessBlockConfiguration")
    ],
    "aws:s3/bucketReplicationConfig:BucketReplicationConfig": [
        Call("s3.PutBucketReplication", under="ReplicationConfiguration")
    ],
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": [
        Call("s3.PutBucketEncryption", under="ServerSideEncryptionConfiguration")
    ],
    "aws:s3/bucketVersioning:BucketVersioning": [Call("s3.PutBucketVersioning")],
    "aws:secretsmanager/secret:Secret": [
        Call("secretsmanager.CreateSecret", {"namePrefix": "Name", "replicas": "AddReplicaRegions"}),
        Call("secretsmanager.DeleteSecret", given={"SecretId": "langflow-dr-secret"}),
    ],
    "aws:secretsmanager/secretVersion:SecretVersion": [Call("secretsmanager.PutSecretValue")],
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": [
        Call(
            "ec2.AuthorizeSecurityGroupIngress",
            {
                "securityGroupId": "GroupId",
                "ipProtocol": "IpPermissions[].IpProtocol",
                "fromPort": "IpPermissions[].FromPort",
                "toPort": "IpPermissions[].ToPort",
                "cidrIpv4": "IpPermissions[].IpRanges[].CidrIp",
                "referencedSecurityGroupId": "IpPermissions[].UserIdGroupPairs[].GroupId",
                "description": "IpPermissions[].UserIdGroupPairs[].Description",
                "tags": "TagSpecifications[].Tags",
            },
        )
    ],
}

# Types that no call creates, with the reason.
NO_CALL = {
    "aws:acm/certificateValidation:CertificateValidation": "waits for a certificate, and makes no call of its own",
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": "AWS creates it with the network; the provider empties it",
}

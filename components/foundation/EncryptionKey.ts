import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { physicalName, regionTags, typeToken } from "../../model/names";
import { policyText } from "../../model/policies/document";
import { encryptionKeyPolicy } from "../../model/policies/encryptionKey";

export interface EncryptionKeyArgs {
  /** The fleet's name for the region, for example us-east. A change replaces only the alias. */
  region: string;
  /** The AWS region of the key. A change replaces the key. */
  awsRegion: string;
  /** AWS account in the key policy. */
  accountId: pulumi.Input<string>;
  /** AWS partition of the account: aws, aws-cn or aws-us-gov. */
  partition: pulumi.Input<string>;
}

/**
 * KMS key of one region. Each region has an independent key instead of a multi-region key, so that a problem with one
 * key (a wrong policy, a scheduled deletion) does not affect other regions.
 */
export class EncryptionKey extends pulumi.ComponentResource {
  readonly keyArn: pulumi.Output<string>;

  constructor(name: string, args: EncryptionKeyArgs, opts?: pulumi.ComponentResourceOptions) {
    super(typeToken("EncryptionKey"), name, args, opts);

    const { region, awsRegion, accountId, partition } = args;
    const alias = physicalName(region, "key");
    const policy = pulumi
      .all([accountId, partition])
      .apply(([account, part]) => policyText(encryptionKeyPolicy({ awsRegion, accountId: account, partition: part })));
    const key = new aws.kms.Key(
      name,
      {
        region: awsRegion,
        description: `LangFlow data of ${region}`,
        enableKeyRotation: true,
        deletionWindowInDays: 30,
        policy,
        tags: regionTags(region, alias),
      },
      { parent: this, protect: true },
    );
    new aws.kms.Alias(
      name,
      { region: awsRegion, name: `alias/${alias}`, targetKeyId: key.keyId },
      { parent: this, deletedWith: key },
    );

    this.keyArn = key.arn;
    this.registerOutputs({ keyArn: this.keyArn });
  }
}

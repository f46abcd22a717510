import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { physicalName, regionTags, typeToken } from "../../model/names";
import { policyText } from "../../model/policies/document";
import { encryptionKeyPolicy } from "../../model/policies/encryptionKey";

export interface EncryptionKeyArgs {
  /** Our name of the region, for example us-east. A change replaces nothing but the alias. */
  region: string;
  /** The AWS region the key lives in. A change replaces the key. */
  awsRegion: string;
  /** Account the key policy speaks of. */
  accountId: pulumi.Input<string>;
  /** Partition of that account: aws, aws-cn or aws-us-gov. */
  partition: pulumi.Input<string>;
}

/**
 * One region's key. Independent, not a multi-region key: what befalls one region's key (a wrong policy, a scheduled
 * deletion) leaves the others whole.
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

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { encryptionKeyPolicy } from "../model/iam";
import { physicalName, regionTags, typeToken } from "../model/names";

export interface EncryptionKeyArgs {
  /** Our name of the region, for example us-east. A change replaces nothing but the alias. */
  region: string;
  /** The AWS region the key lives in. A change replaces the key. */
  awsRegion: string;
  /** Account and partition the key policy speaks of. */
  accountId: pulumi.Input<string>;
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

    const alias = physicalName(args.region, "key");
    const key = new aws.kms.Key(
      name,
      {
        region: args.awsRegion,
        description: `LangFlow data of ${args.region}`,
        enableKeyRotation: true,
        deletionWindowInDays: 30,
        policy: encryptionKeyPolicy(args),
        tags: regionTags(args.region, alias),
      },
      { parent: this, protect: true },
    );
    new aws.kms.Alias(
      name,
      { region: args.awsRegion, name: `alias/${alias}`, targetKeyId: key.keyId },
      { parent: this },
    );

    this.keyArn = key.arn;
    this.registerOutputs({ keyArn: this.keyArn });
  }
}

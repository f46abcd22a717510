import * as aws from "@pulumi/aws";
import * as cloudflare from "@pulumi/cloudflare";
import * as pulumi from "@pulumi/pulumi";
import { regionTags, typeToken } from "../../model/names";

export interface PublicCertificateArgs {
  /** The public name, which is the only name on the certificates. A change replaces them. */
  hostname: string;
  /** Distinguishes the resources from those of other names' certificates in the same regions. */
  qualifier: string;
  /**
   * Whether an earlier release created the resources without a qualifier, and a record named `public`. If so, aliases
   * adopt these resources.
   */
  hadPlainNames?: boolean;
  /** Id of the Cloudflare zone that contains `hostname`. A change replaces the validation record. */
  zoneId: pulumi.Input<string>;
  /** Regions that need a certificate; at least one. */
  regions: CertificateRegion[];
}

export interface CertificateRegion {
  /** The fleet's name for the region. */
  region: string;
  /** The AWS region of the certificate: a load balancer accepts only certificates of its own AWS region. */
  awsRegion: string;
}

/** TTL of the validation record, in seconds. The record never changes. */
const TTL_SECONDS = 300;

const qualified = ({ qualifier }: PublicCertificateArgs, region: string) => `${region}-${qualifier}`;

const formerly = ({ hadPlainNames }: PublicCertificateArgs, name: string): pulumi.CustomResourceOptions =>
  hadPlainNames ? { aliases: [{ name }] } : {};

/** Removes ACM's trailing dot. Cloudflare stores names without it, so every preview would show a change. */
const withoutDot = (name: string) => name.replace(/\.$/, "");

/**
 * A certificate of the public name in each region, and the DNS record that proves our ownership of the name. ACM
 * derives the record from the account and the name, so one record validates all regions. The record must remain,
 * because ACM also uses it for renewals.
 *
 * Removed certificates are retained in AWS: the foundation is deployed before the regions, whose load balancers use the
 * old certificates until they get new ones, and ACM refuses to delete certificates in use. Unused certificates expire,
 * because ACM does not renew them.
 */
export class PublicCertificate extends pulumi.ComponentResource {
  private readonly validated: ReadonlyMap<string, pulumi.Output<string>>;

  /** @throws Error if `regions` is empty */
  constructor(name: string, args: PublicCertificateArgs, opts?: pulumi.ComponentResourceOptions) {
    const [first, ...others] = args.regions;
    if (!first) throw new Error(`the certificate of ${args.hostname} needs at least one region`);
    super(typeToken("PublicCertificate"), name, args, opts);

    const certificate = this.certificate(args, first);
    const record = this.validationRecord(name, args, certificate);
    this.validated = new Map([
      this.validate(args, first, certificate, record),
      ...others.map((region) => this.validate(args, region, this.certificate(args, region), record)),
    ]);

    this.registerOutputs({ certificateArns: Object.fromEntries(this.validated) });
  }

  /**
   * Returns the ARN of a region's certificate after ACM has validated it.
   *
   * @param region the fleet's name for the region
   * @throws Error if the region has no certificate
   */
  certificateArn(region: string): pulumi.Output<string> {
    const arn = this.validated.get(region);
    if (!arn) throw new Error(`the region ${region} has no certificate`);
    return arn;
  }

  private certificate(args: PublicCertificateArgs, { region, awsRegion }: CertificateRegion): aws.acm.Certificate {
    const { hostname } = args;
    return new aws.acm.Certificate(
      qualified(args, region),
      { region: awsRegion, domainName: hostname, validationMethod: "DNS", tags: regionTags(region, hostname) },
      { parent: this, retainOnDelete: true, ...formerly(args, region) },
    );
  }

  private validate(
    args: PublicCertificateArgs,
    { region, awsRegion }: CertificateRegion,
    certificate: aws.acm.Certificate,
    record: cloudflare.DnsRecord,
  ): [region: string, certificateArn: pulumi.Output<string>] {
    const { certificateArn } = new aws.acm.CertificateValidation(
      qualified(args, region),
      { region: awsRegion, certificateArn: certificate.arn, validationRecordFqdns: [record.name] },
      { parent: this, ...formerly(args, region) },
    );
    return [region, certificateArn];
  }

  private validationRecord(
    name: string,
    args: PublicCertificateArgs,
    certificate: aws.acm.Certificate,
  ): cloudflare.DnsRecord {
    const asked = certificate.domainValidationOptions.apply(([option]) => {
      if (!option) throw new Error("ACM returned no validation record: run the update again");
      return option;
    });
    return new cloudflare.DnsRecord(
      name,
      {
        zoneId: args.zoneId,
        name: asked.apply(({ resourceRecordName }) => withoutDot(resourceRecordName)),
        type: asked.apply(({ resourceRecordType }) => resourceRecordType),
        content: asked.apply(({ resourceRecordValue }) => withoutDot(resourceRecordValue)),
        ttl: TTL_SECONDS,
        proxied: false,
        comment: "Proves the public name to ACM in every region; certificates are renewed by it",
      },
      { parent: this, ...formerly(args, "public") },
    );
  }
}

import * as aws from "@pulumi/aws";
import * as cloudflare from "@pulumi/cloudflare";
import * as pulumi from "@pulumi/pulumi";
import { regionTags, typeToken } from "../../model/names";

export interface PublicCertificateArgs {
  /** The public name; the certificates carry it and no other. A change replaces them. */
  hostname: string;
  /** Tells the resources from those of another name's certificates in the same regions. */
  qualifier: string;
  /** Whether a former release made them without a qualifier, and a record named `public`: those are taken over. */
  hadPlainNames?: boolean;
  /** The Cloudflare zone `hostname` is in. A change replaces the validation record. */
  zoneId: pulumi.Input<string>;
  /** Regions that need a certificate, at least one. */
  regions: CertificateRegion[];
}

export interface CertificateRegion {
  /** Our name of the region. */
  region: string;
  /** The AWS region of the certificate: a load balancer takes only one of its own. */
  awsRegion: string;
}

/** Seconds resolvers keep the validation record; it never changes. */
const TTL_SECONDS = 300;

const qualified = ({ qualifier }: PublicCertificateArgs, region: string) => `${region}-${qualifier}`;

const formerly = ({ hadPlainNames }: PublicCertificateArgs, name: string): pulumi.CustomResourceOptions =>
  hadPlainNames ? { aliases: [{ name }] } : {};

/** As Cloudflare stores names; with ACM's trailing dot every preview would show a change. */
const withoutDot = (name: string) => name.replace(/\.$/, "");

/**
 * A certificate of the public name in each region, so that every load balancer answers under it, and the one record
 * that proves the name is ours: ACM derives it from account and name, so all regions ask for the same. It stays, since
 * ACM renews by it.
 *
 * Certificates are forgotten rather than deleted: the foundation comes before the regions, whose load balancers use them until they
 * are told of others, and ACM refuses to delete what is in use. One that nothing uses expires, since ACM renews none of those.
 */
export class PublicCertificate extends pulumi.ComponentResource {
  private readonly validated: ReadonlyMap<string, pulumi.Output<string>>;

  /** @throws Error without a region */
  constructor(name: string, args: PublicCertificateArgs, opts?: pulumi.ComponentResourceOptions) {
    const [first, ...others] = args.regions;
    if (!first) throw new Error(`the certificate of ${args.hostname} is asked for in no region`);
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
   * The certificate of a region, once it is validated.
   *
   * @param region our name of the region
   * @throws Error where the region has none
   */
  certificateArn(region: string): pulumi.Output<string> {
    const arn = this.validated.get(region);
    if (!arn) throw new Error(`no certificate in the region ${region}`);
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
      if (!option) throw new Error("ACM named no validation record");
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

import type * as pulumi from "@pulumi/pulumi";
import { PublicCertificate } from "../../../components/foundation/PublicCertificate";
import { expectRegions, only, record, refusal, settled } from "../../mocks";

const REGIONS = [
  { region: "us-east", awsRegion: "us-east-1" },
  { region: "eu-west", awsRegion: "eu-west-1" },
  { region: "ap-southeast", awsRegion: "ap-southeast-1" },
];

const HOSTNAME = "langflow.example.com";

const make = (regions = REGIONS) =>
  new PublicCertificate(`public-${HOSTNAME}`, { hostname: HOSTNAME, qualifier: HOSTNAME, zoneId: "zone", regions });

async function build() {
  let arn: pulumi.Output<string> | undefined;
  const resources = await record(() => {
    arn = make().certificateArn("eu-west");
  });
  return { resources, arn: arn && (await settled(arn)) };
}

describe("PublicCertificate", () => {
  it("requests one certificate per region, only for the public name, with DNS validation", async () => {
    const { resources } = await build();
    for (const { region, awsRegion } of REGIONS) {
      const { inputs } = only(resources, "aws:acm/certificate:Certificate", `${region}-${HOSTNAME}`);
      expect(inputs).toMatchObject({
        region: awsRegion,
        domainName: "langflow.example.com",
        validationMethod: "DNS",
      });
      expect(inputs.subjectAlternativeNames).toBeUndefined();
    }
    expectRegions(resources, ["us-east-1", "eu-west-1", "ap-southeast-1"]);
  });

  it("creates a single validation record for all regions, unproxied and in Cloudflare's form", async () => {
    const { inputs } = only((await build()).resources, "cloudflare:index/dnsRecord:DnsRecord");
    expect(inputs).toMatchObject({
      zoneId: "zone",
      type: "CNAME",
      name: "_3639ac514e785e898d2646601fa951d5.langflow.example.com",
      content: "_98d2646601fa951d53639ac514e785e8.acm-validations.aws",
      proxied: false,
    });
  });

  it("waits in each region until the certificate is valid, and outputs the validated certificate", async () => {
    const { resources, arn } = await build();
    for (const { region, awsRegion } of REGIONS)
      expect(
        only(resources, "aws:acm/certificateValidation:CertificateValidation", `${region}-${HOSTNAME}`).inputs,
      ).toEqual({
        region: awsRegion,
        certificateArn: `arn:aws:acm:${awsRegion}:123456789012:certificate/${region}-${HOSTNAME}`,
        validationRecordFqdns: ["_3639ac514e785e898d2646601fa951d5.langflow.example.com"],
      });
    expect(arn).toBe("arn:aws:acm:eu-west-1:123456789012:certificate/eu-west-langflow.example.com");
  });

  it("rejects an empty list of regions", async () => {
    expect(await refusal(() => make([]))).toContain("needs at least one region");
  });

  it("throws for the certificate of an unknown region", async () => {
    let arn: unknown;
    await record(() => {
      const certificate = make();
      arn = () => certificate.certificateArn("sa-east");
    });
    expect(arn).toThrow("the region sa-east has no certificate");
  });
});

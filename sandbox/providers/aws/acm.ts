import { list, type Properties, record, text } from "../../resources/values";
import type { Behaviour } from "../shared/behaviour";
import { CloudError, Code } from "../shared/errors";
import { arn, hashOf, neighbour, refusal, uuid } from "./identifiers";

const CERTIFICATE = "aws:acm/certificate:Certificate";

/** Returns the DNS record that validates a name. ACM asks for the same record in every region of an account. */
function validationOption(account: string, domainName: string) {
  const domain = domainName.replace(/^\*\./, "");
  return {
    domainName,
    resourceRecordName: `_${hashOf(32, account, domain)}.${domain}.`,
    resourceRecordType: "CNAME",
    resourceRecordValue: `_${hashOf(32, account, domain, "value")}.jkddzztszm.acm-validations.aws.`,
  };
}

/** Returns the certificates of a Service's load balancer (AWS Load Balancer Controller, "Service annotations"). */
function certificatesOf(service: Properties): string[] {
  const { annotations } = record(service.metadata);
  const named = record(annotations)["service.beta.kubernetes.io/aws-load-balancer-ssl-cert"];
  return (text(named) ?? "").split(",");
}

const bare = (name: unknown): string => (text(name) ?? "").replace(/\.$/, "").toLowerCase();

export const acm: Record<string, Behaviour> = {
  [CERTIFICATE]: {
    replaces: ["domainName", "subjectAlternativeNames", "validationMethod", "keyAlgorithm", "certificateAuthorityArn"],
    defaults: { keyAlgorithm: "RSA_2048", options: { certificateTransparencyLoggingPreference: "ENABLED" } },
    *check({ inputs }) {
      const method = text(inputs.validationMethod);
      if (method !== undefined && !["DNS", "EMAIL", "HTTP", "NONE"].includes(method))
        yield {
          property: "validationMethod",
          reason: `expected validationMethod to be DNS, EMAIL or HTTP, got ${method}`,
        };
    },
    remove({ id, cloud }) {
      if (cloud.find("kubernetes:core/v1:Service", ({ inputs }) => certificatesOf(inputs).includes(id)))
        throw refusal(
          `deleting ACM Certificate (${id})`,
          "ACM: DeleteCertificate",
          400,
          `ResourceInUseException: Certificate ${id} in account is in use.`,
        );
    },
    id: ({ scope }) => arn(scope, "acm", `certificate/${uuid()}`),
    attributes: ({ id, inputs, scope }) => {
      const names = [...new Set([inputs.domainName, ...list(inputs.subjectAlternativeNames)].map(String))];
      return {
        arn: id,
        subjectAlternativeNames: names,
        domainValidationOptions:
          inputs.validationMethod === "DNS" ? names.map((name) => validationOption(scope.account, name)) : [],
        status: "PENDING_VALIDATION",
        type: "AMAZON_ISSUED",
        pendingRenewal: false,
        renewalEligibility: "INELIGIBLE",
        renewalSummaries: [],
        validationEmails: [],
        notAfter: "",
        notBefore: "",
      };
    },
  },
  "aws:acm/certificateValidation:CertificateValidation": {
    replaces: ["certificateArn", "validationRecordFqdns"],
    verify(situation) {
      const { inputs, cloud } = situation;
      const certificate = neighbour(situation, CERTIFICATE, inputs.certificateArn);
      if (!certificate)
        throw new CloudError(
          `reading ACM Certificate (${inputs.certificateArn}): couldn't find resource`,
          Code.NotFound,
        );
      const records = cloud.list().filter(({ type }) => /:DnsRecord$|:Record$/.test(type));
      const proven = list(certificate.properties.domainValidationOptions)
        .map(record)
        .every((option) => records.some(({ inputs: dns }) => bare(dns.name) === bare(option.resourceRecordName)));
      if (!proven)
        throw new CloudError(
          `waiting for ACM Certificate (${certificate.id}) to be issued: timeout while waiting for state to become 'ISSUED' (last state: 'PENDING_VALIDATION', timeout: 1h15m0s)`,
        );
    },
    id: () => new Date().toISOString().replace("T", " ").replace("Z", " +0000 UTC"),
  },
};

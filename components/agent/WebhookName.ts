import * as cloudflare from "@pulumi/cloudflare";
import * as pulumi from "@pulumi/pulumi";
import { WEBHOOK_PATH } from "../../formats/agentEndpoints";
import { webhookHostname } from "../../model/agent";
import { typeToken } from "../../model/names";

export interface WebhookNameArgs {
  /** The fleet's name for the region; part of the host name. A change replaces the record. */
  region: string;
  /** The Cloudflare zone. A change replaces the record. */
  zone: string;
  zoneId: pulumi.Input<string>;
  /** DNS name of the load balancer in front of the region's agent. Updates in place. */
  originHostname: pulumi.Input<string>;
}

/**
 * Public host name of one region's webhook. It resolves to Cloudflare's proxy, because the load balancer admits only
 * the proxy. It bypasses the global load balancer, because the Git host must reach the recorder, whichever region that
 * is.
 */
export class WebhookName extends pulumi.ComponentResource {
  /** Webhook URL to configure at the Git host. */
  readonly url: string;

  constructor(name: string, args: WebhookNameArgs, opts?: pulumi.ComponentResourceOptions) {
    super(typeToken("WebhookName"), name, args, opts);

    const hostname = webhookHostname(args.region, args.zone);
    this.url = `https://${hostname}${WEBHOOK_PATH}`;
    new cloudflare.DnsRecord(
      `${name}-webhook`,
      {
        zoneId: args.zoneId,
        name: hostname,
        type: "CNAME",
        content: args.originHostname,
        proxied: true,
        // Automatic, the only TTL that Cloudflare accepts for a proxied record.
        ttl: 1,
        comment: `Webhooks of the flow repository for ${args.region}`,
      },
      { parent: this },
    );
    this.registerOutputs({ url: this.url });
  }
}

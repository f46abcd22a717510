import * as cloudflare from "@pulumi/cloudflare";
import * as pulumi from "@pulumi/pulumi";
import { WEBHOOK_PATH, webhookHostname } from "../../model/agent";
import { typeToken } from "../../model/names";

export interface WebhookNameArgs {
  /** Our name of the region; part of the host name. A change replaces the record. */
  region: string;
  /** The Cloudflare zone. A change replaces the record. */
  zone: string;
  zoneId: pulumi.Input<string>;
  /** DNS name of the load balancer in front of the region's agent. Updates in place. */
  originHostname: pulumi.Input<string>;
}

/**
 * The public name of one region's webhook. Behind Cloudflare's proxy, the only one the load balancer admits; past the
 * global load balancer, since it is the recorder that must hear of a push, whichever region that is.
 */
export class WebhookName extends pulumi.ComponentResource {
  /** What to enter at the Git host. */
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
        // Automatic, the only one Cloudflare takes for a proxied record.
        ttl: 1,
        comment: `Webhooks of the flow repository for ${args.region}`,
      },
      { parent: this },
    );
    this.registerOutputs({ url: this.url });
  }
}

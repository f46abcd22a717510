import { createHmac } from "node:crypto";

/** Receiver of push events, with the secret that signs them. */
export interface Webhook {
  readonly url: string;
  readonly secret: string;
}

const TIMEOUT_MS = 5_000;

/** Announces a push like GitHub: with a signed body and without retries. */
export async function announcePush(webhooks: readonly Webhook[]): Promise<void> {
  const body = JSON.stringify({ ref: "refs/heads/main" });
  await Promise.allSettled(
    webhooks.map(({ url, secret }) =>
      fetch(url, {
        method: "POST",
        body,
        signal: AbortSignal.timeout(TIMEOUT_MS),
        headers: {
          "content-type": "application/json",
          "x-github-event": "push",
          "x-hub-signature-256": `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`,
        },
      }),
    ),
  );
}

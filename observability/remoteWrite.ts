/** Remote write of a region's Prometheus to an external store. */

import { SECRETS_FOLDER } from "../model/mountedSecrets";
import { WORKSPACE_ARN } from "../model/observability";

/** An external store: a URL, or the ARN of an Amazon Managed Service for Prometheus workspace. */
export interface RemoteWrite {
  /** `https://…` of a remote write endpoint. Absent if `workspaceArn` is set. */
  readonly url?: string | undefined;
  /** Name of the secret with the token that is sent as `Authorization: Bearer`. Absent: no token is sent. */
  readonly secret?: string | undefined;
  /** ARN of the workspace, in any AWS region. */
  readonly workspaceArn?: string | undefined;
}

/**
 * Limits of the queue. Prometheus itself rereads unsent samples from its write-ahead log of the last hours, so the
 * queue is not a second copy: 4 shards of 10,000 samples take about 20 MB. Samples older than the log are not retried,
 * and 429 does not end the retries.
 */
const QUEUE = {
  capacity: 10_000,
  max_shards: 4,
  max_samples_per_send: 2_000,
  max_backoff: "30s",
  retry_on_http_429: true,
  sample_age_limit: "2h",
};

/**
 * Returns the URL of the remote write endpoint.
 *
 * @throws Error for an ARN in a different format, which is a bug, since the config is checked
 */
export function writeUrl({ url, workspaceArn }: RemoteWrite): string {
  if (workspaceArn === undefined) return url ?? "";
  const [, partition, awsRegion, workspace] = WORKSPACE_ARN.exec(workspaceArn) ?? [];
  if (awsRegion === undefined) throw new Error(`${workspaceArn} is not the ARN of a workspace`);
  const domain = partition === "aws-cn" ? "amazonaws.com.cn" : "amazonaws.com";
  return `https://aps-workspaces.${awsRegion}.${domain}/workspaces/${workspace}/api/v1/remote_write`;
}

/** Returns the names of the secrets that remote write needs. */
export function writeSecrets(remoteWrite: RemoteWrite | undefined): string[] {
  return remoteWrite?.secret === undefined ? [] : [remoteWrite.secret];
}

/** Returns the port of that URL. */
export function writePort(remoteWrite: RemoteWrite): number {
  return Number(new URL(writeUrl(remoteWrite)).port || 443);
}

/**
 * Returns an entry of `remote_write` in Prometheus' configuration (its documentation, "remote_write"). The token is in
 * a separate file and never part of it.
 */
export function remoteWriteConfig(remoteWrite: RemoteWrite): object {
  const { secret, workspaceArn } = remoteWrite;
  const awsRegion = workspaceArn?.split(":")[3];
  return {
    url: writeUrl(remoteWrite),
    name: "outside",
    ...(awsRegion !== undefined && { sigv4: { region: awsRegion } }),
    ...(secret !== undefined && { authorization: { credentials_file: `${SECRETS_FOLDER}/${secret}` } }),
    queue_config: QUEUE,
  };
}

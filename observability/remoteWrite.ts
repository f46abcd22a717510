/** Where a region's Prometheus sends its series on to, for as long as somebody else keeps them. */

import { SECRETS_FOLDER } from "../model/mountedSecrets";
import { WORKSPACE_ARN } from "../model/observability";

/** A store outside: by its URL, or a workspace of Amazon Managed Service for Prometheus by its ARN. */
export interface RemoteWrite {
  /** `https://…`, which takes Prometheus' remote write. Absent where `workspaceArn` is there. */
  readonly url?: string | undefined;
  /** Name of the secret that holds the token sent there, as `Authorization: Bearer`. Absent: none is sent. */
  readonly secret?: string | undefined;
  /** ARN of the workspace; its AWS region may be any. */
  readonly workspaceArn?: string | undefined;
}

/**
 * How much may wait. Samples that were not taken yet are read again from Prometheus' own log of the last hours by the same process, so the queue is no
 * second copy: 4 shards of 10,000 samples are some 20 MB. Nothing older than the log is tried again, and 429 is no reason to give up.
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
 * The address that is written to.
 *
 * @throws Error for an ARN of another form: a bug, since the config is checked
 */
export function writeUrl({ url, workspaceArn }: RemoteWrite): string {
  if (workspaceArn === undefined) return url ?? "";
  const [, partition, awsRegion, workspace] = WORKSPACE_ARN.exec(workspaceArn) ?? [];
  if (awsRegion === undefined) throw new Error(`${workspaceArn} is no workspace's ARN`);
  const domain = partition === "aws-cn" ? "amazonaws.com.cn" : "amazonaws.com";
  return `https://aps-workspaces.${awsRegion}.${domain}/workspaces/${workspace}/api/v1/remote_write`;
}

/** Names of the secrets that it needs. */
export function writeSecrets(remoteWrite: RemoteWrite | undefined): string[] {
  return remoteWrite?.secret === undefined ? [] : [remoteWrite.secret];
}

/** Port of that address. */
export function writePort(remoteWrite: RemoteWrite): number {
  return Number(new URL(writeUrl(remoteWrite)).port || 443);
}

/**
 * An entry of `remote_write` in Prometheus' configuration (its documentation, "remote_write"). The token is a file beside it, never in it.
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

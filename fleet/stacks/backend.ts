import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { STATE_KEY_ALIAS } from "../../model/names";

export interface S3Backend {
  readonly kind: "s3";
  readonly url: string;
  readonly bucket: string;
  /** AWS region from the URL. */
  readonly region?: string;
  /** True if the store is S3-compatible but not AWS S3. */
  readonly foreign: boolean;
}

/** Location of the stacks' state. */
export type Backend = S3Backend | { readonly kind: "cloud" | "file" | "other"; readonly url: string };

/**
 * Returns where Pulumi stores the state: PULUMI_BACKEND_URL, otherwise `backend.url` of Pulumi.yaml, otherwise the last
 * `pulumi login`, otherwise Pulumi Cloud.
 *
 * @param directory folder of Pulumi.yaml
 */
export function backendOf(directory: string, environment: NodeJS.ProcessEnv): Backend {
  return parseBackend(
    environment.PULUMI_BACKEND_URL || inProject(directory) || lastLogin(environment) || "https://api.pulumi.com",
  );
}

export function parseBackend(url: string): Backend {
  if (/^https?:/.test(url)) return { kind: "cloud", url };
  if (url.startsWith("file:")) return { kind: "file", url };
  const at = url.startsWith("s3:") && URL.canParse(url) ? new URL(url) : undefined;
  if (!at) return { kind: "other", url };
  const said = (key: string) => at.searchParams.get(key) ?? undefined;
  return { kind: "s3", url, bucket: at.hostname, region: said("region"), foreign: said("endpoint") !== undefined };
}

function inProject(directory: string): string | undefined {
  return (parse(readFileSync(join(directory, "Pulumi.yaml"), "utf8")) as { backend?: { url?: string } }).backend?.url;
}

function lastLogin({ PULUMI_HOME, HOME }: NodeJS.ProcessEnv): string | undefined {
  const file = join(PULUMI_HOME || join(HOME || homedir(), ".pulumi"), "credentials.json");
  if (!existsSync(file)) return undefined;
  return (JSON.parse(readFileSync(file, "utf8")) as { current?: string }).current;
}

/** Returns the command that creates a stack with the secrets provider for its backend. */
export function initCommand(stack: string, backend: Backend): string {
  if (backend.kind === "cloud") return `pulumi stack init ${stack}`;
  if (backend.kind === "file") return `pulumi stack init ${stack} --secrets-provider passphrase`;
  const known = backend.kind === "s3" ? backend.region : undefined;
  const region = known || "<region of the state>";
  return `pulumi stack init ${stack} --secrets-provider "awskms://${STATE_KEY_ALIAS}?region=${region}"`;
}

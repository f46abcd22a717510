import type Cloudflare from "cloudflare";
import type { EdgeStackConfig, FleetConfig } from "../../config/schema";
import { FLEET_TOKEN, tokenTitle } from "../../model/access/serviceTokens";
import { ExitCode } from "../../model/errors";
import { PROJECT } from "../../model/names";
import { broken, type CheckResult, ok, together, warning } from "../checks/checkResult";
import { DAY_MS, NEW_TOKEN, refused, statusOf } from "./cloudflare";

const PERMISSIONS =
  "Access: Apps and Policies Write, Access: Service Tokens Write and Access: Organizations, Identity Providers, and Groups Read on the account";

/** A service token that expires within this many days causes a warning. Finding a client's owner takes time. */
const EXPIRES_SOON_DAYS = 30;

type Access = NonNullable<EdgeStackConfig["access"]>;

/**
 * Checks that the account has a Zero Trust team and the config's identity providers, and that no service token expires
 * soon.
 */
export async function access(api: Cloudflare, fleet: FleetConfig, own: Access): Promise<CheckResult> {
  const account_id = fleet.cloudflareAccountId;
  const hidden = broken(
    "the token may not read Cloudflare Access",
    `${NEW_TOKEN}; with access also ${PERMISSIONS}`,
    ExitCode.Unauthenticated,
  );
  const team = await api.zeroTrust.organizations.list({ account_id }).catch(noneOrRefused);
  if (team === undefined) return hidden;
  if (team === "none")
    return broken(
      "the account has no Zero Trust team, so nobody can sign in",
      "create a team and an identity provider in Zero Trust (docs/access.md)",
      ExitCode.BadInput,
    );
  const providers = await every(api.zeroTrust.identityProviders.list({ account_id })).catch(refused);
  const tokens = await every(api.zeroTrust.access.serviceTokens.list({ account_id })).catch(refused);
  if (!providers || !tokens) return hidden;
  const known = providers.flatMap(({ id }) => id ?? []);
  const ours = [FLEET_TOKEN, ...own.serviceTokens].map((name) => tokenTitle(fleet.hostname, name));
  return together([
    ok(`team ${team.auth_domain ?? team.name}`),
    identityProviders(known, own),
    ...tokens.filter(({ name = "" }) => ours.includes(name)).map(lasting),
  ]);
}

function identityProviders(known: readonly string[], { identityProviders: wanted }: Access): CheckResult {
  const missing = wanted.filter((id) => !known.includes(id));
  if (missing.length > 0)
    return broken(
      `the account has no identity provider ${missing.join(", ")}`,
      `correct ${PROJECT}:access.identityProviders in Pulumi.edge.yaml; available: ${known.join(", ") || "none"}`,
      ExitCode.BadInput,
    );
  return known.length > 0
    ? ok(`identity providers: ${wanted.length || known.length}`)
    : broken("nobody can sign in: the account has no identity provider", "add one (docs/access.md)", ExitCode.BadInput);
}

function lasting({ name, expires_at }: { readonly name?: string; readonly expires_at?: string | null }): CheckResult {
  const days = Math.floor((Date.parse(expires_at ?? "") - Date.now()) / DAY_MS);
  const renew = "renew it in Zero Trust, Service credentials; its secret does not change (docs/access.md)";
  if (days < 0) return broken(`the service token ${name} expired ${expires_at}`, renew, ExitCode.BadInput);
  if (days < EXPIRES_SOON_DAYS) return warning(`the service token ${name} expires ${expires_at}`, renew);
  return ok(`${name} is valid for ${days} days`);
}

function noneOrRefused(error: unknown): "none" | undefined {
  return statusOf(error) === 404 ? "none" : refused(error);
}

async function every<Item>(pages: AsyncIterable<Item>): Promise<Item[]> {
  const items: Item[] = [];
  for await (const item of pages) items.push(item);
  return items;
}

import { DescribeAddressesCommand, type EC2Client, paginateDescribeVpcs, type Tag } from "@aws-sdk/client-ec2";
import {
  GetAWSDefaultServiceQuotaCommand,
  GetServiceQuotaCommand,
  NoSuchResourceException,
  type ServiceQuotasClient,
} from "@aws-sdk/client-service-quotas";
import type { RegionStackConfig } from "../../config/schema";
import { ZONES } from "../../model/addresses";
import type { Capacity } from "../../model/capacity";
import { ExitCode } from "../../model/errors";
import { PROJECT } from "../../model/names";
import { broken, type CheckResult, ok, together, warning } from "../checks/checkResult";

/** A region's need of one quota. */
export interface Need {
  readonly service: string;
  readonly code: string;
  readonly what: string;
  /** Minimum to deploy the region. */
  readonly least: number;
  /** Need of the region at its configured maximum. */
  readonly most: number;
}

/**
 * Returns a region's needs. The codes are those of Service Quotas, the same in every region (`aws service-quotas
 * list-service-quotas`): VPCs per Region, EC2-VPC Elastic IPs, Clusters, Network Load Balancers per Region, Running
 * On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances. The last one counts cores, including those of Auto Mode's
 * nodes.
 */
export function needsOf({ network }: RegionStackConfig, { cores }: Pick<Capacity, "cores">, webhook: boolean): Need[] {
  const same = (service: string, code: string, what: string, count: number): Need => ({
    service,
    code,
    what,
    least: count,
    most: count,
  });
  return [
    same("vpc", "L-F678F1CE", "VPCs", 1),
    same("ec2", "L-0263D0A3", "Elastic IPs", network.nat === "per-zone" ? ZONES : 1),
    same("eks", "L-1194D53C", "EKS clusters", 1),
    same("elasticloadbalancing", "L-69A177A2", "network load balancers", webhook ? 2 : 1),
    {
      service: "ec2",
      code: "L-1216C47A",
      what: "cores of standard on-demand instances",
      least: Math.ceil(cores.needs.atRest),
      most: Math.ceil(cores.needs.rolling),
    },
  ];
}

/** @param others use by everything except this region; omit it if unknown, and the finding reports that */
export function quotaVerdict({ what, least, most, code }: Need, quota: number, others?: number): CheckResult {
  const free = quota - (others ?? 0);
  const taken =
    others === undefined ? `quota ${quota}, current use unknown` : `${others} of ${quota} used by other resources`;
  const said = `${what}: ${taken}, needed ${least}${most > least ? ` to ${most}` : ""}`;
  const fix = `request more ${what} in Service Quotas (${code})`;
  if (free < least) return broken(said, fix, ExitCode.BadInput);
  return free < most ? warning(said, fix) : ok(said);
}

/** @param region our name of the region; its tag identifies the region's own resources */
export async function regionQuotas(
  { ec2, quotas }: { readonly ec2: EC2Client; readonly quotas: ServiceQuotasClient },
  region: string,
  needs: readonly Need[],
): Promise<CheckResult> {
  const others = async ({ code }: Need): Promise<number | undefined> => {
    if (code === "L-F678F1CE") return foreign(region, await vpcTags(ec2));
    if (code === "L-0263D0A3") return foreign(region, await addressTags(ec2));
    return undefined;
  };
  return together(
    await Promise.all(needs.map(async (need) => quotaVerdict(need, await quotaOf(quotas, need), await others(need)))),
  );
}

/** Returns the applied value, or the default for a quota without an applied value. */
async function quotaOf(quotas: ServiceQuotasClient, { service, code }: Need): Promise<number> {
  const which = { ServiceCode: service, QuotaCode: code };
  const applied = await quotas.send(new GetServiceQuotaCommand(which)).catch((error: unknown) => {
    if (error instanceof NoSuchResourceException) return quotas.send(new GetAWSDefaultServiceQuotaCommand(which));
    throw error;
  });
  const value = applied.Quota?.Value;
  if (value === undefined) throw new Error(`Service Quotas returned no value for ${service} ${code}`);
  return value;
}

async function vpcTags(ec2: EC2Client): Promise<Tag[][]> {
  const found: Tag[][] = [];
  for await (const { Vpcs = [] } of paginateDescribeVpcs({ client: ec2 }, {}))
    found.push(...Vpcs.map(({ Tags = [] }) => Tags));
  return found;
}

async function addressTags(ec2: EC2Client): Promise<Tag[][]> {
  const { Addresses = [] } = await ec2.send(new DescribeAddressesCommand({}));
  return Addresses.map(({ Tags = [] }) => Tags);
}

/** Counts resources of other owners. Those of this region already exist and need no more of the quota. */
function foreign(region: string, tags: readonly Tag[][]): number {
  const ours = (each: Tag[]) => each.some(({ Key, Value }) => Key === `${PROJECT}:region` && Value === region);
  return tags.filter((each) => !ours(each)).length;
}

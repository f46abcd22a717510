import { GetRoleCommand, type IAMClient } from "@aws-sdk/client-iam";
import { PROJECT } from "../../model/names";
import { BOUNDARY_NAME } from "../../model/policies/boundary";
import { CI_ROLE_PREFIX } from "../../model/policies/ci";
import { GITHUB_ISSUER } from "../../model/policies/ciTrust";
import { managedPolicyArn } from "../../model/policies/managed";
import { type CheckResult, ok } from "../checks/checkResult";
import type { Caller } from "./account";
import type { Step } from "./firstSteps";
import { refused, refusedActions, requestedRegion, type Simulated, simulated } from "./permissions";

/** Returns the ARNs to simulate an action on: with the fleet's own names, because a policy may be limited to them. */
function resourcesOf(action: string, { account, partition }: Caller, awsRegion: string, isOfCi = false): string[] {
  const [service, call = ""] = action.split(":");
  const ofIam = (rest: string) => [`arn:${partition}:iam::${account}:${rest}`];
  const key = `arn:${partition}:kms:${awsRegion}:${account}:key/00000000-0000-0000-0000-000000000000`;
  switch (service) {
    case "iam":
      if (call.includes("OpenIDConnectProvider")) return ofIam(`oidc-provider/${GITHUB_ISSUER}`);
      if (call.includes("Role")) return ofIam(`role/${isOfCi ? `${CI_ROLE_PREFIX}deploy` : `${PROJECT}-sample`}`);
      return ofIam(`policy/${BOUNDARY_NAME}`);
    case "kms":
      if (call === "CreateKey") return ["*"];
      return call === "CreateAlias"
        ? [`arn:${partition}:kms:${awsRegion}:${account}:alias/${PROJECT}-sample`, key]
        : [key];
    case "s3":
      return [`arn:${partition}:s3:::${PROJECT}-sample`];
    case "secretsmanager":
      return [`arn:${partition}:secretsmanager:${awsRegion}:${account}:secret:${PROJECT}-sample`];
    default:
      return ["*"];
  }
}

const [ATTACH, PASS, LINKED] = ["iam:AttachRolePolicy", "iam:PassRole", "iam:CreateServiceLinkedRole"] as const;

/** One API call to simulate. */
interface Call extends Omit<Simulated, "actions"> {
  readonly action: string;
  /** The call's name in findings. */
  readonly called: string;
}

/** Returns the calls of a step without duplicates, although the step may run in several AWS regions. */
function callsOf(step: Step<never>, caller: Caller, places: readonly string[]): Call[] {
  const { calls, throughServices = [], attaches = [], handsRolesTo = [], isOfCi = false } = step;
  const plain = [
    ...calls.map((action) => ({ action, called: action })),
    ...throughServices.map((action) => ({ action, called: action, isThroughService: true })),
    ...attaches.map((policy) => {
      const policyArn = managedPolicyArn(caller.partition, policy);
      return { action: ATTACH, called: `${ATTACH} of ${policy}`, policyArn };
    }),
    ...handsRolesTo.map((service) => ({ action: PASS, called: `${PASS} to ${service}`, service })),
  ];
  const all = new Map<string, Call>();
  for (const place of places)
    for (const each of plain) {
      const awsRegion = requestedRegion(each.action, caller, place);
      for (const resource of resourcesOf(each.action, caller, place, isOfCi))
        all.set([each.called, awsRegion, resource].join(), { ...each, awsRegion, resource, isBounded: !isOfCi });
    }
  return [...all.values()];
}

/** Returns the names of denied calls, with their AWS regions if IAM allows the same call in other regions. */
async function refusedCalls(iam: IAMClient, caller: Caller, source: string, calls: readonly Call[]): Promise<string[]> {
  const alike = new Map<string, { shared: Omit<Simulated, "actions">; some: Call[] }>();
  for (const call of calls) {
    const { action, called, ...shared } = call;
    const key = JSON.stringify(shared);
    alike.set(key, { shared, some: [...(alike.get(key)?.some ?? []), call] });
  }
  const denied = new Set<Call>();
  for (const { shared, some } of alike.values()) {
    const actions = some.map(({ action }) => action);
    const refusals = await refusedActions(iam, caller, source, { ...shared, actions });
    for (const each of some) if (refusals.includes(each.action)) denied.add(each);
  }
  const regionsOf = (of: Iterable<Call>, called: string) => [
    ...new Set([...of].filter((each) => each.called === called).map(({ awsRegion }) => awsRegion)),
  ];
  return [...new Set([...denied].map(({ called }) => called))].map((called) => {
    const regions = regionsOf(denied, called);
    return regions.length < regionsOf(calls, called).length ? `${called} in ${regions.join(" and ")}` : called;
  });
}

/**
 * Checks that the caller may create a step's resources, and that the service-linked role exists or may be created. It
 * uses IAM's policy simulator, so it creates nothing. The finding names the denied calls, or all calls if none is denied.
 *
 * @param places AWS regions of the step, at least one
 */
export function firstDeployStep(
  iam: IAMClient,
  caller: Caller,
  places: readonly string[],
  step: Step<never>,
): Promise<CheckResult> {
  return simulated(iam, caller, async (source) => {
    const calls = callsOf(step, caller, places);
    const denied = await refusedCalls(iam, caller, source, calls);
    const said = [`allowed: ${[...new Set(calls.map(({ action }) => action))].join(", ")}`];
    let fix =
      "allow these calls, or run the first `up` with an administrator's role; CI's role can deploy later changes";
    if (step.linkedRole) {
      const [service, role] = step.linkedRole;
      const isThere = await isLinkedRoleThere(iam, role);
      const resource = `arn:${caller.partition}:iam::${caller.account}:role/aws-service-role/${service}/${role}`;
      const awsRegion = requestedRegion(LINKED, caller, places[0] ?? "");
      const call = { action: LINKED, called: `${LINKED} of ${service}`, awsRegion, resource, service };
      if (!isThere && (await refusedCalls(iam, caller, source, [call])).length > 0) {
        denied.push(call.called);
        fix += `; an administrator creates the linked role with: aws iam create-service-linked-role --aws-service-name ${service}`;
      }
      said.push(`${role} ${isThere ? "exists" : "will be created"}`);
    }
    return denied.length > 0 ? refused(source, denied, fix) : ok(said.join("; "));
  });
}

/** Returns false also without permission to read the role. */
async function isLinkedRoleThere(iam: IAMClient, RoleName: string): Promise<boolean> {
  return iam.send(new GetRoleCommand({ RoleName })).then(
    () => true,
    () => false,
  );
}

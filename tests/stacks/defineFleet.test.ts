import { join } from "node:path";
import * as aws from "@pulumi/aws";
import { defineFleet, type FleetOptions, type Override, override } from "../../library";
import { recordStack } from "../../library/testing";

const ROOT = join(__dirname, "../..");

const preview = (options: FleetOptions, stack = "foundation") => recordStack(defineFleet(options), ROOT, stack);
const overriding = (...overrides: Override[]) => preview({ overrides: { foundation: overrides } });

describe("defineFleet", () => {
  it("replaces only the overridden argument of only the named resource", async () => {
    const type = "aws:kms/key:Key";
    const before = await preview({});
    const after = await overriding(override(aws.kms.Key, "us-east", { deletionWindowInDays: 7 }));
    const keys = (recorded: typeof before) => recorded.filter((each) => each.type === type);
    expect(keys(after).map(({ name, inputs }) => [name, inputs.deletionWindowInDays === 7])).toEqual([
      ["us-east", true],
      ["eu-west", false],
    ]);
    const rest = (recorded: typeof before) =>
      keys(recorded).map(({ inputs: { deletionWindowInDays, ...others } }) => others);
    expect(rest(after)).toEqual(rest(before));
  });

  it("refuses an override of a resource that does not exist, and lists the names", async () => {
    await expect(overriding(override(aws.kms.Key, "us-eats", { deletionWindowInDays: 7 }))).rejects.toThrow(
      "override of aws:kms/key:Key us-eats: the stack foundation has no such resource; the names of this type are eu-west, us-east",
    );
  });

  it("refuses an override in a stack that does not exist, and lists the stacks", async () => {
    await expect(preview({ overrides: { mars: [] } })).rejects.toThrow(
      "overrides has the unknown stacks mars: the fleet's stacks are foundation, us-east, eu-west, edge",
    );
  });

  it.each(["region", "permissionsBoundary", "deletionProtection"])(
    "refuses to override %s, and says why",
    (argument) => {
      expect(() => override(aws.iam.Role, "us-east", { [argument]: "x" })).toThrow(
        new RegExp(`${argument} cannot change: \\w+`),
      );
    },
  );

  it("refuses an additional output with the name of one of the fleet's outputs", async () => {
    await expect(preview({ region: () => ({ hostname: "x" }) }, "us-east")).rejects.toThrow(
      "the outputs hostname belong to the fleet",
    );
  });

  it("passes each region's parts to the team's function", async () => {
    const recorded = await preview(
      {
        region({
          name,
          awsRegion,
          opts: {
            providers: [provider],
          },
        }) {
          new aws.sns.Topic(`${name}-events`, { region: awsRegion }, { provider });
          return undefined;
        },
      },
      "us-east",
    );
    const topics = recorded.filter(({ type }) => type === "aws:sns/topic:Topic");
    expect(topics.map(({ name, inputs }) => [name, inputs.region])).toEqual([["us-east-events", "us-east-1"]]);
  });
});

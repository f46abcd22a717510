import { readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { ExitCode } from "../../model/errors";
import { LocalFleet, listed } from "../engine/localFleet";

jest.setTimeout(300_000);

const ROOT = join(__dirname, "../..");

/** Returns an example of docs/customise.md, with this checkout as the package. */
function example(name: string): string {
  const page = readFileSync(join(ROOT, "docs/customise.md"), "utf8");
  const [, code] = new RegExp(`\`\`\`ts ${name}\n(.*?)\`\`\``, "s").exec(page) ?? [];
  if (code === undefined) throw new Error(`docs/customise.md has no example ${name}`);
  return code.replace('"langflow-dr"', JSON.stringify(join(ROOT, "library")));
}

describe("a fleet's own program, as in docs/customise.md,", () => {
  const local = new LocalFleet();
  beforeAll(async () => {
    symlinkSync(join(ROOT, "node_modules"), join(local.project, "node_modules"));
    expect((await local.deploy("foundation", "us-east")).exitCode).toBe(ExitCode.Success);
  });
  afterAll(() => local.remove());

  it("adds resources to each region, and outputs to its stack", async () => {
    local.add("index.ts", example("region"));
    const preview = await local.run(["preview", "us-east"]);
    expect(listed(preview)).toEqual(["us-east create aws:cloudwatch/logGroup:LogGroup us-east-events"]);
    const up = await local.run(["up", "us-east"]);
    const { outputs } = up.json.stacks[0];
    expect(outputs.eventsOrigin).toBe(outputs.originHostname);
  });

  it("changes exactly the overridden argument", async () => {
    local.add("index.ts", example("override"));
    const preview = await local.run(["preview", "us-east"]);
    expect(listed(preview)).toContainEqual(
      "us-east update aws:rds/instance:Instance us-east: performanceInsightsRetentionPeriod",
    );
  });
});

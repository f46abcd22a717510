import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { listStacks } from "../../../fleet/stacks/listStacks";
import { readProject } from "../../../fleet/stacks/project";
import { ExitCode } from "../../../model/errors";

const project = readProject(join(__dirname, "../../.."));
const before = process.env.PULUMI_BACKEND_URL;

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "stacks-"));
  writeFileSync(join(directory, "Pulumi.yaml"), "name: langflow-dr");
});
afterEach(() => {
  if (before === undefined) delete process.env.PULUMI_BACKEND_URL;
  else process.env.PULUMI_BACKEND_URL = before;
  rmSync(directory, { recursive: true });
});

/** Stacks of a backend that holds these, by whole name and number of resources. */
const listed = async (all: Record<string, number>, local = true): Promise<string[]> => {
  const own = (args: readonly string[]) => (name: string) => args.includes("--all") || name.includes("/langflow-dr/");
  const answer = async (args: string[]) =>
    JSON.stringify(
      Object.keys(all)
        .filter(own(args))
        .map((name) => ({ name, resourceCount: all[name] })),
    );
  const found = await listStacks({ ...project, directory }, local, answer);
  return found.map(({ name }) => name);
};

const OWN = { "organization/langflow-dr/foundation": 65, "organization/langflow-dr/old": 3 };

describe("listStacks", () => {
  it("gives the stacks of this project alone, also those the config does not name", async () => {
    expect(await listed({ ...OWN, "organization/other/website": 5 })).toEqual(Object.keys(OWN));
  });

  it("refuses a project that was renamed over a deployed fleet, and says how the state calls it", async () => {
    await expect(listed({ "organization/flows/foundation": 65 })).rejects.toMatchObject({
      exitCode: ExitCode.BadInput,
      message: expect.stringMatching(/name is langflow-dr, but the fleet is deployed as flows \(stack foundation/),
    });
  });

  it("does not mind another project's stacks that hold nothing", async () => {
    expect(await listed({ ...OWN, "organization/flows/foundation": 0 })).toEqual(Object.keys(OWN));
  });

  it("refuses so in a bucket as well, and leaves others' projects alone in Pulumi Cloud", async () => {
    const renamed = { "organization/flows/foundation": 65 };
    process.env.PULUMI_BACKEND_URL = "s3://langflow-dr-state-123456789012";
    await expect(listed(renamed, false)).rejects.toMatchObject({ exitCode: ExitCode.BadInput });
    process.env.PULUMI_BACKEND_URL = "https://api.pulumi.com";
    expect(await listed({ ...OWN, ...renamed }, false)).toEqual(Object.keys(OWN));
  });
});

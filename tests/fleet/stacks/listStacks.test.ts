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

/** Returns the listed stacks of a backend with these stacks, given by full name and resource count. */
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
  it("returns only this project's stacks, including stacks that the config no longer names", async () => {
    expect(await listed({ ...OWN, "organization/other/website": 5 })).toEqual(Object.keys(OWN));
  });

  it("rejects a renamed project whose fleet is deployed under the old name, and reports that name", async () => {
    await expect(listed({ "organization/flows/foundation": 65 })).rejects.toMatchObject({
      exitCode: ExitCode.BadInput,
      message: expect.stringMatching(/name is langflow-dr, but the fleet is deployed as flows \(stack foundation/),
    });
  });

  it("ignores empty stacks of other projects", async () => {
    expect(await listed({ ...OWN, "organization/flows/foundation": 0 })).toEqual(Object.keys(OWN));
  });

  it("rejects a renamed project in a bucket too, but ignores other projects in Pulumi Cloud", async () => {
    const renamed = { "organization/flows/foundation": 65 };
    process.env.PULUMI_BACKEND_URL = "s3://langflow-dr-state-123456789012";
    await expect(listed(renamed, false)).rejects.toMatchObject({ exitCode: ExitCode.BadInput });
    process.env.PULUMI_BACKEND_URL = "https://api.pulumi.com";
    expect(await listed({ ...OWN, ...renamed }, false)).toEqual(Object.keys(OWN));
  });
});

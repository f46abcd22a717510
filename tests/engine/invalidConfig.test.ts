import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ExitCode } from "../../model/errors";
import { LocalFleet } from "./localFleet";

describe("an invalid config", () => {
  const local = new LocalFleet();
  afterAll(() => local.remove());

  it("is rejected with one message before anything is created", async () => {
    local.edit("Pulumi.yaml", ({ config }) => {
      config["langflow-dr:image"].value = "langflow:latest";
      config["langflow-dr:regions"].value[1].cidr = "10.16.0.0/16";
    });
    const up = await local.run(["up"]);
    expect(up.exitCode).toBe(ExitCode.BadInput);
    expect(up.stdout).toBe("");
    expect(up.stderr).toContain("langflow-dr:image");
    expect(up.stderr).toContain("overlaps 10.16.0.0/16 of us-east");
    expect(existsSync(local.fleet)).toBe(false);
  });

  it("is also reported in the pull request comment", async () => {
    const file = join(local.directory, "comment.md");
    const preview = await local.run(["preview", "--markdown", file]);
    expect(preview.exitCode).toBe(ExitCode.BadInput);
    expect(readFileSync(file, "utf8")).toMatch(
      /The preview failed before the first stack\n\n```\nThe config is invalid[\s\S]*latest can change/,
    );
  });
});

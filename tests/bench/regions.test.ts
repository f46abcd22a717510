import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { MOST_REGIONS, writeProject } from "../../bench/regions";
import { readProject } from "../../fleet/stacks/project";

describe("a generated benchmark project", () => {
  it.each([2, 4, MOST_REGIONS])("is valid with %d regions when `preview` reads it", (count) => {
    const folder = mkdtempSync(path.join(tmpdir(), "bench-project-"));
    try {
      writeProject(folder, count);
      const { stacks } = readProject(folder);
      expect(stacks.size).toBe(count + 2);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

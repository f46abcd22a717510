import { readFileSync } from "node:fs";
import { join } from "node:path";
import { closureOf } from "../../release/packages/closure";

const ROOT = join(__dirname, "../..");
/** Programs that run for a user. tests/journeys/nodeVersions.test.ts runs the client on each supported Node. */
const PROGRAMS = [
  "agent/main.ts",
  "bench/main.ts",
  "create/main.ts",
  "fleet/engine/main.ts",
  "fleet/main.ts",
  "plugin/provider.ts",
  "release/main.ts",
  "sandbox/cloud/main.ts",
  "sandbox/live/main.ts",
  "index.ts",
];

const textOf = (file: string): string => readFileSync(join(ROOT, file), "utf8");

describe("a program that sends requests with fetch", () => {
  it.each(PROGRAMS)("replaces the client first, if it is %s", async (program) => {
    const { files } = await closureOf([program]);
    const sends = files.some((file) => file.endsWith(".ts") && /(?<![.\w]|async )fetch\(/.test(textOf(file)));
    expect(/^replaceFetchClient\(\);$/m.test(textOf(program))).toBe(sends);
  });
});

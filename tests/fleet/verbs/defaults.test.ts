import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { DEFAULTS } from "../../../fleet/drill/defaults";
import { FAULTS } from "../../../fleet/drill/faults";
import { planOf } from "../../../fleet/drill/plan";
import { readProject } from "../../../fleet/stacks/project";
import { commandLine } from "../../../fleet/verbs/commandLine";

const ROOT = join(__dirname, "../../..");
const fleet = commandLine({ signal: new AbortController().signal, ended: () => undefined });

/** Returns the default of a numeric option. */
function defaultOf(verb: string, option: string): number {
  const found = fleet.commands
    .find((each) => each.name() === verb)
    ?.options.find(({ long }) => long === option)?.defaultValue;
  if (typeof found !== "number") throw new Error(`${verb} has no ${option} with a numeric default`);
  return found;
}

/** Returns a page's text with all whitespace collapsed. */
const page = (file: string): string => readFileSync(join(ROOT, file), "utf8").replaceAll(/\s+/g, " ");

const WORDS = new Map([
  [5, "five"],
  [10, "ten"],
]);

describe("the documented defaults", () => {
  const drill = page("docs/drill.md");
  const { limits, goodInARow, reports } = planOf(
    {
      local: false,
      region: "us-east",
      fault: DEFAULTS.fault,
      hold: undefined,
      limit: undefined,
      reports: undefined,
      steady: DEFAULTS.steadySeconds,
      abortAbove: DEFAULTS.abortAbovePercent,
      load: DEFAULTS.load,
    },
    readProject(ROOT),
  );

  it.each([
    ["docs/drill.md", `\`--abort-above\` percent (${defaultOf("drill", "--abort-above")})`],
    ["docs/drill.md", `\`--limit\` seconds (${DEFAULTS.limitSeconds.clouds})`],
    ["docs/drill.md", `${limits.failedPercent} % of requests may fail`],
    ["docs/drill.md", `files ${Number(limits.filesSeconds) / 60} minutes`],
    ["docs/drill.md", `the database ${Number(limits.databaseSeconds) / 3600} hours`],
    ["Pulumi.yaml", `# reports: ${reports} # goodInARow: ${goodInARow} `],
    [
      "Pulumi.yaml",
      `{ failedPercent: ${limits.failedPercent}, filesSeconds: ${limits.filesSeconds}, databaseSeconds: ${limits.databaseSeconds} }`,
    ],
    [
      "docs/ci.md",
      `deploy --healthy-within ${defaultOf("deploy", "--healthy-within")} --soak ${defaultOf("deploy", "--soak")} `,
    ],
    [
      "docs/ci.md",
      `within ${WORDS.get(defaultOf("deploy", "--healthy-within") / 60)} minutes, and it stays so for ${WORDS.get(defaultOf("deploy", "--soak") / 60)}.`,
    ],
    [
      "docs/operations/README.md",
      `\`preview\` and \`drift\` time out after ${defaultOf("preview", "--silence")} minutes without output of the engine, \`up\`, \`deploy\` and \`destroy\` after ${defaultOf("destroy", "--silence")},`,
    ],
  ])("equal the actual defaults in %s: %s", (file, said) => {
    expect(page(file)).toContain(said);
  });

  it("include a row for every fault in docs/drill.md", () => {
    const rows = [...drill.matchAll(/\| `(\w[\w+-]*)` +\|/g)].map(([, fault]) => fault);
    expect(new Set(rows)).toEqual(new Set(FAULTS));
  });
});

describe("the Drill workflow", () => {
  const { on, jobs } = parse(readFileSync(join(ROOT, ".github/workflows/drill.yml"), "utf8"));
  const { steps, "timeout-minutes": minutes } = jobs.drill;

  it("has the same default fault as the verb `drill`, and overrides no other default", () => {
    expect(on.workflow_dispatch.inputs.fault.default).toBe(DEFAULTS.fault);
    const { env, run } = steps.find(({ name }: { name?: string }) => name === "Drill");
    expect(env.FAULT).toBe(`\${{ inputs.fault || '${DEFAULTS.fault}' }}`);
    expect(run).not.toMatch(/--(steady|abort-above|limit) /);
  });

  it("has a timeout and credentials that outlast the drill's own limit", () => {
    const { with: role } = steps.find(({ uses }: { uses?: string }) => uses?.startsWith("aws-actions/configure-aws"));
    expect(minutes * 60).toBeGreaterThan(DEFAULTS.limitSeconds.clouds);
    expect(role["role-duration-seconds"]).toBeGreaterThanOrEqual(minutes * 60);
  });
});

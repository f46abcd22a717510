import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify, stripVTControlCharacters } from "node:util";
import fc from "fast-check";
import { parse, stringify } from "yaml";
import { SIZE_NAMES, SIZES } from "../../../config/sizes";
import type { Answers } from "../../../fleet/init/answers";
import { EditedFile } from "../../../fleet/init/edit";
import { completed } from "../../../fleet/init/given";
import { planOf, SHIPPED } from "../../../fleet/init/plan";
import { backupRegions, proposeCidr, proposeName, proposeWitness } from "../../../fleet/init/proposals";
import type { Prompter } from "../../../fleet/init/questions";
import { chosenSize, SIZE_CHOICES } from "../../../fleet/init/size";
import { readProject } from "../../../fleet/stacks/project";
import { init } from "../../../fleet/verbs/init/handler";
import type { InitOptions } from "../../../fleet/verbs/init/verb";
import { overlapping } from "../../../model/addresses";
import { ExitCode, type UserError } from "../../../model/errors";

const ROOT = join(__dirname, "../../..");

jest.setTimeout(30_000);
const FILES = readdirSync(ROOT).filter((name) => /^Pulumi(\.[\w-]+)?\.yaml$/.test(name));

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "init-"));
  for (const file of FILES) cpSync(join(ROOT, file), join(directory, file));
});
afterEach(() => {
  jest.restoreAllMocks();
  rmSync(directory, { recursive: true });
});

const text = (file: string) => readFileSync(join(directory, file), "utf8");
const snapshot = () => Object.fromEntries(readdirSync(directory).map((file) => [file, text(file)]));
const comments = (content: string) =>
  content
    .split("\n")
    .filter((line) => /^\s*#/.test(line))
    .map((line) => line.trim());

const REPOSITORY = "https://git.flows.test/team/flows.git";
const ANSWERS: Answers = {
  owner: "flows-team",
  zone: "flows.test",
  hostname: "langflow.flows.test",
  cloudflareAccountId: "a".repeat(32),
  githubRepository: "team/langflow-dr",
  flowRepository: { url: REPOSITORY, branch: "main" },
  topology: "active-standby",
  regions: completed([{ awsRegion: "us-west-2" }, { awsRegion: "eu-central-1" }]),
  notificationEmails: ["oncall@flows.test"],
  adminRoleArns: ["arn:aws:iam::210987654321:role/deployer"],
  publicAccessCidrs: ["9.9.9.0/24"],
  backendUrl: "s3://langflow-dr-state-210987654321?region=us-east-2&awssdk=v2",
};

async function run(options: Partial<InitOptions> & { given?: unknown }, prompter?: Prompter) {
  let stdout = "";
  jest.spyOn(process.stdout, "write").mockImplementation((chunk) => {
    stdout += chunk;
    return true;
  });
  jest.spyOn(process.stderr, "write").mockImplementation(() => true);
  const { given, ...rest } = options;
  const answers = join(directory, "answers.yaml");
  if (given !== undefined) writeFileSync(answers, stringify(given));
  const whole = { json: false, project: directory, yes: false, overwrite: false, signal: new AbortController().signal };
  try {
    const exitCode = await init({ ...whole, answers: given === undefined ? undefined : answers, ...rest }, prompter);
    return { exitCode, stdout, message: "" };
  } catch (error) {
    const { exitCode, message } = error as UserError;
    return { exitCode, stdout, message };
  } finally {
    rmSync(answers, { force: true });
  }
}

/**
 * Simulates a user who types these texts in order, each validated as at a prompt, and who confirms or declines in this
 * order.
 */
function person(texts: readonly string[], confirms: readonly boolean[], choice = "active-active", size = "none") {
  const [left, said, questions] = [[...texts], [...confirms], [] as string[]];
  const prompter: Prompter = {
    async input({ message, default: proposal, validate }) {
      questions.push(message);
      for (;;) {
        const answer = left.shift();
        if (answer === undefined) throw new Error(`nothing left to answer ${message}`);
        const value = answer === "" ? (proposal ?? "") : answer;
        const verdict = validate(value);
        if (verdict === true) return value;
        questions.push(verdict);
      }
    },
    async select({ message, choices }) {
      return message.startsWith("Size") ? (choices.find((each) => each.startsWith(size)) ?? "") : choice;
    },
    async confirm({ message }) {
      questions.push(message);
      const answer = said.shift();
      if (answer === undefined) throw new Error(`nothing left to say to ${message}`);
      return answer;
    },
  };
  return { prompter, questions };
}

describe("a predefined size, as chosen in init,", () => {
  const regions = () => {
    const { stacks } = readProject(directory);
    return [...stacks.values()].flatMap((stack) => (stack.kind === "region" ? [stack.own] : []));
  };

  it.each(SIZE_NAMES)("is written as explicit config of each region, without warnings: %s", async (size) => {
    const given = { ...ANSWERS, size };
    const { exitCode, stdout } = await run({ given, yes: true });
    expect(exitCode).toBe(ExitCode.Success);
    expect(stdout).toContain(`${size}: two regions cost about`);
    expect(stdout).toContain(SIZES[size].survives);
    expect(regions()).toHaveLength(2);
    for (const own of regions()) expect(own).toMatchObject(SIZES[size].config);
    expect(readProject(directory).warnings).toEqual([]);
    const before = snapshot();
    expect((await run({ given, yes: true })).exitCode).toBe(ExitCode.Success);
    expect(snapshot()).toEqual(before);
  });

  it("keeps settings that it does not cover, and replaces a user's own values only with --overwrite", async () => {
    const answers: Answers = {
      ...ANSWERS,
      size: "small",
      regions: completed([{ awsRegion: "us-east-1" }, { awsRegion: "eu-west-1" }]),
    };
    const file = "Pulumi.us-east.yaml";
    const own = { instanceClass: "db.r7g.large", pointInTimeRecoveryDays: 30 };
    const content = parse(text(file));
    content.config["langflow-dr:database"] = own;
    writeFileSync(join(directory, file), stringify(content));
    const refused = await run({ given: answers, yes: true });
    expect(refused.exitCode).toBe(ExitCode.Refused);
    expect(refused.message).toContain("langflow-dr:database.instanceClass (Pulumi.us-east.yaml)");
    expect((await run({ given: answers, yes: true, overwrite: true })).exitCode).toBe(ExitCode.Success);
    expect(regions()[0]?.database).toMatchObject({ instanceClass: "db.t4g.medium", pointInTimeRecoveryDays: 30 });
  });

  it("is offered with its cost and the failures that it survives, and choosing no size is possible", () => {
    expect(SIZE_CHOICES).toHaveLength(SIZE_NAMES.length + 1);
    for (const [index, size] of SIZE_NAMES.entries()) {
      expect(chosenSize(SIZE_CHOICES[index] ?? "")).toBe(size);
      expect(SIZE_CHOICES[index]).toContain(SIZES[size].survives);
      expect(SIZE_CHOICES[index]).toMatch(/about [\d,]+ US\$ a month/);
    }
    expect(chosenSize(SIZE_CHOICES.at(-1) ?? "")).toBeUndefined();
  });
});

describe("init's proposals", () => {
  it("never include a network that overlaps an existing network", () => {
    const cidr = fc.tuple(fc.nat(255), fc.integer({ min: 8, max: 20 })).map(([second, bits]) => {
      const size = 2 ** (bits - 8);
      return bits < 16
        ? `10.${Math.floor(second / (256 / size)) * (256 / size)}.0.0/${bits}`
        : `10.${second}.0.0/${bits}`;
    });
    fc.assert(
      fc.property(fc.array(cidr, { maxLength: 40 }), (taken) => {
        const proposed = proposeCidr(taken);
        if (proposed === undefined) return taken.length > 0;
        return taken.every((other) => !overlapping(proposed, other));
      }),
    );
  });

  it("provide networks for sixteen regions, and none if 10.0.0.0/8 is already used", () => {
    const taken: string[] = [];
    for (let count = 0; count < 16; count++) taken.push(proposeCidr(taken) ?? "");
    expect(new Set(taken).size).toBe(16);
    expect(taken).not.toContain("");
    expect(proposeCidr(["10.0.0.0/8"])).toBeUndefined();
  });

  it("place the witness outside the fleet's AWS regions: in its current AWS region, the state backend's, or a default", () => {
    expect(proposeWitness(["eu-west-3", "us-east-2"], ["us-east-1", "eu-west-1"])).toBe("eu-west-3");
    expect(proposeWitness([undefined, "us-east-2"], ["us-east-1", "eu-west-1"])).toBe("us-east-2");
    expect(proposeWitness(["us-east-1", "nowhere-1"], ["us-east-1", "us-west-2"])).toBe("eu-central-1");
    expect(proposeWitness([], ["us-west-2", "eu-central-1"])).toBeUndefined();
    expect(proposeWitness(["us-west-2"], ["cn-north-1", "cn-northwest-1"])).toBeUndefined();
    expect(proposeWitness(["us-gov-east-1"], ["us-gov-west-1", "us-gov-east-1"])).toBeUndefined();
  });

  it("name a region after its AWS region, with the number only if the short name is already used", () => {
    expect(proposeName("us-east-1", [])).toBe("us-east");
    expect(proposeName("us-east-2", ["us-east"])).toBe("us-east-2");
  });

  it("never name a region as its own backup region", () => {
    const names = ["a", "b", "c"];
    expect(backupRegions(names)).toEqual(["b", "c", "a"]);
  });
});

describe("a file that init edits", () => {
  it.each(FILES)("is byte-identical if it is parsed and written without edits: %s", (file) => {
    expect(new EditedFile(file, text(file)).toString()).toBe(text(file));
  });
});

describe("init", () => {
  it("recognizes the example values in this repository's config", () => {
    const config = parse(text("Pulumi.yaml")).config;
    const own = parse(text("Pulumi.us-east.yaml")).config;
    for (const [key, shipped] of Object.entries(SHIPPED)) {
      const [name = "", part] = key.split(/\.(?=\w+$)/);
      const value = config[name]?.value ?? own[name];
      expect(shipped).toContainEqual(part ? value[part] : value);
    }
  });

  it("writes any valid answers so that the project reads the same values back", () => {
    const word = fc.stringMatching(/^[a-z][a-z0-9]{0,9}$/);
    const places = ["us-east-1", "us-east-2", "us-west-2", "eu-west-1", "eu-central-1", "ap-south-1", "sa-east-1"];
    const answers = fc.record({
      owner: fc.stringMatching(/^[A-Za-z0-9][\w.@ +-]{0,20}$/),
      label: word,
      // YAML reads digits alone, and digits around an e, as numbers.
      account: fc.oneof(fc.stringMatching(/^[0-9a-f]{32}$/), fc.stringMatching(/^[0-9]{29}e[0-9]{2}$|^[0-9]{32}$/)),
      repository: fc.option(
        fc.tuple(word, word).map((parts) => parts.join("/")),
        { nil: undefined },
      ),
      branch: fc.option(word, { nil: undefined }),
      topology: fc.constantFrom("active-active" as const, "active-standby" as const),
      regions: fc.uniqueArray(fc.constantFrom(...places), { minLength: 2, maxLength: 5 }),
      roles: fc.array(
        word.map((name) => `arn:aws:iam::210987654321:role/${name}`),
        { maxLength: 3 },
      ),
      emails: fc.array(
        word.map((name) => `${name}@flows.test`),
        { minLength: 1, maxLength: 3 },
      ),
    });
    fc.assert(
      fc.property(answers, (given) => {
        const wanted: Answers = {
          ...ANSWERS,
          owner: given.owner,
          zone: `${given.label}.test`,
          hostname: `chat.${given.label}.test`,
          cloudflareAccountId: given.account,
          githubRepository: given.repository,
          topology: given.topology,
          flowRepository: given.branch ? { url: REPOSITORY, branch: given.branch } : undefined,
          regions: completed(given.regions.map((awsRegion) => ({ awsRegion }))),
          adminRoleArns: given.repository ? given.roles : [...ANSWERS.adminRoleArns, ...given.roles],
          notificationEmails: given.emails,
        };
        const copy = mkdtempSync(join(tmpdir(), "init-"));
        for (const file of FILES) cpSync(join(ROOT, file), join(copy, file));
        for (const [file, content] of planOf(copy, wanted).files) writeFileSync(join(copy, file), content);
        const { stacks } = readProject(copy);
        const edge = stacks.get("edge");
        const { notificationEmails, adminRoleArns, publicAccessCidrs, backendUrl, ...optional } = wanted;
        const { githubRepository, flowRepository, ...fleet } = optional;
        expect(edge?.fleet).toMatchObject(fleet);
        expect(edge?.fleet.flowRepository).toEqual(flowRepository);
        expect(edge?.fleet.githubRepository).toBe(githubRepository);
        expect(edge?.own).toMatchObject({ notificationEmails });
        for (const { name } of wanted.regions)
          expect(stacks.get(name)?.own).toMatchObject({ cluster: { adminRoleArns, publicAccessCidrs } });
        expect(parse(readFileSync(join(copy, "Pulumi.yaml"), "utf8")).backend.url).toBe(backendUrl);
        expect(planOf(copy, wanted).files.size).toBe(0);
        rmSync(copy, { recursive: true });
      }),
      { numRuns: 25 },
    );
  });

  it.each([
    ["with a GitHub repository", ANSWERS],
    ["without a GitHub repository", { ...ANSWERS, githubRepository: undefined }],
    ["without a flow repository", { ...ANSWERS, flowRepository: undefined }],
  ])("keeps all comments and all values that it asks no question about, %s", async (_, given) => {
    const before = snapshot();
    const { exitCode } = await run({ given, yes: true });
    expect(exitCode).toBe(ExitCode.Success);
    for (const file of ["Pulumi.yaml", "Pulumi.edge.yaml"]) {
      // The backend's commented-out example is now a real setting.
      const expected = comments(before[file] ?? "").filter((line) => !/^# (backend:| {2}url: s3)/.test(line));
      expect(comments(text(file))).toEqual(expect.arrayContaining(expected));
    }
    expect(parse(text("Pulumi.yaml")).config["langflow-dr:image"]).toEqual(
      parse(before["Pulumi.yaml"] ?? "").config["langflow-dr:image"],
    );
    expect(text("Pulumi.foundation.yaml")).toBe(before["Pulumi.foundation.yaml"]);
  });

  it("creates a new region's file from an existing region's file, without its key and secrets", async () => {
    const model = new EditedFile("Pulumi.us-east.yaml", text("Pulumi.us-east.yaml"));
    model.set(["encryptedkey"], "QUJD", "encryptedkey");
    model.set(["secretsprovider"], "awskms://alias/x", "secretsprovider");
    model.set(["config", "langflow-dr:workspaces"], { team: { secure: "v1:abc" } }, "workspaces");
    writeFileSync(join(directory, "Pulumi.us-east.yaml"), model.toString());
    await run({ given: ANSWERS, yes: true });
    const made = text("Pulumi.us-west.yaml");
    expect(made).toContain("pulumi stack init us-west ");
    expect(made).not.toMatch(/us-east|^encryptedkey|^secretsprovider|v1:abc/m);
    expect(comments(made)).toHaveLength(comments(text("Pulumi.us-east.yaml")).length);
  });

  const schedules = () => parse(text("Pulumi.yaml")).config["langflow-dr:schedules"]?.value;

  it("moves the witness to the state's AWS region if the witness's AWS region becomes one of the fleet's", async () => {
    await run({ given: ANSWERS, yes: true });
    expect(schedules()).toEqual({ witness: { awsRegion: "us-east-2" } });
  });

  it("keeps a valid witness, and removes the witness and its comment if no AWS region is left for it", async () => {
    const apart = { ...ANSWERS, regions: completed([{ awsRegion: "us-east-1" }, { awsRegion: "eu-central-1" }]) };
    await run({ given: apart, yes: true });
    expect(schedules()).toEqual({ witness: { awsRegion: "us-west-2" } });
    const regions = completed([{ awsRegion: "us-west-2" }, { awsRegion: "eu-central-1" }, { awsRegion: "us-east-2" }]);
    await run({ given: { ...ANSWERS, regions }, yes: true, overwrite: true });
    expect(schedules()).toBeUndefined();
    expect(text("Pulumi.yaml")).toContain("# The region whose schedules fire");
  });

  it("accepts an answer about schedules, and rejects an unknown region", async () => {
    const given = { ...ANSWERS, schedules: { region: "eu-central" } };
    await run({ given, yes: true });
    expect(schedules()).toEqual({ region: "eu-central" });
    expect(
      await run({ given: { ...given, schedules: { region: "us-east" } }, yes: true, overwrite: true }),
    ).toMatchObject({
      exitCode: ExitCode.BadInput,
      message: expect.stringContaining("must be one of the regions: us-west, eu-central"),
    });
  });

  it("lists files that no longer belong to a stack without deleting them, and lists the next steps", async () => {
    const { stdout } = await run({ given: ANSWERS, yes: true });
    expect(stdout).toMatch(/Pulumi\.eu-west\.yaml no longer belongs to a stack/);
    expect(stdout).toMatch(/Pulumi\.us-east\.yaml no longer belongs to a stack/);
    expect(existsSync(join(directory, "Pulumi.eu-west.yaml"))).toBe(true);
    expect(stdout).toContain(
      'pulumi stack init us-west --secrets-provider "awskms://alias/langflow-dr-state?region=us-east-2"',
    );
    expect(stdout).toContain("npm run fleet -- doctor");
  });

  it("keeps a value that the user chose, unless --overwrite is given", async () => {
    expect((await run({ given: ANSWERS, yes: true })).exitCode).toBe(ExitCode.Success);
    const before = snapshot();
    const given = { ...ANSWERS, owner: "another-team" };
    const refused = await run({ given, yes: true });
    expect(refused).toMatchObject({
      exitCode: ExitCode.Refused,
      message: expect.stringContaining("langflow-dr:owner (Pulumi.yaml)"),
    });
    expect(refused.message).not.toContain("langflow-dr:zone");
    expect(snapshot()).toEqual(before);
    expect((await run({ given, yes: true, overwrite: true })).exitCode).toBe(ExitCode.Success);
    expect(readProject(directory).stacks.get("edge")?.fleet.owner).toBe("another-team");
  });

  it.each([
    ["a missing answer", { ...ANSWERS, notificationEmails: undefined }, /notificationEmails/],
    ["an answer out of bounds", { ...ANSWERS, cloudflareAccountId: "xyz" }, /cloudflareAccountId: must be 32/],
    ["contradictory answers", { ...ANSWERS, hostname: "langflow.other.test" }, /hostname.*not inside the zone/],
    [
      "overlapping networks",
      { ...ANSWERS, regions: ANSWERS.regions.map((each) => ({ ...each, cidr: "10.16.0.0/16" })) },
      /overlaps/,
    ],
    ["an unknown key", { ...ANSWERS, color: "red" }, /color/],
  ])("rejects %s and changes no file", async (_, given, message) => {
    const before = snapshot();
    const ended = await run({ given, yes: true });
    expect(ended).toMatchObject({ exitCode: ExitCode.BadInput, message: expect.stringMatching(message) });
    expect(snapshot()).toEqual(before);
  });

  it("lists the required answers if it runs without a terminal", async () => {
    const { exitCode, message } = await run({});
    expect(exitCode).toBe(ExitCode.Refused);
    for (const key of Object.keys(ANSWERS)) expect(message).toContain(key);
    expect(message).toContain("githubRepository (optional)");
  });

  it.each([60, 80, 110, 200])(
    "prints complete config keys, grouped by file, at a width of %d columns",
    async (width) => {
      const regions = completed(["us-east-1", "eu-west-1", "us-west-2"].map((awsRegion) => ({ awsRegion })));
      const given = { ...ANSWERS, regions, schedules: undefined, size: "small" };
      const { columns } = process.stderr;
      const stdout = process.stdout.columns;
      process.stderr.columns = width;
      process.stdout.columns = width;
      try {
        expect(await run({ given, yes: true })).toMatchObject({
          exitCode: ExitCode.Success,
        });
      } finally {
        process.stderr.columns = columns;
        process.stdout.columns = stdout;
      }
      const said = stripVTControlCharacters(
        (process.stderr.write as jest.Mock).mock.calls.map(([chunk]) => String(chunk)).join(""),
      );
      const keys = [...said.matchAll(/^(langflow-dr:\S+|backend\.\S+)/gm)].map(([key]) => key);
      expect(keys).toEqual(
        expect.arrayContaining([
          "langflow-dr:resources.requests.memory",
          "langflow-dr:resources.limits.memory",
          "langflow-dr:resources.requests.cpu",
          "langflow-dr:resources.limits.cpu",
          "langflow-dr:database.maxStorageGib",
          "langflow-dr:cloudflareAccountId",
        ]),
      );
      expect(keys.join()).not.toContain("…");
      expect(said).toMatch(/^Pulumi\.us-west\.yaml\na new file, copied from a different region's$/m);
    },
  );

  it.each([
    ["Pulumi.yaml", "- a", "Pulumi.yaml must be a YAML mapping (keys with values): correct it, then run this again"],
    [
      "Pulumi.edge.yaml",
      "config: [a]",
      "Pulumi.edge.yaml: config must be a YAML mapping (keys with values): correct it, then run this again",
    ],
    [
      "Pulumi.yaml",
      "config: { langflow-dr:regions: 5 }",
      "Pulumi.yaml: config.langflow-dr:regions must be a YAML mapping (keys with values): correct it, then run this again",
    ],
  ])("rejects %s if it contains %j, with one sentence and without changing files", async (file, content, message) => {
    writeFileSync(join(directory, file), content);
    const before = snapshot();
    expect(await run({ given: ANSWERS, yes: true })).toMatchObject({ exitCode: ExitCode.BadInput, message });
    expect(snapshot()).toEqual(before);
  });

  it.each(["2024-01-01", "e0", "010", "yes", "1_000"])(
    "quotes the text %s, which YAML would otherwise read as a different type",
    async (branch) => {
      const given = { ...ANSWERS, flowRepository: { url: REPOSITORY, branch } };
      expect(await run({ given, yes: true })).toMatchObject({ exitCode: ExitCode.Success });
      expect(readFileSync(join(directory, "Pulumi.yaml"), "utf8")).toContain(`branch: "${branch}"`);
    },
  );

  it("fills a file whose values are all commented out", async () => {
    writeFileSync(join(directory, "Pulumi.edge.yaml"), "config:\n  # nothing yet\n");
    expect(await run({ given: ANSWERS, yes: true })).toMatchObject({ exitCode: ExitCode.Success });
    expect(readFileSync(join(directory, "Pulumi.edge.yaml"), "utf8")).toMatch(/nothing yet/);
    expect(parse(readFileSync(join(directory, "Pulumi.edge.yaml"), "utf8")).config).toEqual({
      "langflow-dr:notificationEmails": ["oncall@flows.test"],
    });
  });

  it("writes nothing without confirmation", async () => {
    const before = snapshot();
    expect(await run({ given: ANSWERS })).toMatchObject({
      exitCode: ExitCode.Refused,
      message: expect.stringContaining("--yes"),
    });
    const { prompter } = person([], [false]);
    expect((await run({ given: ANSWERS }, prompter)).exitCode).toBe(ExitCode.Refused);
    expect(snapshot()).toEqual(before);
  });

  it("writes nothing if neither a role nor a GitHub repository would administer the clusters", async () => {
    const before = snapshot();
    const given = { ...ANSWERS, githubRepository: undefined, adminRoleArns: [] };
    expect(await run({ given, yes: true })).toMatchObject({
      exitCode: ExitCode.BadInput,
      message: expect.stringContaining("adminRoleArns: must contain the IAM role you deploy with"),
    });
    expect(snapshot()).toEqual(before);
  });

  it("asks questions, validates each answer, proposes defaults and writes the config", async () => {
    const { prompter, questions } = person(
      [
        "flows-team",
        "flows.test",
        "langflow.elsewhere.test",
        "",
        "a".repeat(32),
        "https://user@git.flows.test/x",
        "https://git.flows.test/team/flows.git",
        "",
        "",
        "us-west-2",
        "",
        "10.16.0.0/24",
        "",
        "us-west-2",
        "eu-central-1",
        "",
        "10.16.0.0/17",
        "",
        "",
        "arn:aws:iam::210987654321:role/deployer",
        "0.0.0.0/0",
        "9.9.9.0/24, 149.112.112.0/24",
        "oncall@flows.test",
        "s3://langflow-dr-state-210987654321?region=us-east-2&awssdk=v2",
        "us-west-2",
        "",
      ],
      [false, true],
    );
    const { exitCode } = await run({}, prompter);
    expect(exitCode).toBe(ExitCode.Success);
    expect(questions).toEqual(
      expect.arrayContaining([
        expect.stringContaining("is not inside flows.test"),
        expect.stringContaining("without user or token"),
        "is already used",
        expect.stringContaining("must contain the IAM role you deploy with"),
        "must be between /16 and /20",
        expect.stringContaining("overlaps 10.16.0.0/16 of us-west"),
        expect.stringContaining("list your own networks"),
        expect.stringContaining("is a region of the fleet and would fail with it"),
      ]),
    );
    const fleet = readProject(directory).stacks.get("edge")?.fleet;
    expect(fleet).toMatchObject({
      hostname: "langflow.flows.test",
      buildRegion: "us-west",
      schedules: { witness: { awsRegion: "us-east-2" } },
      regions: [
        { name: "us-west", awsRegion: "us-west-2", cidr: "10.16.0.0/16", backupRegion: "eu-central" },
        { name: "eu-central", awsRegion: "eu-central-1", cidr: "10.32.0.0/16", backupRegion: "us-west" },
      ],
    });
    expect(fleet?.githubRepository).toBeUndefined();
  });

  it("proposes the previous answers on a second run, and changes nothing if the user accepts them", async () => {
    await run({ given: ANSWERS, yes: true });
    const before = snapshot();
    const [roles, networks] = [ANSWERS.adminRoleArns, ANSWERS.publicAccessCidrs].map((list) => list.join(","));
    const { prompter, questions } = person(
      [...Array(7).fill(""), roles ?? "", networks ?? "", "", "", ""],
      [true],
      "active-standby",
    );
    const ended = await run({}, prompter);
    expect(ended).toMatchObject({ exitCode: ExitCode.Success, stdout: expect.stringContaining("nothing to change") });
    expect(questions).toContain("Keep the regions us-west, eu-central");
    expect(snapshot()).toEqual(before);
  });

  it.each([
    ["there is no project", () => rmSync(join(directory, "Pulumi.yaml")), /no Pulumi\.yaml/],
    [
      "a file is not valid YAML",
      () => writeFileSync(join(directory, "Pulumi.edge.yaml"), "config: [unclosed"),
      /Pulumi\.edge\.yaml/,
    ],
  ])("fails before the first question if %s", async (_, spoil, message) => {
    spoil();
    const { prompter, questions } = person([], []);
    expect(await run({}, prompter)).toMatchObject({
      exitCode: ExitCode.BadInput,
      message: expect.stringMatching(message),
    });
    expect(questions).toEqual([]);
  });

  it("as a process exits with code 11 without a terminal, and explains how to pass answers", async () => {
    const args = ["--require", "./typescript.cjs", "fleet/main.ts", "init", "--project", directory];
    const ended = await promisify(execFile)(process.execPath, args, { cwd: ROOT }).catch(
      (error: { code: number; stderr: string }) => error,
    );
    expect(ended).toMatchObject({ code: ExitCode.Refused, stderr: expect.stringContaining("--answers") });
  });

  it("prints the written files as JSON", async () => {
    const { stdout } = await run({ given: ANSWERS, yes: true, json: true });
    expect(JSON.parse(stdout)).toMatchObject({
      verb: "init",
      created: ["Pulumi.us-west.yaml", "Pulumi.eu-central.yaml"],
      unused: ["Pulumi.eu-west.yaml", "Pulumi.us-east.yaml"],
      written: ["Pulumi.us-west.yaml", "Pulumi.eu-central.yaml", "Pulumi.edge.yaml", "Pulumi.yaml"],
    });
  });
});

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ExitCode, UserError } from "../../model/errors";
import { PROJECT } from "../../model/names";
import { isExample } from "../doctor/examples";
import { readProject } from "../stacks/project";
import type { Answers } from "./answers";
import { type Change, EditedFile, projectPath, stackPath } from "./edit";
import { proposeWitness } from "./proposals";
import { stateRegion } from "./questions";
import { valuesOf } from "./size";

/** Changes that `init` is about to make. */
export interface Plan {
  /**
   * Contents of changed files by file name. Pulumi.yaml is last, so that it never refers to a file that does not exist
   * yet.
   */
  readonly files: ReadonlyMap<string, string>;
  readonly changes: readonly Change[];
  /** New files. */
  readonly created: readonly string[];
  /** Changes that replace a manually edited value. */
  readonly overwritten: readonly Change[];
  /** Files of stacks that no longer belong to the fleet. */
  readonly unused: readonly string[];
}

/** Values shipped with this repository that do not look like examples. They may be replaced without confirmation. */
export const SHIPPED: Readonly<Record<string, readonly unknown[]>> = {
  [`${PROJECT}:owner`]: ["platform-team"],
  [`${PROJECT}:topology`]: ["active-active"],
  [`${PROJECT}:buildRegion`]: ["us-east"],
  [`${PROJECT}:schedules`]: [{ witness: { awsRegion: "us-west-2" } }],
  [`${PROJECT}:flowRepository.branch`]: ["main"],
  [`${PROJECT}:replicas.min`]: [2],
  [`${PROJECT}:replicas.max`]: [10],
  [`${PROJECT}:regions`]: [
    [
      { name: "us-east", awsRegion: "us-east-1", cidr: "10.16.0.0/16", backupRegion: "eu-west" },
      { name: "eu-west", awsRegion: "eu-west-1", cidr: "10.32.0.0/16", backupRegion: "us-east" },
    ],
  ],
};

const PROJECT_FILE = "Pulumi.yaml";
const EDGE_FILE = "Pulumi.edge.yaml";

/** Region whose file is the template for new regions. */
const TEMPLATE = "us-east";

/**
 * Builds the files from the answers, without writing them.
 *
 * @throws UserError exit 2 that lists every problem if the resulting project would be invalid
 */
export function planOf(directory: string, answers: Answers): Plan {
  const read = (file: string) => contentOf(directory, file);
  const names = answers.regions.map(({ name }) => name);
  const present = stackFiles(directory);
  const created = names.map(fileOf).filter((file) => !present.includes(file));
  const edited = [
    ...names.map((name) =>
      editRegion(
        new EditedFile(fileOf(name), created.includes(fileOf(name)) ? formOf(directory, name) : read(fileOf(name))),
        answers,
      ),
    ),
    editEdge(new EditedFile(EDGE_FILE, read(EDGE_FILE)), answers),
    editProject(new EditedFile(PROJECT_FILE, read(PROJECT_FILE)), answers),
  ];
  const files = new Map(
    edited
      .filter(({ name, changes }) => changes.length > 0 || created.includes(name))
      .map((file) => [file.name, file.toString()]),
  );
  expectValid(directory, files);
  const changes = edited.flatMap((file) => (created.includes(file.name) ? [] : file.changes));
  const stacks = ["foundation", ...names, "edge"].map(fileOf);
  return {
    files,
    changes,
    created,
    overwritten: changes.filter(isChosen),
    unused: present.filter((file) => file !== PROJECT_FILE && !stacks.includes(file)),
  };
}

/**
 * Returns the values that were chosen earlier, as answers. Omits example values.
 *
 * @throws UserError exit 2 if the project does not exist
 */
export function chosenBefore(directory: string): Partial<Answers> {
  const [project, edge] = [PROJECT_FILE, EDGE_FILE].map((file) => new EditedFile(file, contentOf(directory, file))) as [
    EditedFile,
    EditedFile,
  ];
  const kept = (file: string, key: string, before: unknown) =>
    isChosen({ file, key, before, after: undefined }) ? before : undefined;
  const shared = ["owner", "zone", "hostname", "cloudflareAccountId", "githubRepository"];
  const structured = ["flowRepository", "regions", "schedules"];
  return {
    ...Object.fromEntries(
      [...shared, ...structured].map((key) => [
        key,
        kept(project.name, `${PROJECT}:${key}`, project.get(projectPath(key))),
      ]),
    ),
    notificationEmails: kept(edge.name, "", edge.get(stackPath("notificationEmails"))) as string[] | undefined,
    backendUrl: kept(project.name, "", project.get(["backend", "url"])) as string | undefined,
  };
}

function contentOf(directory: string, file: string): string {
  try {
    return readFileSync(join(directory, file), "utf8");
  } catch {
    throw new UserError(
      `there is no ${file} in ${directory}: pass the project folder with --project`,
      ExitCode.BadInput,
    );
  }
}

const fileOf = (stack: string) => `Pulumi.${stack}.yaml`;

function stackFiles(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory).filter((file) => /^Pulumi(\.[\w-]+)?\.yaml$/.test(file)) : [];
}

function isChosen({ key, before }: Change): boolean {
  if (before === undefined || (Array.isArray(before) && before.length === 0) || isExample(before)) return false;
  return !SHIPPED[key]?.some((shipped) => JSON.stringify(shipped) === JSON.stringify(before));
}

function editProject(file: EditedFile, answers: Answers): EditedFile {
  const { regions, flowRepository, notificationEmails, adminRoleArns, publicAccessCidrs, backendUrl, ...rest } =
    answers;
  const { schedules, size, ...plain } = rest;
  const value = (key: string) => file.get(projectPath(key));
  for (const [key, answer] of Object.entries({ ...plain, githubRepository: answers.githubRepository }))
    file.set(projectPath(key), answer, `${PROJECT}:${key}`);
  if (flowRepository === undefined) file.set(projectPath("flowRepository"), undefined, `${PROJECT}:flowRepository`);
  for (const [key, answer] of Object.entries(flowRepository ?? {}))
    file.set(projectPath("flowRepository", key), answer, `${PROJECT}:flowRepository.${key}`);
  const names = regions.map(({ name }) => name);
  if (!names.includes(String(value("buildRegion"))))
    file.set(projectPath("buildRegion"), names[0], `${PROJECT}:buildRegion`);
  file.set(projectPath("regions"), regions, `${PROJECT}:regions`);
  const held = schedules ?? schedulesOf(value("schedules") as Answers["schedules"], answers);
  file.set(projectPath("schedules"), withoutGaps(held), `${PROJECT}:schedules`);
  if (backendUrl !== undefined) file.setBeforeConfig("backend", { url: backendUrl });
  return file;
}

/**
 * Returns the schedules' config without values that do not fit the regions, and with a proposed witness if possible.
 */
function schedulesOf(before: Answers["schedules"], { regions, backendUrl }: Answers): Answers["schedules"] {
  const taken = regions.map(({ awsRegion }) => awsRegion);
  const state = backendUrl === undefined ? undefined : stateRegion(backendUrl);
  const awsRegion = proposeWitness([before?.witness?.awsRegion, state], taken);
  const region = regions.find(({ name }) => name === before?.region)?.name;
  return { ...before, region, witness: awsRegion === undefined ? undefined : { awsRegion } };
}

/** Removes undefined values. Returns undefined if nothing remains. */
function withoutGaps(value: object | undefined): object | undefined {
  const left = Object.entries(value ?? {}).filter(([, part]) => part !== undefined);
  return left.length > 0 ? Object.fromEntries(left) : undefined;
}

function editEdge(file: EditedFile, { notificationEmails }: Answers): EditedFile {
  file.set(stackPath("notificationEmails"), notificationEmails, `${PROJECT}:notificationEmails`);
  return file;
}

function editRegion(file: EditedFile, { adminRoleArns, publicAccessCidrs, size }: Answers): EditedFile {
  for (const [key, answer] of Object.entries({ publicAccessCidrs, adminRoleArns }))
    file.set(stackPath("cluster", key), answer, `${PROJECT}:cluster.${key}`);
  for (const [[key = "", ...rest], value] of size === undefined ? [] : valuesOf(size))
    file.set(stackPath(key, ...rest), value, `${PROJECT}:${[key, ...rest].join(".")}`);
  return file;
}

/**
 * Creates a new region's file from an existing region's file: renames the region and removes the values that are
 * specific to the original.
 */
function formOf(directory: string, name: string): string {
  const candidates = stackFiles(directory).map((file) => file.slice("Pulumi.".length, -".yaml".length));
  const model = [TEMPLATE, ...candidates].find(
    (stack) => candidates.includes(stack) && !["", "foundation", "edge"].includes(stack),
  );
  if (model === undefined)
    throw new UserError(
      `no region file to copy Pulumi.${name}.yaml from: restore Pulumi.${TEMPLATE}.yaml`,
      ExitCode.BadInput,
    );
  const file = new EditedFile(fileOf(name), readFileSync(join(directory, fileOf(model)), "utf8"));
  file.drop(["secretsprovider"], ["encryptedkey"], ["encryptionsalt"], stackPath("workspaces"));
  return file.toString().replaceAll(new RegExp(`(?<![\\w-])${model}(?![\\w-])`, "g"), name);
}

/** Validates the resulting project in a temporary folder. */
function expectValid(directory: string, files: ReadonlyMap<string, string>): void {
  const copy = mkdtempSync(join(tmpdir(), "fleet-init-"));
  try {
    for (const file of stackFiles(directory)) writeFileSync(join(copy, file), readFileSync(join(directory, file)));
    for (const [file, text] of files) writeFileSync(join(copy, file), text);
    readProject(copy);
  } finally {
    rmSync(copy, { recursive: true });
  }
}

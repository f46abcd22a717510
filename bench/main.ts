/**
 * Implements `npm run bench`: prints medians of the program's duration and memory, next to baselines measured in the
 * same
 * run and to the targets. Progress is written to stderr, the only table (or --json) to stdout.
 */
import * as path from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { ExitCode } from "../model/errors";
import { replaceFetchClient } from "../model/fetchClient";
import { median } from "../model/median";
import { accountRows } from "./accounts";
import { liveRows } from "./live";
import { MOST_REGIONS, writeProject } from "./regions";
import { type Bounds, type Row, render, row } from "./rows";
import { FLEET, type Measured, measure, NODE, ROOT, Workplace } from "./run";
import { seriesRows } from "./series";
import { marginalCost } from "./statistics";

interface Options {
  readonly repetitions: number;
  readonly regions: readonly number[];
  readonly json: boolean;
  /** Whether to measure replication of flows on the live fleet instead of the program's own speed. */
  readonly live: boolean;
  /** Whether to measure account replication on the live fleet instead of the program's own speed. */
  readonly accounts: boolean;
  /** Whether to measure Prometheus' resources for a region's series instead of the program's own speed. */
  readonly series: boolean;
}

replaceFetchClient();
const place = new Workplace();
const rows: Row[] = [];

function parseOptions(): Options {
  const positive = (text: string): number => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError("must be an integer of at least 1");
    return value;
  };
  const counts = (text: string): number[] => {
    const values = text.split(",").map(Number);
    if (values.length < 3 || values.some((value) => !(value >= 2 && value <= MOST_REGIONS)))
      throw new InvalidArgumentError(`must be three or more counts from 2 to ${MOST_REGIONS}, such as 2,4,8,16`);
    return values;
  };
  return new Command("bench")
    .option("--live", "measure flow replication on a real LangFlow instead of the program (about half an hour)", false)
    .option(
      "--accounts",
      "measure account replication on a real PostgreSQL instead of the program (about ten minutes)",
      false,
    )
    .option(
      "--series",
      "measure a region's series in a real Prometheus instead of the program (about 15 minutes)",
      false,
    )
    .option("--json", "print the rows as JSON instead of a table", false)
    .option("-n, --repetitions <count>", "number of runs per median", positive, 5)
    .option("--regions <counts>", "region counts at which to measure the growth", counts, [2, 4, 8, 16])
    .parse()
    .opts<Options>();
}

const fleet = (directory: string, ...args: string[]): string[] => [
  ...NODE,
  FLEET,
  ...args,
  "--local",
  "--json",
  "--directory",
  directory,
];

/** A command that runs several times. `before` sets up the initial state for each run and is not measured. */
interface Series {
  readonly what: string;
  readonly command: () => string[];
  readonly before?: () => Promise<void>;
}

/** Measures the series in turns, so that temporary load on the machine affects all of them. */
async function inTurns(times: number, ...series: Series[]): Promise<Measured[][]> {
  const measured: Measured[][] = series.map(() => []);
  for (let turn = 1; turn <= times; turn++)
    for (const [index, { what, command, before }] of series.entries()) {
      process.stderr.write(`${what}: ${turn} of ${times}\n`);
      await before?.();
      measured[index]?.push(await measure(command()));
    }
  return measured;
}

/** Runs a command once for its side effects, outside the measured series. */
async function once(what: string, command: string[]): Promise<Measured> {
  process.stderr.write(`${what}\n`);
  return measure(command);
}

const seconds = (runs: readonly Measured[] = []): number[] => runs.map((run) => run.seconds);

function add(what: string, unit: Row["unit"], values: readonly number[], floor?: Row, bounds?: Bounds): Row {
  const made = row(what, unit, values, floor, bounds);
  rows.push(made);
  return made;
}

/** Measures the start of bare Node, and the import of each heavy module in a separate process. */
async function imports({ repetitions }: Options): Promise<void> {
  const modules = [
    "@pulumi/pulumi",
    "@pulumi/pulumi/automation",
    "@pulumi/aws",
    "@pulumi/kubernetes",
    "@pulumi/cloudflare",
    "@pulumi/random",
    "zod",
    "./config/parse",
    "./stacks/foundation",
    "./stacks/region",
    "./stacks/edge",
  ];
  const [bare, ...loaded] = await inTurns(
    repetitions,
    { what: "start of Node", command: () => [process.execPath, "-e", "0"] },
    ...modules.map((name) => ({
      what: `import of ${name}`,
      command: () => [...NODE, "-e", `require(${JSON.stringify(name)})`],
    })),
  );
  const floor = add("start of Node", "s", seconds(bare));
  for (const [index, name] of modules.entries()) add(`import of ${name}`, "s", seconds(loaded[index]), floor);
}

/**
 * Measures one region's stack next to an empty program and a program with as many trivial resources. Returns both
 * baselines.
 */
async function region({ repetitions }: Options, directory: string): Promise<{ absent: Row; present: Row }> {
  const floors = place.fresh();
  const trivial = (resources: number, verb: string) => [
    ...NODE,
    path.join(__dirname, "trivialProgram.ts"),
    String(resources),
    floors,
    verb,
  ];
  const preview = () => fleet(directory, "preview", "us-east");
  const first = await once("first preview, not measured", preview());
  const count: number = JSON.parse(first.stdout).stacks[0].resources;
  await once("first trivial preview, not measured", trivial(0, "preview"));

  const pair = async (state: string) => {
    const [floorName, name] = [`${count} trivial resources, preview, ${state}`, `region stack, preview, ${state}`];
    const [floorRuns, runs] = await inTurns(
      repetitions,
      { what: floorName, command: () => trivial(count, "preview") },
      { what: name, command: preview },
    );
    const floor = add(floorName, "s", seconds(floorRuns), empty);
    add(name, "s", seconds(runs), floor, { most: 3, mostTimesFloor: 1.4 });
    return floor;
  };
  const [emptyRuns] = await inTurns(repetitions, {
    what: "empty program, preview",
    command: () => trivial(0, "preview"),
  });
  const empty = add("empty program, preview", "s", seconds(emptyRuns));
  const absent = await pair("nothing deployed");
  const floorUp = await once("first up of trivial resources", trivial(count, "up"));
  add(`${count} trivial resources, first up`, "s", [floorUp.seconds], empty);
  await once("first up of the fleet, not measured", fleet(directory, "up"));
  return { absent, present: await pair("everything deployed") };
}

/** Measures the commands as typed in a shell, including the start of npm. */
async function wholeFleet({ repetitions }: Options, deployed: string, floors: { absent: Row; present: Row }) {
  let directory = "";
  const typed = (verb: string, where: () => string) => (): string[] => [
    "npm",
    "run",
    "--silent",
    "fleet",
    "--",
    verb,
    "--local",
    "--json",
    "--directory",
    where(),
  ];
  const before = async () => {
    await place.stopCloud(directory);
    directory = place.fresh();
  };
  const names = {
    present: "npm run fleet -- preview, everything deployed",
    absent: "npm run fleet -- preview, nothing deployed, local cloud stopped",
    up: "npm run fleet -- up, nothing deployed",
  };
  const [present, absent, up] = await inTurns(
    repetitions,
    { what: names.present, command: typed("preview", () => deployed) },
    { what: names.absent, command: typed("preview", () => directory), before },
    { what: names.up, command: typed("up", () => directory), before },
  );
  await place.stopCloud(directory);
  add(names.present, "s", seconds(present), floors.present, { most: 8 });
  add(names.absent, "s", seconds(absent), floors.absent, { most: 8 });
  add(names.up, "s", seconds(up), floors.absent, { most: 30 });
}

/** Measures time and memory of a preview of the whole fleet for increasing numbers of regions. */
async function growth({ repetitions, regions }: Options, floor: Row): Promise<void> {
  const series = regions.map((count) => {
    const [project, directory] = [place.fresh(), place.fresh()];
    writeProject(project, count);
    return {
      what: `fleet of ${count} regions, preview`,
      command: () => [...fleet(directory, "preview"), "--project", project],
    };
  });
  for (const { what, command } of series) await once(`${what}, not measured`, command());
  const measured = await inTurns(repetitions, ...series);
  const points = regions.map((count, index): [number, number] => {
    const runs = measured[index] ?? [];
    add(`fleet of ${count} regions, preview`, "s", seconds(runs), floor);
    const memory = runs.map((run) => run.megabytes);
    add(`fleet of ${count} regions, the CLI's memory`, "MB", memory, undefined, { most: 1000 });
    return [count, median(seconds(runs))];
  });
  const cost = marginalCost(points);
  const last = Math.max(...regions);
  const third = add("cost of the 3rd region, fitted", "s", [cost(3)]);
  add(`cost of region ${last}, fitted`, "s", [cost(last)], third, { mostTimesFloor: 1.2 });
}

async function main(): Promise<void> {
  const options = parseOptions();
  process.chdir(ROOT);
  for (const signal of ["SIGINT", "SIGTERM"])
    process.once(signal, () => place.close().finally(() => process.exit(ExitCode.Cancelled)));
  if (options.live || options.accounts || options.series) {
    if (options.live) rows.push(...(await liveRows(4 * options.repetitions)));
    if (options.accounts) rows.push(...(await accountRows()));
    if (options.series) rows.push(...(await seriesRows()));
    print(options);
    return;
  }
  try {
    await imports(options);
    const directory = place.fresh();
    const floors = await region(options, directory);
    await wholeFleet(options, directory, floors);
    await growth(options, floors.absent);
  } finally {
    await place.close();
  }
  print(options);
}

function print({ json }: Options): void {
  process.stdout.write(`${json ? JSON.stringify(rows, null, 2) : render(rows)}\n`);
}

main().catch((error: Error) => {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = ExitCode.Failure;
});

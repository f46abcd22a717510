import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { parse, stringify } from "yaml";
import { ROOT } from "./run";

/**
 * Sixteen AWS regions on six continents, beginning with the two of our own fleet. The witness region is not included.
 */
const PLACES: readonly (readonly [name: string, awsRegion: string])[] = [
  ["us-east", "us-east-1"],
  ["eu-west", "eu-west-1"],
  ["ap-southeast", "ap-southeast-1"],
  ["me-south", "me-south-1"],
  ["eu-central", "eu-central-1"],
  ["ap-northeast", "ap-northeast-1"],
  ["us-east-ohio", "us-east-2"],
  ["eu-north", "eu-north-1"],
  ["ap-south", "ap-south-1"],
  ["sa-east", "sa-east-1"],
  ["ca-central", "ca-central-1"],
  ["eu-west-paris", "eu-west-3"],
  ["ap-sydney", "ap-southeast-2"],
  ["eu-south", "eu-south-1"],
  ["ap-seoul", "ap-northeast-2"],
  ["eu-west-london", "eu-west-2"],
];

export const MOST_REGIONS = PLACES.length;

/**
 * Writes our project to `folder` with `count` regions instead of its own. Every region uses the stack file of us-east.
 */
export function writeProject(folder: string, count: number): void {
  mkdirSync(folder, { recursive: true });
  const project = parse(readFileSync(path.join(ROOT, "Pulumi.yaml"), "utf8"));
  const places = PLACES.slice(0, count);
  project.config["langflow-dr:regions"] = {
    value: places.map(([name, awsRegion], index) => ({
      name,
      awsRegion,
      cidr: `10.${8 + index * 8}.0.0/16`,
      backupRegion: places[(index + 1) % count]?.[0],
    })),
  };
  writeFileSync(path.join(folder, "Pulumi.yaml"), stringify(project));
  for (const stack of ["foundation", "edge"])
    copyFileSync(path.join(ROOT, `Pulumi.${stack}.yaml`), path.join(folder, `Pulumi.${stack}.yaml`));
  for (const [name] of places)
    copyFileSync(path.join(ROOT, "Pulumi.us-east.yaml"), path.join(folder, `Pulumi.${name}.yaml`));
}

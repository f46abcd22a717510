import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import writeFileAtomic from "write-file-atomic";
import { z } from "zod";
import { ExitCode, UserError } from "../../model/errors";
import type { Finding } from "../checks/checkResult";
import { findingsReport } from "../checks/findingsReport";
import { markdown } from "../report/markdown";
import type { Report } from "../report/report";

const findingShape = z.object({
  check: z.string(),
  result: z.enum(["ok", "warning", "broken", "not checked"]),
  finding: z.string(),
  fix: z.string().optional(),
});
const proofShape = z.object({
  begun: z.string(),
  deployed: z.record(z.string(), z.string()),
  findings: z.array(findingShape),
});

/** Findings about one deployment of the fleet; `prove` updates its file after each check. */
export interface Proof {
  /** ISO 8601. */
  readonly begun: string;
  /** When each stack was last updated, ISO 8601. */
  readonly deployed: Readonly<Record<string, string>>;
  readonly findings: readonly Finding[];
}

/** Returns the path of a proof's files, without `.json` or `.md`. @param begun start time, ISO 8601 */
export function proofPath(folder: string, begun: string): string {
  return join(folder, `${begun.slice(0, 4)}`, begun.replace(/[-:]|\.\d+/g, ""));
}

/** Writes the proof's files atomically, so that `--resume` works after any crash. */
export async function keep(path: string, proof: Proof): Promise<void> {
  mkdirSync(join(path, ".."), { recursive: true });
  await writeFileAtomic(`${path}.json`, `${JSON.stringify(proof, null, 2)}\n`);
  await writeFileAtomic(`${path}.md`, markdown(proofReport(proof)));
}

/**
 * Returns the passed findings of an earlier proof of the same deployment.
 *
 * @throws UserError exit 2 if the proof is of a different deployment
 */
export function goodIn(proof: Proof, deployed: Proof["deployed"]): Finding[] {
  const moved = Object.keys(deployed).filter((stack) => proof.deployed[stack] !== deployed[stack]);
  if (moved.length > 0)
    throw new UserError(
      `the report of ${proof.begun} describes an earlier deployment of ${moved.join(", ")}: omit --resume to run all checks again`,
      ExitCode.BadInput,
    );
  return proof.findings.filter(({ result }) => result === "ok");
}

/** Reads a proof that {@link keep} wrote. @throws UserError exit 2 if the file is not a proof */
export function readProof(file: string): Proof {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new UserError(`--resume ${file} cannot be read: ${(error as Error).message}`, ExitCode.BadInput);
  }
  const parsed = proofShape.safeParse(content);
  if (!parsed.success)
    throw new UserError(
      `--resume ${file} is not a report of \`prove\`: pass the report's .json file`,
      ExitCode.BadInput,
    );
  return parsed.data as Proof;
}

/** Returns the findings for people. */
export function proofReport({ begun, deployed, findings }: Proof): Report {
  const times = Object.entries(deployed).map(([stack, time]) => `${stack} ${time}`);
  return findingsReport(`Proof of ${begun}`, findings, { Deployed: times.join(", ") });
}

import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import writeFileAtomic from "write-file-atomic";
import { z } from "zod";
import { ExitCode, UserError } from "../../model/errors";
import type { Finding } from "../checks/checkResult";

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

/** What was found of a fleet as it was deployed at a time: a file that grows with each finding. */
export interface Proof {
  /** ISO 8601. */
  readonly begun: string;
  /** When each stack was last updated, ISO 8601. */
  readonly deployed: Readonly<Record<string, string>>;
  readonly findings: readonly Finding[];
}

/** Where a proof that began then is kept; `.json` and `.md` of the same name. */
export function proofPath(folder: string, begun: string): string {
  return join(folder, `${begun.slice(0, 4)}`, begun.replace(/[-:]|\.\d+/g, ""));
}

/** Written whole, so that whatever ends the process leaves a proof to go on from. */
export async function keep(path: string, proof: Proof): Promise<void> {
  mkdirSync(join(path, ".."), { recursive: true });
  await writeFileAtomic(`${path}.json`, `${JSON.stringify(proof, null, 2)}\n`);
  await writeFileAtomic(`${path}.md`, markdown(proof));
}

/**
 * The findings of an earlier proof that hold still: those that were good, of the same deployment.
 *
 * @throws UserError exit 2 where it speaks of another deployment
 */
export function goodIn(proof: Proof, deployed: Proof["deployed"]): Finding[] {
  const moved = Object.keys(deployed).filter((stack) => proof.deployed[stack] !== deployed[stack]);
  if (moved.length > 0)
    throw new UserError(
      `the proof of ${proof.begun} is about an earlier deployment of ${moved.join(", ")}: leave --resume out, all must be looked at again`,
      ExitCode.BadInput,
    );
  return proof.findings.filter(({ result }) => result === "ok");
}

/** A proof as {@link keep} wrote it. @throws UserError exit 2 where the file is none */
export function readProof(file: string): Proof {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new UserError(`--resume ${file} can't be read: ${(error as Error).message}`, ExitCode.BadInput);
  }
  const parsed = proofShape.safeParse(content);
  if (!parsed.success)
    throw new UserError(`--resume ${file} is no report of \`prove\`: name its .json`, ExitCode.BadInput);
  return parsed.data as Proof;
}

function markdown({ begun, deployed, findings }: Proof): string {
  const cell = (text: string) => text.replaceAll("|", "\\|").replaceAll("\n", "<br>");
  const row = (...cells: readonly string[]) => `| ${cells.map(cell).join(" | ")} |`;
  return [
    `# Proof of ${begun}`,
    "",
    `Deployed: ${Object.entries(deployed)
      .map(([stack, time]) => `${stack} ${time}`)
      .join(", ")}`,
    "",
    row("check", "result", "finding", "what to do"),
    row("---", "---", "---", "---"),
    ...findings.map(({ check, result, finding, fix }) => row(check, result, finding, fix ?? "–")),
    "",
  ].join("\n");
}

import { createInterface } from "node:readline/promises";
import { ExitCode, UserError } from "../../model/errors";

/** Shown while something takes time. */
export function report(message: string): void {
  process.stderr.write(`${message}\n`);
}

/** Results go to stdout, all else to stderr, so that a pipe gets results alone. */
export function print(...lines: readonly string[]): void {
  process.stdout.write(`${lines.join("\n")}\n`);
}

/**
 * Asks on the terminal, and goes on only with exactly the word asked for.
 *
 * @param refusals what is said where nobody is there to ask, and where the answer is another
 * @throws UserError exit 11, or 8 where it is interrupted
 */
export async function confirm(
  question: string,
  word: string,
  refusals: { readonly nobody: string; readonly declined: string },
): Promise<void> {
  if (!process.stdin.isTTY)
    throw new UserError(`no terminal to ask for confirmation: ${refusals.nobody}`, ExitCode.Refused);
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  // It rejects for Ctrl-C alone, which while it reads a line is no signal.
  const answer = await prompt.question(`${question}? Type ${word} to confirm: `).catch(() => {
    throw new UserError(`\ninterrupted: ${refusals.declined}`, ExitCode.Cancelled);
  });
  prompt.close();
  if (answer !== word) throw new UserError(refusals.declined, ExitCode.Refused);
}

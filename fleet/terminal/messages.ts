import { createInterface } from "node:readline/promises";
import { ExitCode, UserError } from "../../model/errors";

/** Shows a progress message on stderr. */
export function report(message: string): void {
  process.stderr.write(`${message}\n`);
}

/** Prints results to stdout. Everything else is printed to stderr, so that a pipe receives only results. */
export function print(...lines: readonly string[]): void {
  process.stdout.write(`${lines.join("\n")}\n`);
}

/**
 * Asks for confirmation in the terminal. Continues only if the user types exactly the given word.
 *
 * @param refusals messages for a missing terminal and for a different answer
 * @throws UserError exit 11, or 8 if the user interrupts
 */
export async function confirm(
  question: string,
  word: string,
  refusals: { readonly nobody: string; readonly declined: string },
): Promise<void> {
  if (!process.stdin.isTTY)
    throw new UserError(`no terminal to ask for confirmation: ${refusals.nobody}`, ExitCode.Refused);
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  // The question only rejects on Ctrl-C, which sends no signal while a line is being read.
  const answer = await prompt.question(`${question}? Type ${word} to confirm: `).catch(() => {
    throw new UserError(`\ninterrupted: ${refusals.declined}`, ExitCode.Cancelled);
  });
  prompt.close();
  if (answer !== word) throw new UserError(refusals.declined, ExitCode.Refused);
}

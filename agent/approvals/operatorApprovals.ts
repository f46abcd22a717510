import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { AgentError, ExitCode } from "../process/errors";

/** Decisions that an operator gives a running agent: lines of a file in its state directory. The agent reads it each time. */
export class OperatorApprovals {
  /** @param file its name */
  constructor(private readonly file: string) {}

  /**
   * @param subject what the operator decided on; without blanks
   * @param failure start of the message when the directory does not exist
   * @throws AgentError (BadInput)
   */
  append(stateDir: string, subject: string, now: number, failure: string): void {
    try {
      appendFileSync(join(stateDir, this.file), `${subject} ${now}\n`);
    } catch (error) {
      throw new AgentError(`${failure}: ${(error as Error).message}`, ExitCode.BadInput);
    }
  }

  /** All decisions in order, each with its time in milliseconds. */
  read(stateDir: string): { subject: string; at: number }[] {
    try {
      const lines = readFileSync(join(stateDir, this.file), "utf8").split("\n").filter(Boolean);
      return lines.map((line) => line.split(" ")).map(([subject = "", at]) => ({ subject, at: Number(at) }));
    } catch {
      return [];
    }
  }
}

import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { AgentError, ExitCode } from "../../formats/agentErrors";

/**
 * Decisions that an operator gives to a running agent, stored as lines of a file in the agent's state directory. The
 * agent rereads the file whenever it needs a decision.
 */
export class OperatorApprovals {
  /** @param file name of the file */
  constructor(private readonly file: string) {}

  /**
   * @param subject the object of the decision, without spaces
   * @param failure start of the error message if the directory does not exist
   * @throws AgentError (BadInput)
   */
  append(stateDir: string, subject: string, now: number, failure: string): void {
    try {
      appendFileSync(join(stateDir, this.file), `${subject} ${now}\n`);
    } catch (error) {
      throw new AgentError(`${failure}: ${(error as Error).message}`, ExitCode.BadInput);
    }
  }

  /** Returns all decisions in order, each with its time in milliseconds. */
  read(stateDir: string): { subject: string; at: number }[] {
    try {
      const lines = readFileSync(join(stateDir, this.file), "utf8").split("\n").filter(Boolean);
      return lines.map((line) => line.split(" ")).map(([subject = "", at]) => ({ subject, at: Number(at) }));
    } catch {
      return [];
    }
  }
}

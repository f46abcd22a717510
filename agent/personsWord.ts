import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { AgentError, ExitCode } from "./errors";

/** What a person said to an agent that runs, in a file of its folder; it looks anew each time. */
export class PersonsWord {
  /** @param file its name */
  constructor(private readonly file: string) {}

  /**
   * @param word without blanks
   * @param failure what cannot be done where the folder is not there
   * @throws AgentError (BadInput)
   */
  say(stateDir: string, word: string, now: number, failure: string): void {
    try {
      appendFileSync(join(stateDir, this.file), `${word} ${now}\n`);
    } catch (error) {
      throw new AgentError(`${failure}: ${(error as Error).message}`, ExitCode.BadInput);
    }
  }

  /** All that was said, in order, with the time in milliseconds. */
  said(stateDir: string): { word: string; at: number }[] {
    try {
      const lines = readFileSync(join(stateDir, this.file), "utf8").split("\n").filter(Boolean);
      return lines.map((line) => line.split(" ")).map(([word = "", at]) => ({ word, at: Number(at) }));
    } catch {
      return [];
    }
  }
}

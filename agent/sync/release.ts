import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { AgentError, ExitCode } from "../errors";

const FILE = "released-deletes";

/**
 * Lets the deletes of a code go on. The code is made of just those deletes: another one more, and they wait again.
 *
 * @param stateDir of the agent that holds them
 * @throws AgentError (BadInput) where it is no code, or the folder is not there
 */
export function release(stateDir: string, code: string): void {
  if (!/^[0-9a-f]{8}$/.test(code))
    throw new AgentError(
      `"${code}" is no code of held deletes: 8 digits from 0 to f, as the log names it`,
      ExitCode.BadInput,
    );
  try {
    appendFileSync(join(stateDir, FILE), `${code}\n`);
  } catch (error) {
    throw new AgentError(`cannot be released here: ${(error as Error).message}`, ExitCode.BadInput);
  }
}

/** Whether a code was released: asked anew each time, since a person does it while the agent runs. */
export function releases(stateDir: string): (code: string) => boolean {
  return (code) => {
    try {
      return code !== "" && readFileSync(join(stateDir, FILE), "utf8").split("\n").includes(code);
    } catch {
      return false;
    }
  };
}

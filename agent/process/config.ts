import type { z } from "zod";
import { AgentError, ExitCode } from "../../formats/agentErrors";
import { ENVIRONMENTS } from "../../formats/environment";

export type Command = keyof typeof ENVIRONMENTS;
export type Config<C extends Command> = z.infer<(typeof ENVIRONMENTS)[C]>;

/**
 * Parses and validates the environment of a command.
 *
 * @throws AgentError exit 2, one message for all problems
 */
export function parseConfig<C extends Command>(command: C, environment: NodeJS.ProcessEnv): Config<C> {
  const parsed = ENVIRONMENTS[command].safeParse(environment);
  if (parsed.success) return parsed.data as Config<C>;
  const problems = parsed.error.issues.map(({ path, message }) => {
    const name = path.join(".");
    return `  ${name}: ${environment[name] === undefined ? "must be set" : message}`;
  });
  throw new AgentError(
    `the environment of \`agent ${command}\` is invalid:\n${problems.join("\n")}`,
    ExitCode.BadInput,
  );
}

/** Returns whether the environment has everything that the replication of accounts needs. */
export function isReplicatingAccounts(
  config: Config<"sync">,
): config is Config<"sync"> & Required<Pick<Config<"sync">, "AGENT_BUCKET" | "AGENT_PEERS">> {
  return config.AGENT_BUCKET !== undefined && config.AGENT_PEERS !== undefined;
}

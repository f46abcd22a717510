import { Command } from "commander";
import type { ExitCode } from "../../model/errors";
import { addOption, type Options, type Values } from "./option";

/** What a handler is given: its verb's options as they were read, and a signal. */
export type Given<O extends Options> = Values<O> & {
  /** Aborted when the user asks for the end. */
  readonly signal: AbortSignal;
};

/** How the verb that is chosen runs. */
export interface Run {
  readonly signal: AbortSignal;
  /** Told the verb's exit code. */
  ended(exitCode: ExitCode): void;
}

/** A verb, or a few under one name. */
export interface Verb {
  /** Made anew each time: a command keeps what it has read. */
  command(run: Run): Command;
}

/** Options and handler of one verb; the compiler holds them together. */
export function verb<const O extends Options>(definition: {
  readonly name: string;
  /** A line of the help. */
  readonly description: string;
  readonly options: O;
  /** Loads what it needs when it is called: the help, and other verbs, start without it. */
  handler(given: Given<O>): Promise<ExitCode>;
}): Verb {
  const { name, description, options } = definition;
  return {
    command({ signal, ended }) {
      const command = new Command(name).description(description);
      for (const [each, option] of Object.entries(options)) addOption(command, each, option);
      return command.action(async () => ended(await definition.handler({ ...command.opts<Values<O>>(), signal })));
    },
  };
}

/** Verbs that are called by the group's name first: `image verify`. */
export function verbGroup(name: string, description: string, verbs: readonly Verb[]): Verb {
  return {
    command(run) {
      const command = new Command(name).description(description);
      for (const each of verbs) command.addCommand(each.command(run));
      return command;
    },
  };
}

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

/** A verb, or a group of verbs under one name. */
export interface Verb {
  /** A new command for each call: a command keeps what it has parsed. */
  command(run: Run): VerbCommand;
}

/** What `--help`, docs/cli.md and the README say about a verb. */
interface Described {
  readonly name: string;
  /** One imperative line. */
  readonly description: string;
  /** One or two sentences that only the verb's own help and docs/cli.md show. */
  readonly details?: string;
  /** Its page below docs/. */
  readonly page?: string;
}

/** How a reader starts the command line. */
export const PROGRAM = "npm run fleet --";

/** A command with its page and its examples. */
export class VerbCommand extends Command {
  readonly page: string | undefined;

  /** @param examples lines without the program's name: `up --local` */
  constructor(
    { name, description, details, page }: Described,
    private readonly ownExamples: readonly string[] = [],
  ) {
    super(name);
    this.page = page;
    this.summary(description).description(details === undefined ? description : `${description}\n\n${details}`);
    this.addHelpText("after", () => this.after());
  }

  /** Its own; for a group, the first of each verb in it. */
  get examples(): readonly string[] {
    const first = this.commands.flatMap((each) => (each instanceof VerbCommand ? each.examples.slice(0, 1) : []));
    return [...this.ownExamples, ...first];
  }

  private after(): string {
    const lines = this.examples.map((each) => `  ${PROGRAM} ${each}`);
    return ["", "Examples:", ...lines, ...(this.page ? ["", `More: ${this.page}`] : [])].join("\n");
  }
}

/** Options and handler of one verb; the compiler holds them together. */
export function verb<const O extends Options>(
  definition: Described & {
    /** One or two lines, without the program's name: `up --local`. */
    readonly examples: readonly [string, ...string[]];
    readonly options: O;
    /** Loads its modules when it is called: the help, and other verbs, start without them. */
    handler(given: Given<O>): Promise<ExitCode>;
  },
): Verb {
  return {
    command({ signal, ended }) {
      const command = new VerbCommand(definition, definition.examples);
      for (const [each, option] of Object.entries(definition.options)) addOption(command, each, option);
      return command.action(async () => ended(await definition.handler({ ...command.opts<Values<O>>(), signal })));
    },
  };
}

/** Verbs that are called by the group's name first: `image verify`. */
export function verbGroup(described: Described, verbs: readonly Verb[]): Verb {
  return {
    command(run) {
      const command = new VerbCommand(described);
      for (const each of verbs) command.addCommand(each.command(run));
      return command;
    },
  };
}

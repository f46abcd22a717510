import { Command } from "commander";
import type { ExitCode } from "../../model/errors";
import { addOption, type Options, type Values } from "./option";

/** Arguments of a handler: its verb's parsed options and a signal. */
export type Given<O extends Options> = Values<O> & {
  /** Aborted when the user interrupts the program. */
  readonly signal: AbortSignal;
};

/** Connection between a verb and the program that runs it. */
export interface Run {
  readonly signal: AbortSignal;
  /** Called with the verb's exit code. */
  ended(exitCode: ExitCode): void;
}

/** A verb, or a group of verbs under one name. */
export interface Verb {
  /** Creates a new command for each call, because a command keeps its parsed values. */
  command(run: Run): VerbCommand;
}

/** Description of a verb for `--help`, docs/cli.md and the README. */
interface Described {
  /** One line in the imperative. */
  readonly description: string;
  /** One or two additional sentences, shown only in the verb's own help and in docs/cli.md. */
  readonly details?: string;
  /** Path of the verb's documentation page, below docs/. */
  readonly page?: string;
}

/** Command with which users start the command line. */
export const PROGRAM = "npm run fleet --";

/** A command with a documentation page and examples. */
export class VerbCommand extends Command {
  readonly page: string | undefined;

  /** @param examples lines without the program's name, such as `up --local` */
  constructor(
    name: string,
    { description, details, page }: Described,
    private readonly ownExamples: readonly string[] = [],
  ) {
    super(name);
    this.page = page;
    this.summary(description).description(details === undefined ? description : `${description}\n\n${details}`);
    this.addHelpText("after", () => this.after());
  }

  /** The command's own examples. For a group, the first example of each verb in the group. */
  get examples(): readonly string[] {
    const first = this.commands.flatMap((each) => (each instanceof VerbCommand ? each.examples.slice(0, 1) : []));
    return [...this.ownExamples, ...first];
  }

  private after(): string {
    const lines = this.examples.map((each) => `  ${PROGRAM} ${each}`);
    return ["", "Examples:", ...lines, ...(this.page ? ["", `More: ${this.page}`] : [])].join("\n");
  }
}

/**
 * Defines a verb. The compiler checks that its handler matches its options.
 *
 * @param handler loads the handler on demand, so that the help and other verbs start without its modules
 */
export function verb<const O extends Options>(
  name: string,
  options: O,
  handler: () => Promise<(given: Given<NoInfer<O>>) => Promise<ExitCode>>,
  described: Described & {
    /** One or two lines without the program's name, such as `up --local`. */
    readonly examples: readonly [string, ...string[]];
  },
): Verb {
  return {
    command({ signal, ended }) {
      const command = new VerbCommand(name, described, described.examples);
      for (const [each, option] of Object.entries(options)) addOption(command, each, option);
      return command.action(async () => {
        const handle = await handler();
        ended(await handle({ ...command.opts<Values<O>>(), signal }));
      });
    },
  };
}

/** Defines a group of verbs that share a first word, such as `image verify`. */
export function verbGroup(name: string, described: Described, verbs: readonly Verb[]): Verb {
  return {
    command(run) {
      const command = new VerbCommand(name, described);
      for (const each of verbs) command.addCommand(each.command(run));
      return command;
    },
  };
}

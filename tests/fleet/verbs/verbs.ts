import type { Command } from "commander";

/** Returns every command without subcommands, with its full name. */
export function verbs(command: Command, words: readonly string[] = []): [words: string, Command][] {
  if (command.commands.length === 0) return [[words.join(" "), command]];
  return command.commands.flatMap((each) => verbs(each, [...words, each.name()]));
}

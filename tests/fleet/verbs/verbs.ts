import type { Command } from "commander";

/** Every command that has no others in it, by the words it is called by. */
export function verbs(command: Command, words: readonly string[] = []): [words: string, Command][] {
  if (command.commands.length === 0) return [[words.join(" "), command]];
  return command.commands.flatMap((each) => verbs(each, [...words, each.name()]));
}

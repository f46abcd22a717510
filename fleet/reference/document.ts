import type { Argument, Command, Option } from "commander";
import { exitCodes } from "../cli/exitCodes";
import { OF_STACKS } from "../cli/sharedOptions";
import { PROGRAM, VerbCommand } from "../cli/verb";

const BEGIN = "<!-- verbs: npm run reference -->";
const END = "<!-- /verbs -->";

/** Options that docs/cli.md explains only once. */
const SHARED = new Set(Object.keys(OF_STACKS));

/** Renders docs/cli.md: every verb with its options and examples, and every exit code. */
export function referencePage(fleet: Command): string {
  return `${[
    "# Command line",
    "This page is generated from the commands: `npm run reference` writes it, `npm run check` compares it.",
    consoleBlock([`${PROGRAM} <verb> [stacks...] [options]`]),
    "Results go to stdout, progress to stderr. `--help` after a verb prints its part of this page. The plain Pulumi CLI works too, without a build step: `pulumi preview|up|refresh -s <stack>`.",
    "## Shared options",
    sharedOptions(fleet),
    ...groups(fleet).flatMap(([group, verbs]) => [`## ${group}`, ...verbs.flatMap((each) => section(each, []))]),
    "## Exit codes",
    "Codes 0 to 9 mean the same as in the Pulumi CLI.",
    exitCodes()
      .map(([code, meaning]) => `- \`${code}\`: ${meaning}`)
      .join("\n"),
  ].join("\n\n")}\n`;
}

/** Returns the README with an updated list of verbs. @throws Error if the README lacks the markers of the list */
export function readmeWithVerbs(readme: string, fleet: Command): string {
  const [begin, end] = [readme.indexOf(BEGIN), readme.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`the README has no ${BEGIN} … ${END}`);
  return `${readme.slice(0, begin + BEGIN.length)}\n\n${verbList(fleet)}\n\n${readme.slice(end)}`;
}

function verbList(fleet: Command): string {
  const line = (verb: Command) => {
    const inner = verb.commands.map((each) => `\`${each.name()}\``).join(", ");
    return `  - \`${verb.name()}\`: ${verb.summary()}${inner && ` (${inner})`}`;
  };
  return groups(fleet)
    .map(([group, verbs]) => [`- ${group}`, ...verbs.map(line)].join("\n"))
    .join("\n");
}

/** Returns the verbs by their group's heading, in the order of the help. */
function groups(fleet: Command): [group: string, verbs: Command[]][] {
  const found = new Map<string, Command[]>();
  for (const verb of fleet.commands) {
    const group = verb.helpGroup().replace(/:$/, "");
    found.set(group, [...(found.get(group) ?? []), verb]);
  }
  return [...found];
}

/** Renders the section of a verb, or of a group with its verbs. @param above words before the verb's name */
function section(verb: Command, above: readonly string[]): string[] {
  const words = [...above, verb.name()];
  const heading = `${above.length === 0 ? "###" : "####"} ${words.join(" ")}`;
  const page = verb instanceof VerbCommand && verb.page?.replace(/^docs\//, "");
  const description = `${sentences(verb.description())}${page ? ` More: [${page}](${page}).` : ""}`;
  if (verb.commands.length > 0) return [heading, description, ...verb.commands.flatMap((each) => section(each, words))];
  const examples = verb instanceof VerbCommand ? verb.examples.map((each) => `${PROGRAM} ${each}`) : [];
  return [heading, description, consoleBlock(examples), options(verb)].filter((part) => part !== "");
}

function options(verb: Command): string {
  const isShared = (argument: Argument) => SHARED.has(argument.name());
  const own = verb.options.filter((option) => !option.hidden && !SHARED.has(option.attributeName()));
  const shared = [
    ...verb.registeredArguments.filter(isShared).map(placeholder),
    ...verb.options
      .filter((option) => !option.hidden && SHARED.has(option.attributeName()))
      .map(({ long }) => `\`${long}\``),
  ];
  return [
    ...verb.registeredArguments.filter((argument) => !isShared(argument)).map(argumentLine),
    ...own.map((option) => optionLine(option, verb)),
    `- shared: ${shared.join(", ")}`,
  ].join("\n");
}

const placeholder = (argument: Argument): string => `\`[${argument.name()}...]\``;

const argumentLine = (argument: Argument): string => `- ${placeholder(argument)}: ${argument.description}`;

function optionLine(option: Option, verb: Command): string {
  return `- \`${option.flags}\`: ${verb.createHelp().optionDescription(option)}`;
}

/** Renders each shared option once, using its description in the last verb that has it. */
function sharedOptions(fleet: Command): string {
  const lines = new Map<string, string>();
  const visit = (command: Command): void => {
    for (const argument of command.registeredArguments) lines.set(argument.name(), argumentLine(argument));
    for (const option of command.options.filter(({ hidden }) => !hidden))
      if (SHARED.has(option.attributeName())) lines.set(option.attributeName(), optionLine(option, command));
    command.commands.forEach(visit);
  };
  visit(fleet);
  return [...SHARED].flatMap((name) => lines.get(name) ?? []).join("\n");
}

/** Joins a description such as `do this\n\nMore of it.` into sentences of one paragraph. */
function sentences(description: string): string {
  const [line = "", ...details] = description.split("\n\n");
  const sentence = `${line.charAt(0).toUpperCase()}${line.slice(1)}`;
  return [/[.?]$/.test(sentence) ? sentence : `${sentence}.`, ...details].join(" ");
}

const consoleBlock = (lines: readonly string[]): string => `\`\`\`console\n${lines.join("\n")}\n\`\`\``;

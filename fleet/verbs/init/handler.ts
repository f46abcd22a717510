import { join } from "node:path";
import pc from "picocolors";
import writeFileAtomic from "write-file-atomic";
import { ExitCode, UserError } from "../../../model/errors";
import type { Answers } from "../../init/answers";
import type { Change } from "../../init/edit";
import { ANSWERS_NEEDED, readAnswers } from "../../init/given";
import { chosenBefore, type Plan, planOf } from "../../init/plan";
import { ask, type Prompter } from "../../init/questions";
import { saidOf } from "../../init/size";
import { backendOf, initCommand } from "../../stacks/backend";
import { print } from "../../terminal/messages";
import { table } from "../../terminal/table";
import type { InitOptions } from "./verb";

/**
 * Writes the config of a new deployment based on answers. Writes nothing unless all answers are valid and result in a
 * valid project. Then writes each file atomically, Pulumi.yaml last.
 *
 * @param prompter absent without a terminal
 * @throws UserError exit 2 if an answer is invalid; 11 without a terminal, or if the operator declines
 */
export async function init(
  options: InitOptions,
  prompter: Prompter | undefined = terminal(options),
): Promise<ExitCode> {
  const answers = await answersOf(options, prompter);
  const plan = planOf(options.project, answers);
  if (plan.files.size === 0) {
    report(options, plan, answers, ["nothing to change: the files already have these values"]);
    return ExitCode.Success;
  }
  if (!options.json || prompter) process.stderr.write(`${planned(plan)}\n`);
  await agree(options, plan, prompter);
  for (const [file, text] of plan.files) await writeFileAtomic(join(options.project, file), text);
  const { size } = answers;
  report(options, plan, answers, [
    `written: ${[...plan.files.keys()].join(", ")}`,
    ...(size === undefined ? [] : [saidOf(size)]),
  ]);
  return ExitCode.Success;
}

async function answersOf({ answers, project }: InitOptions, prompter: Prompter | undefined): Promise<Answers> {
  if (answers !== undefined) return readAnswers(answers);
  if (prompter) return ask(prompter, chosenBefore(project));
  throw new UserError(
    `no terminal for questions: pass a YAML or JSON file with --answers; it needs ${ANSWERS_NEEDED}`,
    ExitCode.Refused,
  );
}

async function agree({ yes, overwrite }: InitOptions, plan: Plan, prompter: Prompter | undefined): Promise<void> {
  const refused = (how: string) => new UserError(`${how}: nothing was written`, ExitCode.Refused);
  if (plan.overwritten.length > 0 && !overwrite) {
    const keys = plan.overwritten.map(({ file, key }) => `${key} (${file})`).join(", ");
    if (!prompter) throw refused(`these values were edited by hand: ${keys}; add --overwrite to replace them`);
    const message = `These values were edited by hand: ${keys}. Replace them`;
    if (!(await prompter.confirm({ message, default: false }))) throw refused("declined");
  }
  if (yes) return;
  if (!prompter) throw refused("no terminal to ask for confirmation; add --yes");
  if (!(await prompter.confirm({ message: "Write these changes", default: true }))) throw refused("declined");
}

/** Renders one table per file. Keys are never truncated, because a truncated key could be ambiguous. */
function planned({ changes, created, overwritten }: Plan): string {
  const shown = (value: unknown) => (typeof value === "string" ? value : (JSON.stringify(value, null, 1) ?? "–"));
  const row = (change: Change) => {
    const { key, before, after } = change;
    const chosen = overwritten.includes(change);
    return [key, chosen ? pc.yellow(shown(before)) : shown(before), shown(after)];
  };
  const files = [...new Set(changes.map(({ file }) => file))];
  const tables = files.map((file) => {
    const rows = changes.filter((change) => change.file === file).map(row);
    return `${pc.bold(file)}\n${table(["key", "is", "will be"], rows, { whole: [0] })}`;
  });
  return [...tables, ...created.map((file) => `${pc.bold(file)}\na new file, copied from a different region's\n`)].join(
    "\n",
  );
}

function report({ json, project }: InitOptions, plan: Plan, answers: Answers, said: readonly string[]): void {
  const steps = nextSteps(project, answers);
  const { changes, created, unused } = plan;
  if (json) {
    const written = [...plan.files.keys()];
    print(
      JSON.stringify(
        { verb: "init", exitCode: ExitCode.Success, written, changes, created, unused, next: steps },
        null,
        2,
      ),
    );
    return;
  }
  const left = unused.map(
    (file) =>
      `${file} no longer belongs to a stack of the fleet: destroy that stack if it exists, then delete the file`,
  );
  print(...said, ...left.map(pc.yellow), "", pc.bold("next:"), ...steps.map((step) => `  ${step}`));
}

function nextSteps(project: string, { backendUrl, regions }: Answers): string[] {
  const backend = backendOf(project, backendUrl === undefined ? process.env : {});
  const stacks = ["foundation", ...regions.map(({ name }) => name), "edge"];
  return [
    ...(backend.kind === "s3" ? ["create the state bucket and key if they do not exist (docs/deploy.md, step 1)"] : []),
    `pulumi login ${backend.kind === "s3" ? `"${backend.url}"` : backend.url}`,
    ...stacks.map((stack) => initCommand(stack, backend)),
    "npm run fleet -- doctor",
    "npm run fleet -- up foundation",
  ];
}

/** Creates prompts on stderr, because stdout is reserved for results. Returns undefined without a terminal. */
function terminal({ signal }: InitOptions): Prompter | undefined {
  if (!process.stdin.isTTY) return undefined;
  const prompts: typeof import("@inquirer/prompts") = require("@inquirer/prompts");
  const context = { output: process.stderr, signal };
  const orCancelled = async <T>(answer: Promise<T>): Promise<T> => {
    try {
      return await answer;
    } catch (error) {
      if (!/^(ExitPromptError|AbortPromptError)$/.test((error as Error).name)) throw error;
      throw new UserError("interrupted: nothing was written", ExitCode.Cancelled);
    }
  };
  return {
    input: (question) => orCancelled(prompts.input(question, context)),
    select: ({ choices, ...question }) =>
      orCancelled(prompts.select({ ...question, choices: choices.map((value) => ({ value })) }, context)),
    confirm: (question) => orCancelled(prompts.confirm(question, context)),
  };
}

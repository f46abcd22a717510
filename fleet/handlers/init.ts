import { join } from "node:path";
import pc from "picocolors";
import writeFileAtomic from "write-file-atomic";
import { ExitCode, UserError } from "../../model/errors";
import { print } from "../cli/command";
import { table } from "../cli/table";
import { backendOf } from "../doctor/backend";
import { initCommand } from "../doctor/state";
import type { Answers } from "../init/answers";
import type { Change } from "../init/edit";
import { ANSWERS_NEEDED, readAnswers } from "../init/given";
import { chosenBefore, type Plan, planOf } from "../init/plan";
import { ask, type Prompter } from "../init/questions";
import { saidOf } from "../init/size";
import type { InitOptions } from "../verbs/init";

/**
 * Writes the config of a new deployment from answers. Nothing is written until all of them hold and the project they
 * make is one; then file by file in one step each, Pulumi.yaml last.
 *
 * @param prompter absent where nobody is there to ask
 * @throws UserError exit 2 where an answer does not hold, 11 where nobody is there to ask, or the answer is no
 */
export async function init(
  options: InitOptions,
  prompter: Prompter | undefined = terminal(options),
): Promise<ExitCode> {
  const answers = await answersOf(options, prompter);
  const plan = planOf(options.project, answers);
  if (plan.files.size === 0) {
    report(options, plan, answers, ["nothing to change: the files say so already"]);
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
    `nobody is here to ask: give --answers a YAML or JSON file of ${ANSWERS_NEEDED}`,
    ExitCode.Refused,
  );
}

async function agree({ yes, overwrite }: InitOptions, plan: Plan, prompter: Prompter | undefined): Promise<void> {
  const refused = (how: string) => new UserError(`${how}: nothing was written`, ExitCode.Refused);
  if (plan.overwritten.length > 0 && !overwrite) {
    const keys = plan.overwritten.map(({ file, key }) => `${key} (${file})`).join(", ");
    if (!prompter) throw refused(`somebody chose ${keys}; say --overwrite to replace that`);
    const message = `Somebody chose ${keys}. Replace that`;
    if (!(await prompter.confirm({ message, default: false }))) throw refused("declined");
  }
  if (yes) return;
  if (!prompter) throw refused("nobody is here to ask; say --yes");
  if (!(await prompter.confirm({ message: "Write this", default: true }))) throw refused("declined");
}

/** A table per file, whose keys are whole at any width: a cut one could be another's. */
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
  return [...tables, ...created.map((file) => `${pc.bold(file)}\na new file, in the form of another region's\n`)].join(
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
      `${file} belongs to no stack of the fleet any more: destroy its stack if there is one, then delete the file`,
  );
  print(...said, ...left.map(pc.yellow), "", pc.bold("next:"), ...steps.map((step) => `  ${step}`));
}

function nextSteps(project: string, { backendUrl, regions }: Answers): string[] {
  const backend = backendOf(project, backendUrl === undefined ? process.env : {});
  const stacks = ["foundation", ...regions.map(({ name }) => name), "edge"];
  return [
    ...(backend.kind === "s3"
      ? ["make the state's bucket and key, where they are not there yet (docs/deploy.md, step 1)"]
      : []),
    `pulumi login ${backend.kind === "s3" ? `"${backend.url}"` : backend.url}`,
    ...stacks.map((stack) => initCommand(stack, backend)),
    "npm run fleet -- doctor",
    "npm run fleet -- up foundation",
  ];
}

/** Prompts on stderr, since stdout is for results; undefined where no terminal is there. */
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

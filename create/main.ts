/** Entry point of the npm package `create-langflow-dr`: `npm create langflow-dr@latest my-fleet`. */
import { parseArgs } from "node:util";
import { failureOf } from "../fleet/engine/failure";
import { ExitCode, UserError } from "../model/errors";
import { create } from "./create";

const USAGE = `Usage: npm create langflow-dr@latest <folder> [-- --answers <file>]

Writes a fleet's repository into a new folder. Asks for its settings, or reads them from a YAML or JSON file. Without a terminal and
without --answers, the settings are examples, which suffice for \`npx fleet up --local\`.
`;

async function main(): Promise<ExitCode> {
  const { values, positionals } = parsed();
  const [folder, ...rest] = positionals;
  if (values.help || folder === undefined || rest.length > 0) {
    process.stdout.write(USAGE);
    return values.help ? ExitCode.Success : ExitCode.BadInput;
  }
  return create(folder, { answers: values.answers, ask: process.stdin.isTTY && !values.examples });
}

function parsed() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: { answers: { type: "string" }, examples: { type: "boolean" }, help: { type: "boolean" } },
    });
  } catch (error) {
    throw new UserError((error as Error).message, ExitCode.BadInput);
  }
}

main()
  .catch((error: unknown) => {
    const { message, exitCode } = failureOf(error);
    process.stderr.write(`${message}\n`);
    return exitCode;
  })
  .then((exitCode) => {
    process.exitCode = exitCode;
  });

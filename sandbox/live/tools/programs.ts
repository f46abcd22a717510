import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { agentCommand } from "../../installed";
import type { Observers, Tools } from "./installer";

/** Returns the command that runs LangFlow's command line. */
export function langFlowCommand({ pythonBin }: Pick<Tools, "pythonBin">): string[] {
  return [join(pythonBin, "python"), join(__dirname, "program", "langflow")];
}

/**
 * Writes wrappers of the programs that the images have on their PATH, so that the manifests' commands run unchanged.
 */
export function writePrograms(folder: string, tools: Tools): string {
  write(folder, {
    langflow: langFlowCommand(tools),
    python: [join(tools.pythonBin, "python")],
    agent: [process.execPath, ...agentCommand()],
  });
  return folder;
}

/** Writes wrappers of the programs in the images of a region's monitoring. */
export function writeObservers(
  folder: string,
  { prometheus, alertmanager, blackboxExporter, collector }: Observers,
): void {
  write(folder, {
    prometheus: [prometheus],
    alertmanager: [alertmanager],
    blackbox_exporter: [blackboxExporter],
    otelcol: [collector],
  });
}

function write(folder: string, programs: Readonly<Record<string, readonly string[]>>): void {
  mkdirSync(folder, { recursive: true });
  for (const [name, command] of Object.entries(programs)) {
    const words = command.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
    writeFileSync(join(folder, name), `#!/bin/sh\nexec ${words} "$@"\n`);
    chmodSync(join(folder, name), 0o755);
  }
}

import { join } from "node:path";
import type { Installer } from "../../sandbox/live/tools/installer";

/** Python program that prints the folder without starting LangFlow. */
const PROGRAM = `
import importlib.util, pathlib
print(pathlib.Path(importlib.util.find_spec("langflow").origin).parent / "initial_setup" / "starter_projects")
`;

/** Returns the folder of the flows that LangFlow ships. @param pythonBin `bin` folder of its Python environment */
export async function starterFolder(installer: Pick<Installer, "run">, pythonBin: string): Promise<string> {
  return (await installer.run(join(pythonBin, "python"), ["-c", PROGRAM])).trim();
}

import { join } from "node:path";
import type { Installer } from "../../sandbox/live/tools/installer";

/** Found without LangFlow being run. */
const PROGRAM = `
import importlib.util, pathlib
print(pathlib.Path(importlib.util.find_spec("langflow").origin).parent / "initial_setup" / "starter_projects")
`;

/** The folder of the flows that a LangFlow brings. @param pythonBin folder of programs of its Python */
export async function starterFolder(installer: Pick<Installer, "run">, pythonBin: string): Promise<string> {
  return (await installer.run(join(pythonBin, "python"), ["-c", PROGRAM])).trim();
}

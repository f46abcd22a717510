import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { ExitCode, UserError } from "../../model/errors";

/** A rehearsal's options for its two LangFlows and its report page. */
export interface GivenPythons {
  readonly oldPython: string | undefined;
  readonly newPython: string | undefined;
  readonly withoutOld: boolean;
  readonly out: string | undefined;
}

/** @throws UserError (BadInput) if a path does not exist or options exclude each other */
export function requirePythons({ oldPython, newPython, withoutOld, out }: GivenPythons): void {
  for (const [name, folder] of Object.entries({ "--old-python": oldPython, "--new-python": newPython }))
    if (folder !== undefined && !existsSync(join(folder, "python")))
      throw new UserError(
        `${name} ${folder} contains no python: pass the bin folder of a Python environment with LangFlow`,
        ExitCode.BadInput,
      );
  if (oldPython !== undefined && withoutOld)
    throw new UserError("--old-python and --without-old exclude each other: use one of them", ExitCode.BadInput);
  if (out !== undefined && !existsSync(dirname(resolve(out))))
    throw new UserError(`${dirname(resolve(out))} does not exist: create the folder of --out first`, ExitCode.BadInput);
}

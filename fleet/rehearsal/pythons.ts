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
        `${name} ${folder} has no program python: give the folder bin of an environment with LangFlow`,
        ExitCode.BadInput,
      );
  if (oldPython !== undefined && withoutOld)
    throw new UserError("--old-python and --without-old exclude each other: give one of them", ExitCode.BadInput);
  if (out !== undefined && !existsSync(dirname(resolve(out))))
    throw new UserError(`${dirname(resolve(out))} is not there: make the folder of --out first`, ExitCode.BadInput);
}

import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import writeFileAtomic from "write-file-atomic";
import { z } from "zod";
import { ExitCode, UserError } from "../../model/errors";
import { FAULTS } from "./faults";

const shape = z.strictObject({
  id: z.string(),
  fault: z.enum(FAULTS),
  region: z.string(),
  /** ISO 8601. */
  since: z.string(),
});

/** What is taken away and not put back yet. */
export type TakenAway = z.infer<typeof shape>;

/** Remembers across the death of this process what must be put back: written before the fault, removed after the repair. */
export class Journal {
  private readonly file: string;

  /** @param directory folder of the local fleet; the clouds' journal is in it as well, apart */
  constructor(directory: string, local: boolean) {
    this.file = join(directory, local ? "drill-local.json" : "drill-clouds.json");
  }

  /** @throws UserError exit 2 where the file is not whole */
  read(): TakenAway | undefined {
    if (!existsSync(this.file)) return undefined;
    try {
      return shape.parse(JSON.parse(readFileSync(this.file, "utf8")));
    } catch {
      throw new UserError(
        `${this.file} does not say what a drill took away: put it back by hand, then delete the file`,
        ExitCode.BadInput,
      );
    }
  }

  async write(taken: TakenAway): Promise<void> {
    mkdirSync(dirname(this.file), { recursive: true });
    await writeFileAtomic(this.file, `${JSON.stringify(taken, null, 2)}\n`);
  }

  clear(): void {
    rmSync(this.file, { force: true });
  }
}

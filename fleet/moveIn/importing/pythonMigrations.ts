import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ExitCode, UserError } from "../../../model/errors";
import type { Migrations } from "./migrations";

/** The line of Python that says what went wrong. Lines after it may show values of rows: SQLAlchemy's parameters, PostgreSQL's details. */
const ERROR = /^[\w.]+(?:Error|Exception|Violation|Interrupt)\b.*$/gm;
/** Characters of what the system says where Python says nothing. */
const SAID_MAX = 60;
const OUTPUT_BYTES_MAX = 64 * 1024 ** 2;

/** No command of LangFlow's goes to a revision that is not the newest. The database's password is in the environment alone. */
const UPGRADE = `
import os, pathlib, langflow
from alembic import command
from alembic.config import Config
config = Config()
config.set_main_option("script_location", str(pathlib.Path(langflow.__file__).parent / "alembic"))
config.set_main_option("sqlalchemy.url", os.environ["LANGFLOW_DATABASE_URL"].replace("postgresql:", "postgresql+psycopg:", 1).replace("%", "%%"))
command.upgrade(config, os.environ["MOVE_IN_REVISION"])
`;

/**
 * LangFlow's migrations by a Python environment of this machine.
 *
 * @param pythonBin its folder of programs, with a LangFlow of the fleet's release beside it
 */
export function pythonMigrations(pythonBin: string): Migrations {
  return {
    async upgrade({ host, port, user, password, database }, revision, secretKey, signal) {
      const folder = await mkdtemp(join(tmpdir(), "move-in-"));
      const login = `${encodeURIComponent(user)}:${encodeURIComponent(password)}`;
      const env = {
        PATH: process.env.PATH,
        HOME: folder,
        TMPDIR: folder,
        LANGFLOW_CONFIG_DIR: folder,
        DO_NOT_TRACK: "true",
        PYTHONDONTWRITEBYTECODE: "1",
        LANGFLOW_LOG_LEVEL: "error",
        LANGFLOW_SECRET_KEY: secretKey,
        LANGFLOW_DATABASE_URL: `postgresql://${login}@${host}:${port}/${database}`,
        MOVE_IN_REVISION: revision,
      };
      try {
        await program(join(pythonBin, "python"), ["-c", UPGRADE], { env, signal, maxBuffer: OUTPUT_BYTES_MAX });
      } catch (error) {
        throw refusal(error as Error & { stderr?: string }, revision, [
          password,
          encodeURIComponent(password),
          secretKey,
        ]);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
  };
}

interface ProgramOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  readonly maxBuffer: number;
}

function program(command: string, args: readonly string[], options: ProgramOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile(command, args, options, (error, _, stderr) =>
      error ? reject(Object.assign(error, { stderr })) : resolve(),
    );
  });
}

function refusal(
  { name, message, stderr = "" }: Error & { stderr?: string },
  revision: string,
  secrets: readonly string[],
): UserError {
  if (name === "AbortError") return new UserError("interrupted; nothing was changed", ExitCode.Cancelled);
  const last = stderr.match(ERROR)?.at(-1) ?? `Python ended early: ${message.split("\n")[0]?.slice(0, SAID_MAX)}`;
  const said = secrets.reduce((text, secret) => (secret === "" ? text : text.replaceAll(secret, "…")), last);
  return new UserError(
    `LangFlow's migrations to ${revision} stopped, and nothing was moved: ${said}`,
    ExitCode.ResourceFailed,
  );
}

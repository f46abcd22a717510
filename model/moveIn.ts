import type { Environment } from "../formats/environment";

/** Retention of leftover packages, in days: S3's minimum. */
export const MOVE_IN_DAYS = 1;

/** Name of the scratch database next to the region's (`agent/moveIn/scratchDatabase.ts`). */
const SCRATCH_DATABASE = "langflow_dr_move_in";

/** Environment variables that differ for each run and are therefore not in the ConfigMap. */
export const MOVE_IN_VARIABLES = {
  packageName: "MOVE_IN_PACKAGE",
  sha256: "MOVE_IN_SHA256",
  /** Secret key of the source, from a Secret that exists only for the run. */
  secretKey: "MOVE_IN_SECRET_KEY",
  /** For runs that list changes since the import: whether to include the content of flows. */
  flows: "MOVE_IN_FLOWS",
  /** For runs that list the region's rows: which users and tables to include. */
  asked: "MOVE_IN_ASKED",
} as const satisfies Record<string, keyof Environment<"moveIn">>;

/** Key in that Secret. */
export const SOURCE_SECRET_KEY = "secretKey";

/**
 * Returns the name of a region's import CronJob. The Job of a run and its Secret have the same name, so that only one
 * run exists at a time.
 */
export const moveInName = (region: string): string => `move-in-${region}`;

/**
 * Migrates the scratch database to the source's revisions or to the newest with LangFlow's migrations. LangFlow has no
 * command that migrates to an older revision. On failure, the script prints only the first line of the error: the other
 * lines, and the output of migrations, may contain values of rows.
 */
const MIGRATIONS = `
import os, pathlib, sys
told = os.fdopen(os.dup(2), "w")
nothing = os.open(os.devnull, os.O_WRONLY)
os.dup2(nothing, 1)
os.dup2(nothing, 2)
revision = sys.argv[1]
secrets = [os.environ.get("LANGFLOW_SECRET_KEY")]
try:
    from sqlalchemy import create_engine, text
    from sqlalchemy.engine import make_url
    from urllib.parse import quote
    region = make_url(os.environ["LANGFLOW_DATABASE_URL"]).set(drivername="postgresql+psycopg")
    secrets += [region.password, quote(region.password or "", safe="")]
    scratch = region.set(database="${SCRATCH_DATABASE}")
    os.environ["LANGFLOW_DATABASE_URL"] = scratch.set(drivername="postgresql").render_as_string(hide_password=False)
    engine = create_engine(scratch)
    revisions = ["heads"]
    if revision == "source":
        with engine.connect() as connection:
            revisions = [row[0] for row in connection.execute(text("SELECT revision FROM move_in.revision"))]
    engine.dispose()
    import langflow
    from alembic import command
    from alembic.config import Config
    config = Config()
    config.set_main_option("script_location", str(pathlib.Path(langflow.__file__).parent / "alembic"))
    config.set_main_option("sqlalchemy.url", scratch.render_as_string(hide_password=False).replace("%", "%%"))
    for revision in revisions:
        command.upgrade(config, revision)
except BaseException as error:
    said = (str(error).splitlines() or [""])[0]
    for secret in filter(None, secrets):
        said = said.replace(secret, "…")
    print(f"LangFlow's migrations to {revision} stopped, and nothing was moved: {type(error).__name__}: {said}", file=told, flush=True)
    sys.exit(1)
`;

/**
 * Returns the command that runs the migrations.
 *
 * @param to the source's revisions, or the newest
 */
export const migrationsCommand = (to: "source" | "heads"): string[] => ["python", "-c", MIGRATIONS, to];

/** Where packages of a LangFlow that moves in lie in a flow bucket. */
export const MOVE_IN_PREFIX = "move-in";

/** Days for which what is left of one stays, where nobody deletes it: S3's least. */
export const MOVE_IN_DAYS = 1;

/** Where the scratch database is, beside the region's (`agent/moveIn/scratchDatabase.ts`). */
const SCRATCH_DATABASE = "langflow_dr_move_in";

/** What each run is told; its ConfigMap says nothing of it. */
export const MOVE_IN_VARIABLES = {
  packageName: "MOVE_IN_PACKAGE",
  sha256: "MOVE_IN_SHA256",
  /** By a Secret of that run alone. */
  secretKey: "MOVE_IN_SECRET_KEY",
  /** Of a run that says what was made since: whether with the texts of flows. */
  flows: "MOVE_IN_FLOWS",
  /** Of a run that says what the region holds: of whom, and of which tables, row by row. */
  asked: "MOVE_IN_ASKED",
} as const;

/** Key of that Secret. */
export const SOURCE_SECRET_KEY = "secretKey";

/** The CronJob of a region, of which a run is made; also the name of that run, so that there is one at a time, and of its Secret. */
export const moveInName = (region: string): string => `move-in-${region}`;

/**
 * LangFlow's migrations on the scratch database: to the source's revisions, or to the newest. No command of LangFlow's goes to a revision
 * that is not the newest. It says one line, and that where they stop: what follows an error's first line, and what a migration
 * prints, may show values of rows.
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

/** @param to the source's revisions, or the newest */
export const migrationsCommand = (to: "source" | "heads"): string[] => ["python", "-c", MIGRATIONS, to];

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { migrationsCommand } from "../../model/moveIn";

/** Fakes of LangFlow, Alembic and SQLAlchemy: they log their calls to a file, and fail at the revision in `STOPS`. */
const MODULES: Readonly<Record<string, string>> = {
  "langflow/__init__.py": "",
  "sqlalchemy/__init__.py": `
class Connection:
    def __enter__(self): return self
    def __exit__(self, *_): pass
    def execute(self, statement):
        assert statement == "SELECT revision FROM move_in.revision"
        return [("first",), ("second",)]
class Engine:
    def __init__(self, url): assert url.database == "langflow_dr_move_in", url.database
    def connect(self): return Connection()
    def dispose(self): pass
create_engine = Engine
text = str
`,
  "sqlalchemy/engine.py": `
from urllib.parse import urlsplit, unquote
class Url:
    def __init__(self, drivername, rest, password, database):
        self.drivername, self.rest, self.password, self.database = drivername, rest, password, database
    def set(self, drivername=None, database=None):
        return Url(drivername or self.drivername, self.rest, self.password, database or self.database)
    def render_as_string(self, hide_password):
        return f"{self.drivername}://{self.rest}/{self.database}?sslmode=require"
def make_url(text):
    parts = urlsplit(text)
    return Url(parts.scheme, parts.netloc, unquote(parts.password), parts.path[1:])
`,
  "alembic/__init__.py": "",
  "alembic/config.py": `
class Config(dict):
    def set_main_option(self, name, value): self[name] = value
`,
  "alembic/command.py": `
import os
class IntegrityError(Exception): pass
def upgrade(config, revision):
    print("a migration shows bea@example.com")
    os.system("echo so does a program of its own >&2")
    with open(os.environ["TOLD"], "a") as told:
        print(revision, config["sqlalchemy.url"], os.environ["LANGFLOW_DATABASE_URL"], file=told)
    if revision == os.environ.get("STOPS"):
        raise IntegrityError("could not create index for a%20pass/ of a pass/ under the key\\nDETAIL: Key (username)=(bea)")
`,
};

const folder = mkdtempSync(join(tmpdir(), "migrations-"));
for (const [path, text] of Object.entries(MODULES)) {
  mkdirSync(join(folder, dirname(path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}
afterAll(() => rmSync(folder, { recursive: true }));

function migrated(to: "source" | "heads", stops = "") {
  const [, ...args] = migrationsCommand(to);
  const told = join(folder, `told-${to}${stops}`);
  writeFileSync(told, "");
  const { status, stdout, stderr } = spawnSync("python3", args, {
    encoding: "utf8",
    env: {
      PATH: process.env.PATH,
      PYTHONPATH: folder,
      PYTHONDONTWRITEBYTECODE: "1",
      LANGFLOW_DATABASE_URL: "postgresql://langflow:a%20pass%2F@db:5432/langflow?sslmode=require",
      LANGFLOW_SECRET_KEY: "the key",
      TOLD: told,
      STOPS: stops,
    },
  });
  return { status, said: stdout + stderr, upgrades: readFileSync(told, "utf8").trim().split("\n") };
}

describe("the migrations of an import", () => {
  it("migrate only the scratch database, to the source's revisions and to the newest, without any output", () => {
    const scratch = "postgresql://langflow:a%20pass%2F@db:5432/langflow_dr_move_in?sslmode=require";
    const url = scratch.replace("postgresql:", "postgresql+psycopg:").replaceAll("%", "%%");
    const upgraded = (revision: string) => `${revision} ${url} ${scratch}`;
    expect(migrated("source")).toEqual({ status: 0, said: "", upgrades: ["first", "second"].map(upgraded) });
    expect(migrated("heads")).toEqual({ status: 0, said: "", upgrades: [upgraded("heads")] });
  });

  it("print only the first line of an error, without passwords and keys", () => {
    const { status, said, upgrades } = migrated("source", "first");
    expect([status, upgrades.length]).toEqual([1, 1]);
    expect(said).toBe(
      "LangFlow's migrations to first stopped, and nothing was moved: IntegrityError: could not create index for a%20pass/ of … under …\n",
    );
  });
});

import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pythonMigrations } from "../../../../fleet/moveIn/importing/pythonMigrations";
import { ExitCode } from "../../../../model/errors";

const folder = mkdtempSync(join(tmpdir(), "python-"));
const { TMPDIR } = process.env;
beforeAll(() => {
  process.env.TMPDIR = folder;
});
afterAll(() => {
  if (TMPDIR === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = TMPDIR;
  rmSync(folder, { recursive: true });
});

const DATABASE = {
  host: "127.0.0.1",
  port: 5432,
  user: "langflow",
  password: "a pass/word",
  database: "scratch",
  sslMode: undefined,
  sslRootCertificate: undefined,
};

/** Runs a script in Python's place. */
function upgraded(script: string, signal = new AbortController().signal): Promise<void> {
  writeFileSync(join(folder, "python"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return pythonMigrations(folder).upgrade(DATABASE, "182e5471b900", "the secret key", signal);
}

describe("LangFlow's migrations", () => {
  it("are told the database, the revision and the key by their environment, and nothing of the caller's", async () => {
    process.env.LANGFLOW_DATABASE_URL = "postgresql://somebody.else/s";
    try {
      await upgraded(
        `[ "$LANGFLOW_DATABASE_URL $MOVE_IN_REVISION $LANGFLOW_SECRET_KEY" = "postgresql://langflow:a%20pass%2Fword@127.0.0.1:5432/scratch 182e5471b900 the secret key" ] && case "$*" in *pass*) exit 1;; esac`,
      );
    } finally {
      delete process.env.LANGFLOW_DATABASE_URL;
    }
    expect(readdirSync(folder)).toEqual(["python"]);
  });

  it("that stop are told by their own line, without a value of a row or a password", async () => {
    const said = [
      "Traceback (most recent call last):",
      "sqlalchemy.exc.IntegrityError: (psycopg.errors.UniqueViolation) could not create unique index for a%20pass%2Fword",
      "DETAIL:  Key (lower(username))=(bea) already exists.",
      "[parameters: ('gAAAAAsecret',)]",
    ];
    const failing = upgraded(`cat >&2 <<'END'\n${said.join("\n")}\nEND\nexit 1`);
    await expect(failing).rejects.toMatchObject({ exitCode: ExitCode.ResourceFailed });
    const message = await failing.catch((error: Error) => error.message);
    expect(message).toMatch(/to 182e5471b900 stopped, and nothing was moved: .*could not create unique index/);
    expect(message).not.toMatch(/gAAAAA|bea|pass/);
  });

  it("end when somebody asks for the end, exit 8", async () => {
    const abort = new AbortController();
    const running = upgraded("exec sleep 60", abort.signal);
    setTimeout(() => abort.abort(), 50);
    await expect(running).rejects.toMatchObject({ exitCode: ExitCode.Cancelled });
  });
});

import { execFileSync } from "node:child_process";
import { appendFileSync, chmodSync, chownSync, statSync } from "node:fs";
import { join } from "node:path";
import { openDatabase, parseDatabaseUrl, programEnvironment } from "../../agent/postgres/connection";
import { Scratch } from "./scratch";

jest.setTimeout(300_000);

describe("a database whose certificate is signed by a private authority, like RDS',", () => {
  let scratch: Scratch;
  let url: (host: string, authority: string) => string;

  beforeAll(async () => {
    scratch = await Scratch.make();
    const { folder, tools } = scratch;
    const postgres = await scratch.postgres("langflow");
    execFileSync(join(tools.pythonBin, "python"), [join(__dirname, "certificates.py"), folder]);
    const data = join(folder, "postgres-1", "postgres", "data");
    const { uid, gid } = statSync(data);
    const files = { ssl_cert_file: join(folder, "server.crt"), ssl_key_file: join(folder, "server.key") };
    for (const file of Object.values(files)) {
      chownSync(file, uid, gid);
      chmodSync(file, 0o600);
    }
    const lines = ["ssl = on", ...Object.entries(files).map(([name, value]) => `${name} = '${value}'`)];
    appendFileSync(join(data, "postgresql.conf"), `\n${lines.join("\n")}\n`);
    await postgres.stop();
    await postgres.start("langflow");
    const { port, user, password } = postgres.address("langflow");
    url = (host, authority) =>
      `postgresql://${user}:${password}@${host}:${port}/langflow?sslmode=verify-full&sslrootcert=${join(folder, authority)}`;
  });
  afterAll(() => scratch.end());

  const pgDump = (text: string) =>
    execFileSync(join(scratch.tools.postgresBin, "pg_dump"), ["--schema-only", "--no-password"], {
      env: programEnvironment(parseDatabaseUrl(text)),
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });

  it("accepts TLS connections from LangFlow, the agent and pg_dump", async () => {
    const right = url("localhost", "authority.pem");
    await scratch.migrate(right);
    const client = await openDatabase(parseDatabaseUrl(right));
    const { rows } = await client.query("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()");
    await client.end();
    expect(rows).toEqual([{ ssl: true }]);
    expect(pgDump(right)).toContain("CREATE TABLE public.flow ");
  });

  it.each([
    ["reached under a different name", "127.0.0.1", "authority.pem"],
    ["signed by a different authority", "localhost", "other.pem"],
  ])("gets no client's password if its server is %s", async (_, host, authority) => {
    const wrong = url(host, authority);
    await expect(scratch.migrate(wrong)).rejects.toThrow(/certificate/);
    await expect(openDatabase(parseDatabaseUrl(wrong))).rejects.toThrow(/certificate|altnames/);
    expect(() => pgDump(wrong)).toThrow(/certificate/);
  });
});

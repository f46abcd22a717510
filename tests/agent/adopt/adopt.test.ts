import fc from "fast-check";
import { defaultProjectId, fleetUserId } from "../../../agent/adopt/fleetUserId";
import { movableTable } from "../../../agent/adopt/rowMove";
import { parseDatabaseUrl, programEnvironment } from "../../../agent/postgres/connection";
import { ExitCode } from "../../../formats/agentErrors";
import type { CatalogTable } from "../../../formats/tables/catalog";

const name = fc.string({ minLength: 1 });
const project = name.filter((text) => !text.includes(":"));

describe("an account's fleet-wide id", () => {
  it("never changes, because sessions and file paths contain it", () => {
    expect(fleetUserId("langflow-dr", "admin")).toBe("5466306f-350b-51ce-a085-b99d1bd0950d");
  });

  it("is a version 5 UUID, and equal on each calculation", () => {
    fc.assert(
      fc.property(project, name, (fleet, user) => {
        const id = fleetUserId(fleet, user);
        expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
        expect(fleetUserId(fleet, user)).toBe(id);
      }),
    );
  });

  it("differs if the project or the name differs", () => {
    fc.assert(
      fc.property(project, name, project, name, (fleet, user, otherFleet, otherUser) => {
        fc.pre(fleet !== otherFleet || user !== otherUser);
        expect(fleetUserId(fleet, user)).not.toBe(fleetUserId(otherFleet, otherUser));
      }),
    );
  });

  it.each([
    ["", "admin"],
    ["a:b", "admin"],
    ["fleet", ""],
  ])("cannot be calculated for project %p and name %p", (fleet, user) => {
    expect(() => fleetUserId(fleet, user)).toThrow(expect.objectContaining({ exitCode: ExitCode.BadInput }));
  });
});

describe("the fleet-wide id of an account's default project", () => {
  it("never changes, because the addresses of the project and of its MCP server contain it", () => {
    expect(defaultProjectId("5466306f-350b-51ce-a085-b99d1bd0950d")).toBe("a0b68c46-12cb-8d55-9dd3-1f5a7dbadc1e");
  });

  it("is a version 8 UUID that is different for each account", () => {
    fc.assert(
      fc.property(fc.uuid(), fc.uuid(), (one, other) => {
        expect(defaultProjectId(one)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
        expect(defaultProjectId(one) === defaultProjectId(other)).toBe(one === other);
      }),
    );
  });
});

describe("a database URL", () => {
  it("is parsed into its parts, whatever characters they contain", () => {
    fc.assert(
      fc.property(name, name, name, (user, password, database) => {
        const [u, p, d] = [user, password, database].map(encodeURIComponent);
        expect(parseDatabaseUrl(`postgresql+psycopg://${u}:${p}@db.example:6432/${d}?sslmode=require`)).toMatchObject({
          host: "db.example",
          port: 6432,
          user,
          password,
          database,
          sslMode: "require",
        });
      }),
    );
  });

  it.each([".", "..", "a/../b"])("keeps the database name %s as it is, without resolving it as a path", (database) => {
    const url = `postgresql://u:p@h/${database}?sslmode=require`;
    expect(parseDatabaseUrl(url)).toMatchObject({ database, sslMode: "require" });
  });

  it.each(["no url", "mysql://u:secret@h/d", "postgresql://u:secret@h", "postgresql://u:secret@h/d?sslmode=maybe"])(
    "is rejected with a message that does not repeat it: %s",
    (url) => {
      expect(() => parseDatabaseUrl(url)).toThrow(
        expect.objectContaining({ exitCode: ExitCode.BadInput, message: expect.not.stringContaining("secret") }),
      );
    },
  );

  it("gives programs the password in their environment, and none of the agent's own secrets", () => {
    process.env.AGENT_GIT_TOKEN = "token";
    const environment = programEnvironment(parseDatabaseUrl("postgresql://u:p@h/d"));
    expect(environment).toMatchObject({ PGHOST: "h", PGPORT: "5432", PGUSER: "u", PGPASSWORD: "p", PGDATABASE: "d" });
    expect(environment.AGENT_GIT_TOKEN).toBeUndefined();
    delete process.env.AGENT_GIT_TOKEN;
  });
});

describe("the schema of the user table", () => {
  const column = (name: string, type = "text") => ({ name, type, notNull: true, hasDefault: false, generated: false });
  const columns = [column("id", "uuid"), column("username"), column("is_superuser", "boolean")];
  const user: CatalogTable = { name: "user", columns, primaryKey: ["id"], uniqueIndexes: [], foreignKeys: [] };

  it.each(["id", "username", "is_superuser"])("is rejected if the column %s is missing", (missing) => {
    const others = columns.filter(({ name }) => name !== missing);
    expect(() => movableTable([{ ...user, columns: others }], "user", ["username", "is_superuser"])).toThrow(
      expect.objectContaining({ exitCode: ExitCode.Refused, message: expect.stringContaining(`"${missing}"`) }),
    );
  });
});

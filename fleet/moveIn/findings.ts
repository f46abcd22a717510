import { isReplicated } from "../../agent/accounts/tableRule";
import { TABLES } from "../../agent/accounts/tables";
import { AUTO_LOGIN_USER, NAMED_MAX, printable } from "../../agent/moveIn/names";
import { ROW_BYTES_MAX } from "../../agent/postgres/largeValue";
import { LANGFLOW_RELEASE, SUPERUSER } from "../../model/langflow";
import type { Inventory, SourceFlow, SourceUser } from "./inventory";
import { releaseOf } from "./releases";

/** Something that the import cannot take over unchanged. */
export interface MoveInFinding {
  /**
   * `stops`: the import is impossible until this is fixed. `stays`: this is left behind. `changes`: this is imported,
   * but is changed or needs an action of the operator.
   */
  readonly result: "stops" | "stays" | "changes";
  readonly what: string;
  readonly count: number;
  /** Names of the first few. */
  readonly which: readonly string[];
  readonly because: string;
  readonly fix: string;
}

type Described = Omit<MoveInFinding, "count" | "which">;

/**
 * Returns what prevents the import, what it leaves behind, and what needs attention, most severe first.
 *
 * @param leavesDamaged whether the import leaves damaged rows behind instead of stopping
 */
export function moveInFindings(inventory: Inventory, leavesDamaged = false): MoveInFinding[] {
  const found = [
    ...releaseFindings(inventory),
    ...damageFindings(inventory, leavesDamaged),
    ...userFindings(inventory),
    ...secretKeyFindings(inventory),
    ...flowFindings(inventory),
    ...fileFindings(inventory),
    ...tableFindings(inventory),
  ];
  const order: readonly MoveInFinding["result"][] = ["stops", "stays", "changes"];
  return order.flatMap((result) => found.filter((each) => each.result === result));
}

/** Returns no finding if the count is 0. */
function finding(names: readonly string[], described: Described, count = names.length): MoveInFinding[] {
  if (count === 0) return [];
  return [{ ...described, count, which: names.slice(0, NAMED_MAX).map(printable) }];
}

function releaseFindings(inventory: Inventory): MoveInFinding[] {
  const { said, standing } = releaseOf(inventory);
  const stops = (because: string, fix: string) =>
    finding([said], { result: "stops", what: "LangFlow's release", because, fix });
  switch (standing) {
    case "newer":
      return stops(
        `the fleet runs ${LANGFLOW_RELEASE}, and LangFlow has no way back to an older schema`,
        "upgrade the fleet first (docs/upgrade.md)",
      );
    case "unknown":
      return stops(
        `no release up to ${LANGFLOW_RELEASE} has such a revision: it is of a newer one, or of somebody's own`,
        "look which version runs there (/api/v1/version); upgrade the fleet first where it is newer (docs/upgrade.md)",
      );
    case "apart":
      return stops(
        `one line of patch releases alone has this revision: the migrations of ${LANGFLOW_RELEASE} do not know it, and stop at it`,
        "look into LangFlow's release notes for a way from it to a later release; upgrade a copy of it there first",
      );
    default:
      // APIs and flow files have no revision, so only a database without one is a problem.
      return inventory.revisions?.length === 0
        ? stops(
            "the database has no revision in alembic_version, so LangFlow's migrations do not know where to begin",
            "give the whole database, with that table; a backup has it",
          )
        : [];
  }
}

function damageFindings(
  { damaged = [], orphans = [], mcpFilesOf = [], withoutLogAfter }: Inventory,
  leavesDamaged: boolean,
): MoveInFinding[] {
  return [
    ...finding(
      damaged.map(({ table, name, column, holds }) => `${table} ${name}: ${column} is not ${holds}`),
      {
        result: leavesDamaged ? "stays" : "stops",
        what: "damaged rows",
        because: "they have a value that LangFlow itself cannot read",
        fix: "repair them there; or import with --damaged, which leaves these rows and the rows that belong to them behind",
      },
    ),
    ...finding(
      orphans.map(({ table, of, rows }) => `${table}: ${rows} without their ${of}`),
      {
        result: "stays",
        what: "rows without the row that they belong to",
        because: "SQLite let somebody delete that row alone; PostgreSQL keeps no such rows",
        fix: "nothing, as LangFlow shows them to nobody",
      },
      orphans.reduce((sum, { rows }) => sum + rows, 0),
    ),
    ...finding(mcpFilesOf, {
      result: "changes",
      what: "MCP servers in a file",
      because: "LangFlow keeps them in its database since 1.11, and reads such a file only when it starts",
      fix: "after the import run `langflow migrate-mcp` in a pod of that region (docs/move-in.md#mcp-servers-of-earlier-releases); the other regions follow",
    }),
    ...finding(withoutLogAfter === undefined ? [] : [`newest change: ${withoutLogAfter}`], {
      result: "changes",
      what: "a database without its write-ahead log",
      because:
        "LangFlow keeps its newest writes in langflow.db-wal until it stops; a copy of the file alone lacks them",
      fix: "check the time of the newest change; copy the log as well, or stop LangFlow before you copy",
    }),
  ];
}

function userFindings({ users = [] }: Inventory): MoveInFinding[] {
  const admin = users.filter(
    ({ name, isSuperuser, isActive }) => name.toLowerCase() === SUPERUSER && !(isSuperuser && isActive),
  );
  return [
    ...finding(namesakes(users), {
      result: "stops",
      what: "users of one name",
      because: "names that differ in upper and lower case alone are one; LangFlow's migration to 1.13 refuses them",
      fix: "rename or delete one of each there",
    }),
    ...finding(
      admin.map(({ name }) => name),
      {
        result: "stops",
        what: `an ordinary or deactivated user called ${SUPERUSER}`,
        because: "the fleet's superuser is called so: the account, with its API keys, would become that one",
        fix: "rename it there",
      },
    ),
    ...finding(
      users.filter(({ name }) => name === AUTO_LOGIN_USER).map(({ name }) => name),
      {
        result: "changes",
        what: "the account of a LangFlow without sign-in",
        because:
          "the fleet asks everybody to sign in; a password that is LangFlow's own, and known to everybody, does not come",
        fix: "give it a password of its own there, before it moves, or one in the fleet, as the superuser, on LangFlow's admin page",
      },
    ),
  ];
}

/** Returns names that several users share if case is ignored. Each entry lists all spellings, separated by slashes. */
function namesakes(users: readonly SourceUser[]): string[] {
  const names = new Map<string, string[]>();
  for (const { name } of users) names.set(name.toLowerCase(), [...(names.get(name.toLowerCase()) ?? []), name]);
  return [...names.values()].filter(({ length }) => length > 1).map((each) => each.join(" / "));
}

const WITHOUT_KEY: Readonly<Record<"given" | "none", Pick<Described, "because" | "fix">>> = {
  none: {
    because: "they are encrypted, and no secret key was given",
    fix: "give LANGFLOW_SECRET_KEY of that LangFlow, or its config folder by --config, and look again",
  },
  given: {
    because: "the secret key does not open them",
    fix: "give the key that they were made under, or enter them anew after the move",
  },
};

function secretKeyFindings({ ciphertexts }: Inventory): MoveInFinding[] {
  if (!ciphertexts) return [];
  const { secretKey, unreadable } = ciphertexts;
  return finding(unreadable, { result: "stays", what: "secrets", ...WITHOUT_KEY[secretKey] });
}

function flowFindings({ flows, users }: Inventory): MoveInFinding[] {
  const owners = new Map(users?.map(({ id, name }) => [id, name]));
  const named = ({ name, owner }: SourceFlow) => {
    const user = owner === undefined ? undefined : owners.get(owner);
    return user === undefined ? name : `${name} (${user})`;
  };
  const told = (which: (flow: SourceFlow) => readonly string[]) =>
    flows.flatMap((flow) => (which(flow).length === 0 ? [] : [`${named(flow)}: ${which(flow).join(", ")}`]));
  // If the source has no list of users, flows without an owner are normal.
  const nobodys = users ? flows.filter(({ owner }) => owner === undefined || !owners.has(owner)) : [];
  return [
    ...finding(
      told(({ problem }) => (problem === undefined ? [] : [problem])),
      {
        result: "changes",
        what: "flows that cannot be recorded",
        because:
          "they come into all regions, but the record in Git has bounds for a flow's file (docs/how-work-travels.md)",
        fix: "mend them there as the line says",
      },
    ),
    ...finding(flows.filter(({ bytes }) => bytes > ROW_BYTES_MAX).map(named), {
      result: "stays",
      what: "flows that stay in one region",
      because: `they have more than ${ROW_BYTES_MAX} bytes: they come into the region of the import, and no region tells another`,
      fix: "make them smaller there",
    }),
    ...finding(sameIds(flows).map(named), {
      result: "stays",
      what: "flows under the id of another",
      because: "an id is one flow: the one that comes later would take the other's place",
      fix: "import them one by one after the move, without the id",
    }),
    ...finding(nobodys.map(named), {
      result: "stays",
      what: "flows that are nobody's",
      because: "a flow is replicated with its user",
      fix: "open them there as the user who wants them, and save a copy",
    }),
    ...finding(
      told(({ secrets }) => secrets),
      {
        result: "changes",
        what: "flows with what looks like a secret",
        because: "Git shows it to whoever reads the repository, so such a flow is replicated, and held in the record",
        fix: "put it into a global variable there; or allow it with sync.allowedSecrets (docs/operations/held-flows.md)",
      },
    ),
    ...finding(
      told(({ localPaths }) => localPaths),
      {
        result: "changes",
        what: "flows that name a file of their machine",
        because: "no pod of the fleet has it",
        fix: "upload the file, and choose the upload in the flow",
      },
    ),
    ...finding(
      told(({ ownCode }) => ownCode),
      {
        result: "changes",
        what: "flows with components of somebody's own",
        because:
          "in the fleet LangFlow runs its own code and the image's alone, unless customComponents says superusers",
        fix: "add the components to the image (images/langflow)",
      },
    ),
  ];
}

/** Returns the flows whose id an earlier flow already has. Ids are case-insensitive. */
function sameIds(flows: readonly SourceFlow[]): SourceFlow[] {
  const seen = new Set<string>();
  return flows.filter(({ id }) => seen.has(id.toLowerCase()) || !seen.add(id.toLowerCase()));
}

function fileFindings({ files }: Inventory): MoveInFinding[] {
  return finding(files?.missing ?? [], {
    result: "stays",
    what: "files that are not there",
    because: "the database has them, the folder has not",
    fix: "put them back, or delete them in LangFlow",
  });
}

/** LangFlow's own bookkeeping, which a different finding covers. */
const TOLD_OTHERWISE = new Set(["alembic_version"]);

function tableFindings({ tables = [] }: Inventory): MoveInFinding[] {
  const carried = new Set(TABLES.filter(isReplicated).map(({ table }) => table));
  const left = tables.filter(({ table }) => !carried.has(table) && !TOLD_OTHERWISE.has(table));
  // Excludes leases: the process that runs the schedules acquires new ones.
  const known = left.filter(({ treatment }) => treatment !== undefined && treatment !== "owned");
  const unknown = left.filter(({ treatment }) => treatment === undefined);
  const sum = (some: typeof left) => some.reduce((rows, each) => rows + each.rows, 0);
  const names = (some: typeof left) => some.map(({ table, rows }) => `${table} (${rows})`);
  return [
    ...finding(
      names(known),
      {
        result: "stays",
        what: "rows of runs and logs",
        because:
          "they are of the processes that wrote them, and no region carries them to another (docs/how-work-travels.md)",
        fix: "keep the old database for as long as somebody may ask",
      },
      sum(known),
    ),
    ...finding(
      names(unknown),
      {
        result: "stays",
        what: "rows of tables that are not known",
        because: `LangFlow ${LANGFLOW_RELEASE} has no such table`,
        fix: "look whose they are: of another release, or of another program in the same database",
      },
      sum(unknown),
    ),
  ];
}

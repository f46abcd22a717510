import { AUTO_LOGIN_USER, NAMED_MAX, printedName } from "../../formats/moveIn/names";
import { ROW_BYTES_MAX } from "../../formats/tables/rowSize";
import { isReplicated } from "../../formats/tables/tableRule";
import { TABLES } from "../../formats/tables/tables";
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
    ...otherDatabaseFindings(inventory),
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
  return [{ ...described, count, which: names.slice(0, NAMED_MAX).map(printedName) }];
}

function releaseFindings(inventory: Inventory): MoveInFinding[] {
  const { said, standing } = releaseOf(inventory);
  const stops = (because: string, fix: string) =>
    finding([said], { result: "stops", what: "LangFlow's release", because, fix });
  switch (standing) {
    case "newer":
      return stops(
        `the fleet runs ${LANGFLOW_RELEASE}, and LangFlow cannot downgrade a database`,
        "upgrade the fleet first (docs/upgrade.md)",
      );
    case "unknown":
      return stops(
        `no release up to ${LANGFLOW_RELEASE} has this revision: it belongs to a newer release or to a modified LangFlow`,
        "check the version of the old LangFlow (/api/v1/version); if it is newer, upgrade the fleet first (docs/upgrade.md)",
      );
    case "apart":
      return stops(
        `only some patch releases have this revision, and the migrations of ${LANGFLOW_RELEASE} cannot start from it`,
        "find an upgrade path in LangFlow's release notes, and upgrade a copy of the old LangFlow first",
      );
    default:
      // APIs and flow files have no revision, so only a database without one is a problem.
      return inventory.revisions?.length === 0
        ? stops(
            "the database has no revision in alembic_version, so LangFlow's migrations cannot determine where to start",
            "pass the whole database including this table; a backup has it",
          )
        : [];
  }
}

function damageFindings(
  { damaged = [], orphans = [], mcpFilesOf = [], localKnowledgeBases = [], withoutLogAfter }: Inventory,
  leavesDamaged: boolean,
): MoveInFinding[] {
  return [
    ...finding(
      damaged.map(({ table, name, column, holds }) => `${table} ${name}: ${column} is not ${holds}`),
      {
        result: leavesDamaged ? "stays" : "stops",
        what: "damaged rows",
        because: "each contains a value that LangFlow cannot read",
        fix: "repair them in the old LangFlow, or import with --damaged, which skips these rows and rows that depend on them",
      },
    ),
    ...finding(
      orphans.map(({ table, of, rows }) => `${table}: ${rows} without their parent in ${of}`),
      {
        result: "stays",
        what: "rows without their parent row",
        because: "SQLite allowed the parent row to be deleted; PostgreSQL does not allow these rows",
        fix: "no action needed: LangFlow does not show them to anyone",
      },
      orphans.reduce((sum, { rows }) => sum + rows, 0),
    ),
    ...finding(localKnowledgeBases, {
      result: "stays",
      what: "knowledge bases",
      because: "only the old LangFlow can reach the files or the store with their vectors",
      fix: "create them in the fleet from their documents",
    }),
    ...finding(mcpFilesOf, {
      result: "changes",
      what: "MCP servers in a file",
      because: "LangFlow stores them in its database since 1.11, and reads this file only at startup",
      fix: "after the import run `langflow migrate-mcp` in a pod of that region (docs/move-in.md#mcp-servers-of-earlier-releases); the other regions follow",
    }),
    ...finding(withoutLogAfter === undefined ? [] : [`newest change: ${withoutLogAfter}`], {
      result: "changes",
      what: "a database without its write-ahead log",
      because:
        "LangFlow keeps its newest writes in langflow.db-wal until it stops; a copy without that file lacks them",
      fix: "check the time of the newest change; copy langflow.db-wal too, or stop LangFlow before you copy",
    }),
  ];
}

/** Returns what suggests that LangFlow uses a different database, such as one left by an earlier configuration. */
function otherDatabaseFindings({ source, flows, messages, strangeFolders }: Inventory): MoveInFinding[] {
  if (messages === undefined) return [];
  const { all = 0, strange = [] } = strangeFolders ?? {};
  const signs = [
    ...(flows.length === 0 && messages.count === 0 ? ["it has no user's flow and no message"] : []),
    ...(strange.length > all / 2
      ? [`${strange.length} of ${all} folders of files belong to none of its users and flows`]
      : []),
  ];
  return finding(signs, {
    result: "changes",
    what: "a database that LangFlow may not use",
    because: `LangFlow's default is langflow.db next to its package, not in the config folder; ${source.place} may be left from an earlier configuration`,
    fix: "compare it with the old LangFlow's pages; if it is a different one, run `move-in collect`, or pass the database of LANGFLOW_DATABASE_URL",
  });
}

function userFindings({ users = [] }: Inventory): MoveInFinding[] {
  const admin = users.filter(
    ({ name, isSuperuser, isActive }) => name.toLowerCase() === SUPERUSER && !(isSuperuser && isActive),
  );
  return [
    ...finding(namesakes(users), {
      result: "stops",
      what: "users with the same name",
      because: "names that differ only in case count as the same; LangFlow's migration to 1.13 rejects them",
      fix: "rename or delete all but one of them in the old LangFlow",
    }),
    ...finding(
      admin.map(({ name }) => name),
      {
        result: "stops",
        what: `an ordinary or deactivated user named ${SUPERUSER}`,
        because: "the fleet's superuser has this name: the account and its API keys would become the superuser's",
        fix: "rename it in the old LangFlow",
      },
    ),
    ...finding(
      users.filter(({ name }) => name === AUTO_LOGIN_USER).map(({ name }) => name),
      {
        result: "changes",
        what: "the account of a LangFlow without login",
        because: "the fleet requires a login, and LangFlow's public default password is not migrated",
        fix: "set its password in the old LangFlow before the import, or as the superuser on the admin page of the fleet's LangFlow",
      },
    ),
  ];
}

/** Returns names that several users share if case is ignored. Each entry lists all spellings, separated by slashes. */
function namesakes(users: readonly SourceUser[]): string[] {
  const names = new Map<string, string[]>();
  for (const { name } of users) names.set(lowered(name), [...(names.get(lowered(name)) ?? []), name]);
  return [...names.values()].filter(({ length }) => length > 1).map((each) => each.join(" / "));
}

/** Returns a name as PostgreSQL's `lower` does, which LangFlow's index uses: one character for each character. */
const lowered = (name: string): string => [...name].map((character) => [...character.toLowerCase()][0]).join("");

const WITHOUT_KEY: Readonly<Record<"given" | "none", Pick<Described, "because" | "fix">>> = {
  none: {
    because: "they are encrypted, and no secret key was passed",
    fix: "set LANGFLOW_SECRET_KEY to the old LangFlow's key, or pass its config folder as --config, and run this again",
  },
  given: {
    because: "the secret key cannot decrypt them",
    fix: "pass the key that encrypted them, or enter them again after the import",
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
          "they are replicated to all regions, but the record in Git limits a flow's file (docs/how-work-travels.md)",
        fix: "fix the listed problems in the old LangFlow",
      },
    ),
    ...finding(flows.filter(({ bytes }) => bytes > ROW_BYTES_MAX).map(named), {
      result: "stays",
      what: "flows that stay in one region",
      because: `each has more than ${ROW_BYTES_MAX} bytes: it is imported into one region, but not replicated to the others`,
      fix: "reduce their size in the old LangFlow",
    }),
    ...finding(sameIds(flows).map(named), {
      result: "stays",
      what: "flows with a duplicate id",
      because: "an id identifies one flow: the later flow would overwrite the earlier one",
      fix: "import them one by one after the move, without their id",
    }),
    ...finding(nobodys.map(named), {
      result: "stays",
      what: "flows without an owner",
      because: "flows are replicated per user",
      fix: "open them in the old LangFlow as the user who needs them, and save a copy",
    }),
    ...finding(
      told(({ secrets }) => secrets),
      {
        result: "changes",
        what: "flows with a likely secret",
        because: "every reader of the Git repository would see it, so the flow is replicated, but held in the record",
        fix: "move it into a global variable in the old LangFlow, or allow it with sync.allowedSecrets (docs/operations/held-flows.md)",
      },
    ),
    ...finding(
      told(({ localPaths }) => localPaths),
      {
        result: "changes",
        what: "flows that refer to a local file",
        because: "the fleet's pods do not have this file",
        fix: "upload the file, and select the upload in the flow",
      },
    ),
    ...finding(
      told(({ ownCode }) => ownCode),
      {
        result: "changes",
        what: "flows with custom components",
        because: "the fleet's LangFlow runs only code from its image, unless customComponents is superusers",
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
    what: "missing files",
    because: "the database lists them, but the folder does not contain them",
    fix: "restore them, or delete them in LangFlow",
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
          "they describe runs of the old LangFlow's processes; regions do not replicate them (docs/how-work-travels.md)",
        fix: "keep the old database until nobody needs them",
      },
      sum(known),
    ),
    ...finding(
      names(unknown),
      {
        result: "stays",
        what: "rows of unknown tables",
        because: `LangFlow ${LANGFLOW_RELEASE} has no such table`,
        fix: "find out where they come from: a different release, or a different program in the same database",
      },
      sum(unknown),
    ),
  ];
}

import type { Client } from "pg";
import { AgentError, ExitCode } from "../../formats/agentErrors";
import { printedName } from "../../formats/moveIn/names";
import type { Tallies } from "../../formats/moveIn/tallies";
import type { Reference, ReplicatedTable } from "../../formats/tables/tableRule";
import type { CarriedTable } from "./carriedTable";
import type { Entry } from "./ledger";
import type { SecretKeys, Texts } from "./secrets";

export interface Carrying {
  /** The scratch database, migrated to the region's revision. */
  readonly scratch: Client;
  readonly region: Client;
  /** Description of the LangFlow from which the rows come. */
  readonly source: string;
  readonly keys: SecretKeys;
  /** Names of flows by id, if they may be shown: a name may contain a secret. */
  readonly flowNames: ReadonlyMap<string, string>;
  /** The imported files, as `<user or flow id>/<name>`. */
  readonly uploads: ReadonlySet<string>;
  /** Name of the fleet's superuser, with whom the source's superuser of that name is merged. */
  readonly superuser: string;
  readonly tallies: Tallies;
  readonly progress: (done: string) => void;
  readonly signal: AbortSignal;
}

/** A row that is being imported. */
export interface Item {
  /** Id of the row in the source. */
  readonly id: string;
  /** Digest of the source's row; null for a row that a migration created. */
  readonly digest: string | null;
  /** The source's time of the row's last write; null if its table has none. */
  readonly time: string | null;
  /** Column values to be written to the fleet. */
  readonly texts: Texts;
  /** Id of the row in the fleet. */
  readonly fleetId: string;
  readonly name: string | undefined;
  /** True if the row contains secrets that no key decrypts. */
  readonly isUnreadable: boolean;
  /** True if the row's well-known password was replaced. */
  readonly isPasswordLost?: boolean;
}

export type Stored = { readonly "row id": string; readonly "row digest": string | null } & Readonly<
  Record<string, string | null>
>;
/** A row of the source as read from the scratch database. */
export type SourceStored = Stored & { readonly "is carried": boolean; readonly "row time": string | null };

/** Ids of the source's rows whose id in the fleet is different, by table: source id to fleet id. */
export type Others = Map<string, Map<string, string>>;

/** Marks a fleet row that has the same name but is a different entity. */
export const ANOTHERS = Symbol("another's");

/**
 * Source digest of a row that a migration created. The source never had this row, so the row cannot have been deleted
 * there.
 */
export const OF_NO_SOURCE = "";

export const isNamed = (one: Texts, other: Texts): boolean =>
  one.get("username")?.toLowerCase() === other.get("username")?.toLowerCase();

export const somebodyElses = ({ name }: Item): AgentError =>
  new AgentError(
    `the fleet has a different user with the name or id of ${printedName(name ?? "a user")}, so this user's data was not imported: rename the user in the source or in the fleet, and import again`,
    ExitCode.BadInput,
  );

export const entryOf = ({ id, digest, time, fleetId }: Item, fleetDigest: string | null): Entry => ({
  id,
  sourceDigest: digest ?? OF_NO_SOURCE,
  sourceTime: time,
  fleetId,
  fleetDigest,
});

export const entriesOf = (items: readonly Item[], digests: ReadonlyMap<string, string | null>): Entry[] =>
  items.map((item) => entryOf(item, digests.get(item.fleetId) ?? null));

/** Returns a row's id as `rowId` computes it in SQL. */
export function idIn({ key }: ReplicatedTable, texts: Texts): string {
  return key.map((column) => texts.get(column) ?? "").join("/");
}

export function tableOf({ to }: Reference, texts: Texts): string | undefined {
  return typeof to === "string" ? to : to.tables[texts.get(to.by) ?? ""];
}

export const textsOf = ({ columns }: CarriedTable, row: Readonly<Record<string, unknown>>): Texts =>
  new Map(columns.map(({ name }) => [name, row[name] === null || row[name] === undefined ? null : String(row[name])]));

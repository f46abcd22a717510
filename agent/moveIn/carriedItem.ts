import type { Client } from "pg";
import type { Reference, ReplicatedTable } from "../accounts/tableRule";
import { AgentError, ExitCode } from "../process/errors";
import type { CarriedTable } from "./carriedTable";
import type { Entry } from "./ledger";
import { printable } from "./names";
import type { SecretKeys, Texts } from "./secrets";
import type { Tallies } from "./tallies";

export interface Carrying {
  /** The scratch database, at the region's revision. */
  readonly scratch: Client;
  readonly region: Client;
  /** Which LangFlow the rows are of. */
  readonly source: string;
  readonly keys: SecretKeys;
  /** Of flows by id, where they may be said: a name may hold a secret. */
  readonly flowNames: ReadonlyMap<string, string>;
  /** The files that come along, by user or flow, and name. */
  readonly uploads: ReadonlySet<string>;
  /** Name of the fleet's superuser, whom the source's superuser of that name becomes. */
  readonly superuser: string;
  readonly tallies: Tallies;
  readonly progress: (done: string) => void;
  readonly signal: AbortSignal;
}

/** A row on its way. */
export interface Item {
  /** In the source. */
  readonly id: string;
  /** Of what the source has; null for a row that a migration made. */
  readonly digest: string | null;
  /** As the fleet is to have it. */
  readonly texts: Texts;
  /** In the fleet. */
  readonly fleetId: string;
  readonly name: string | undefined;
  /** It has secrets that no key opens. */
  readonly isUnreadable: boolean;
  /** It has lost a password that everybody knows. */
  readonly isPasswordLost?: boolean;
}

export type Stored = { readonly "row id": string; readonly "row digest": string | null } & Readonly<
  Record<string, string | null>
>;

/** Ids by which rows are known there and in the fleet, where they are not the same. */
export type Others = Map<string, Map<string, string>>;

/** A row of the fleet has the name, and is another. */
export const ANOTHERS = Symbol("another's");

/** What a migration made has no digest, and is no row of the source that could be gone from it. */
export const OF_NO_SOURCE = "";

export const isNamed = (one: Texts, other: Texts): boolean =>
  one.get("username")?.toLowerCase() === other.get("username")?.toLowerCase();

export const somebodyElses = ({ name }: Item): AgentError =>
  new AgentError(
    `${printable(name ?? "a user")} is somebody else in the fleet, by its name or its id, and nothing of it was moved: rename it there or in the fleet, and import again`,
    ExitCode.BadInput,
  );

export const entryOf = ({ id, digest, fleetId }: Item, fleetDigest: string | null): Entry => ({
  id,
  sourceDigest: digest ?? OF_NO_SOURCE,
  fleetId,
  fleetDigest,
});

export const entriesOf = (items: readonly Item[], digests: ReadonlyMap<string, string | null>): Entry[] =>
  items.map((item) => entryOf(item, digests.get(item.fleetId) ?? null));

/** As `rowId` has it in SQL. */
export function idIn({ key }: ReplicatedTable, texts: Texts): string {
  return key.map((column) => texts.get(column) ?? "").join("/");
}

export function tableOf({ to }: Reference, texts: Texts): string | undefined {
  return typeof to === "string" ? to : to.tables[texts.get(to.by) ?? ""];
}

export const textsOf = ({ columns }: CarriedTable, row: Readonly<Record<string, unknown>>): Texts =>
  new Map(columns.map(({ name }) => [name, row[name] === null || row[name] === undefined ? null : String(row[name])]));

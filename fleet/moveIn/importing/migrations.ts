import type { DatabaseAddress } from "../../../agent/postgres/connection";

/** LangFlow's own migrations, of the release that the fleet runs. */
export interface Migrations {
  /**
   * Brings a database up to a revision, or to the newest, `head`.
   *
   * @param secretKey under which they encrypt what they find in the clear
   * @throws UserError with what they said last
   */
  upgrade(database: DatabaseAddress, revision: string, secretKey: string, signal: AbortSignal): Promise<void>;
}

import type { ClientBase } from "pg";
import { lockForTransaction } from "./foreignLocks";

/** Arbitrary number of an advisory lock that no other user of the database takes. */
const LOCK = 0x6c66_7363;

/**
 * Serializes transactions that create tables and transactions that grant privileges on all tables. Without it, a grant
 * misses a table whose CREATE is not committed yet, and the default privileges, which are set later, do not cover it.
 * Call it before the transaction locks a table.
 */
export const lockSchema = (client: ClientBase): Promise<void> => lockForTransaction(client, LOCK);

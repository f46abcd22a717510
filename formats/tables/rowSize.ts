/**
 * Maximum size of a row's text that is replicated, in bytes. Reading a larger row would delay all users' edits for too
 * long, and the agent holds the encrypted row in memory.
 */
export const ROW_BYTES_MAX = 64_000_000;

/** Thrown if LangFlow's database does not respond, or the agent does not support its schema. */
export class DatabaseUnreachable extends Error {}

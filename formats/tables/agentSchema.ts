/** The agent's own schema in LangFlow's database. */
export const SCHEMA = "langflow_dr";

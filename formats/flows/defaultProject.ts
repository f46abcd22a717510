/** LangFlow's name for every user's default project. The agent treats its flows as belonging to no project. */
export const DEFAULT_PROJECT = "Starter Project";

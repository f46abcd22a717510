/**
 * The part of the program that each kind of stack runs. It is loaded when it is asked for: the edge never needs the AWS
 * library, half a second of its start.
 */
export const PARTS = {
  foundation: (): typeof import("./foundation") => require("./foundation"),
  region: (): typeof import("./region") => require("./region"),
  edge: (): typeof import("./edge") => require("./edge"),
};

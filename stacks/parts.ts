/**
 * The program of each kind of stack, loaded lazily: the edge never needs the AWS SDK, which takes half a second to
 * load.
 */
export const PARTS = {
  foundation: (): typeof import("./foundation") => require("./foundation"),
  region: (): typeof import("./region") => require("./region"),
  edge: (): typeof import("./edge") => require("./edge"),
};

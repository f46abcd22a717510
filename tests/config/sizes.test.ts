import { sizeOf } from "../../config/capacity";
import { parseConfig } from "../../config/parse";
import type { RegionStackConfig } from "../../config/schema";
import { SIZE_NAMES, SIZES, type SizeName } from "../../config/sizes";
import { capacities, shortages } from "../../model/capacity";
import { FLEET } from "../stacks/fleet";

/** A region's own config, as the program reads it. */
function read(own: object): RegionStackConfig {
  const parsed = parseConfig("us-east", { ...FLEET, githubRepository: "example-org/langflow-dr", ...own });
  if (!("config" in parsed) || parsed.config.kind !== "region") throw new Error(JSON.stringify(parsed));
  return parsed.config.own;
}

const ofSize = (size: SizeName) => read(SIZES[size].config);

describe("a size", () => {
  it.each(SIZE_NAMES)("%s is config that holds, and nothing of it is left out", (size) => {
    expect(ofSize(size)).toMatchObject(SIZES[size].config);
  });

  it("standard is what holds where nothing is said", () => {
    expect(ofSize("standard")).toEqual(read({}));
  });

  it.each(SIZE_NAMES)("%s has room for its own pods, and for another region's users, whoever takes them", (size) => {
    const regions = ["east", "west"].map((region) => sizeOf(region, ofSize(size)));
    for (const takeover of ["one", "even", "standby"] as const)
      for (const capacity of capacities(regions, takeover)) expect(shortages(capacity)).toEqual([]);
  });

  it("carries the more, the larger it is", () => {
    const pods = SIZE_NAMES.map((size) => SIZES[size].config.replicas.max);
    expect(pods).toEqual(pods.toSorted((one, other) => one - other));
  });

  it("that gives up a zone within a region says so", () => {
    for (const { config, survives } of SIZE_NAMES.map((size) => SIZES[size])) {
      const inOneZone =
        !config.database.multiAz || config.network.nat === "single" || config.replicas.spread === "none";
      expect(survives.includes("a zone or")).toBe(inOneZone);
    }
  });
});

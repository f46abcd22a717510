import { sizeOf } from "../../config/capacity";
import { parseConfig } from "../../config/parse";
import type { RegionStackConfig } from "../../config/schema";
import { SIZE_NAMES, SIZES, type SizeName } from "../../config/sizes";
import { capacities, shortages } from "../../model/capacity";
import { FLEET } from "../stacks/fleet";

/** Parses a region's config as the program does. */
function read(own: object): RegionStackConfig {
  const parsed = parseConfig("us-east", { ...FLEET, githubRepository: "example-org/langflow-dr", ...own });
  if (!("config" in parsed) || parsed.config.kind !== "region") throw new Error(JSON.stringify(parsed));
  return parsed.config.own;
}

const ofSize = (size: SizeName) => read(SIZES[size].config);

describe("a predefined size", () => {
  it.each(SIZE_NAMES)("%s is complete and valid config", (size) => {
    expect(ofSize(size)).toMatchObject(SIZES[size].config);
  });

  it("`standard` equals the config's defaults", () => {
    expect(ofSize("standard")).toEqual(read({}));
  });

  it.each(SIZE_NAMES)(
    "%s has capacity for its own pods and for a lost region's users, in whatever way they are steered",
    (size) => {
      const regions = ["east", "west"].map((region) => sizeOf(region, ofSize(size)));
      for (const takeover of ["one", "even", "standby"] as const)
        for (const capacity of capacities(regions, takeover)) expect(shortages(capacity)).toEqual([]);
    },
  );

  it("allows more pods the larger it is", () => {
    const pods = SIZE_NAMES.map((size) => SIZES[size].config.replicas.max);
    expect(pods).toEqual(pods.toSorted((one, other) => one - other));
  });

  it("says that it does not survive the failure of a zone if and only if that is true", () => {
    for (const { config, survives } of SIZE_NAMES.map((size) => SIZES[size])) {
      const inOneZone =
        !config.database.multiAz || config.network.nat === "single" || config.replicas.spread === "none";
      expect(survives.includes("a zone or")).toBe(inOneZone);
    }
  });
});

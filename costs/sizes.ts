/** Costs of the sizes that `init` offers, from the same prices. */
import { SIZES, type SizeName } from "../config/sizes";
import { DEFAULT, type Shape, standing, type Total, total, used } from "./estimate";
import type { PricedRegion } from "./price";

const DATABASES: Readonly<Record<string, Shape["database"]>> = {
  "db.t4g.medium": "databaseSmall",
  "db.m7g.large": "database",
  "db.m7g.xlarge": "databaseLarge",
};

/** The example's two regions. */
const FLEET: readonly PricedRegion[] = ["us-east-1", "eu-west-1"];

/** Returns the shape of a size for the estimate. @throws if its database has no price */
export function shapeOf(size: SizeName): Shape {
  const { replicas, database, network } = SIZES[size].config;
  const price = DATABASES[database.instanceClass];
  if (price === undefined || database.multiAz !== (price !== "databaseSmall"))
    throw new Error(
      `costs/standingPrices.ts has no price for ${database.instanceClass} with multiAz ${database.multiAz}`,
    );
  return {
    ...DEFAULT,
    ...network,
    database: price,
    databaseGib: database.storageGib,
    // One node per pod if pods may not share a zone, otherwise the smallest node for every two pods.
    nodes: replicas.spread === "zones" ? replicas.min : Math.ceil(replicas.min / 2),
  };
}

/** Returns the cost of a fleet of two regions in US dollars per month: fixed, usage and total. */
export function sizeCost(size: SizeName): { readonly standing: Total; readonly used: Total; readonly together: Total } {
  const shape = shapeOf(size);
  const lines = [standing(shape), used(shape)] as const;
  return { standing: total(lines[0], FLEET), used: total(lines[1], FLEET), together: total(lines.flat(), FLEET) };
}

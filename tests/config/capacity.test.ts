import { capacityProblems, described, takeoverOf } from "../../config/capacity";
import { parseConfig } from "../../config/parse";
import type { EdgeStackConfig, FleetConfig, RegionStackConfig } from "../../config/schema";
import { capacities, shortages } from "../../model/capacity";
import { FLEET } from "../stacks/fleet";

const values = { ...FLEET, githubRepository: "example-org/langflow-dr" };

/** Parses a region's config from the defaults and the test's own settings. */
function regionConfig(own: object = {}): RegionStackConfig {
  const parsed = parseConfig("us-east", { ...values, ...own });
  if (!("config" in parsed) || parsed.config.kind !== "region") throw new Error(JSON.stringify(parsed));
  return parsed.config.own;
}

const problems = (own: object): readonly string[] => {
  const parsed = parseConfig("us-east", { ...values, ...own });
  return "problems" in parsed ? parsed.problems : [];
};

/** Returns the descriptions of all shortages of a size. */
function texts(max: number, instanceClass: string): string[] {
  const size = {
    region: "east",
    replicas: { min: 2, max },
    requests: { cpu: "1", memory: "2Gi" },
    instanceClass,
  };
  return capacities([size], "one").flatMap((each) =>
    shortages(each).map((shortage) => {
      const { finding, fix } = described(shortage, each);
      return `${finding}; ${fix}`;
    }),
  );
}

describe("the capacity check of a region's config", () => {
  it("accepts the defaults", () => {
    expect(capacityProblems("us-east", regionConfig())).toEqual([]);
    expect(texts(10, regionConfig().database.instanceClass)).toEqual([]);
  });

  it("rejects pods whose connections the database can never accept, and reports both numbers and two fixes", () => {
    expect(problems({ replicas: { min: 2, max: 20 } })).toEqual([
      "langflow-dr:replicas.max is 20: the pods may open 1208 database connections at most, but database.instanceClass db.m7g.large allows 812; set replicas.max to 10 or less, or database.instanceClass to db.m7g.xlarge or larger",
    ]);
  });

  it("rejects 100 pods with every class, and reports the maximum for the largest class", () => {
    expect(problems({ replicas: { min: 2, max: 100 } })).toEqual([
      "langflow-dr:replicas.max is 100: the pods may open 6008 database connections at most, but database.instanceClass db.m7g.large allows 812; set replicas.max to 10 or less, or replicas.max to 66 and database.instanceClass to db.m7g.4xlarge",
    ]);
  });

  it("rejects pods that the cluster's nodes could never hold", () => {
    const resources = { requests: { cpu: "30", memory: "2Gi" }, limits: { cpu: "32", memory: "3Gi" } };
    expect(problems({ resources })).toEqual([
      "langflow-dr:replicas.max is 10 with resources.requests.cpu 30: the pods need 304 cores at most, but the cluster's nodes have 256 in total; set replicas.max lower, or resources.requests.cpu",
    ]);
  });

  it("accepts tight capacity, an update that exceeds it, and unknown classes", () => {
    expect(problems({ replicas: { min: 2, max: 13 } })).toEqual([]);
    expect(problems({ replicas: { min: 2, max: 5 }, database: { instanceClass: "db.t4g.medium" } })).toEqual([]);
    expect(problems({ replicas: { min: 2, max: 100 }, database: { instanceClass: "db.x9.large" } })).toEqual([]);
  });

  it("is skipped if the replicas themselves are invalid", () => {
    expect(problems({ replicas: { min: 60, max: 50 } })).toHaveLength(1);
  });
});

describe("the description of a shortage", () => {
  it("states that less than 20 % is spare, and suggests a fix that leaves more", () => {
    expect(texts(13, "db.m7g.large")).toEqual([
      "langflow-dr:replicas.max is 13: the pods may open 788 database connections at most, but database.instanceClass db.m7g.large allows 812, which leaves less than 20 % spare; set replicas.max to 10 or less, or database.instanceClass to db.m7g.xlarge or larger",
    ]);
  });

  it("suggests only a larger class if the class cannot even serve the minimum of pods", () => {
    expect(texts(4, "db.t4g.micro")).toEqual([
      "langflow-dr:replicas.max is 4: the pods may open 248 database connections at most, but database.instanceClass db.t4g.micro allows 55; set database.instanceClass to db.t4g.medium or larger",
    ]);
  });
});

describe("the takeover of a lost region's users", () => {
  const of = (topology: FleetConfig["topology"], steering: EdgeStackConfig["steering"]) =>
    takeoverOf({ topology } as FleetConfig, { steering } as EdgeStackConfig);

  it("may fall on a single region if steering depends on distance or latency", () => {
    for (const steering of ["proximity", "dynamic_latency", "geo"] as const)
      expect(of("active-active", steering)).toBe("one");
  });

  it("is spread evenly with random steering, and falls on the standby alone regardless of the steering", () => {
    expect(of("active-active", "random")).toBe("even");
    expect(of("active-standby", "random")).toBe("standby");
  });
});

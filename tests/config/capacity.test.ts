import { capacityProblems, described, takeoverOf } from "../../config/capacity";
import { parseConfig } from "../../config/parse";
import type { EdgeStackConfig, FleetConfig, RegionStackConfig } from "../../config/schema";
import { capacities, shortages } from "../../model/capacity";
import { FLEET } from "../stacks/fleet";

const values = { ...FLEET, githubRepository: "example-org/langflow-dr" };

/** A region's own config by its defaults and what a test sets. */
function regionConfig(own: object = {}): RegionStackConfig {
  const parsed = parseConfig("us-east", { ...values, ...own });
  if (!("config" in parsed) || parsed.config.kind !== "region") throw new Error(JSON.stringify(parsed));
  return parsed.config.own;
}

const problems = (own: object): readonly string[] => {
  const parsed = parseConfig("us-east", { ...values, ...own });
  return "problems" in parsed ? parsed.problems : [];
};

/** What is said of a size that is tight. */
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

describe("the config of a region", () => {
  it("has room for its own defaults", () => {
    expect(capacityProblems("us-east", regionConfig())).toEqual([]);
    expect(texts(10, regionConfig().database.instanceClass)).toEqual([]);
  });

  it("is refused where the database can never take the pods' connections, with both figures and two ways to mend it", () => {
    expect(problems({ replicas: { min: 2, max: 20 } })).toEqual([
      "langflow-dr:replicas.max is 20: the pods may open 1204 database connections at most, but database.instanceClass db.m7g.large allows 812; set replicas.max to 10 or less, or database.instanceClass to db.m7g.xlarge or larger",
    ]);
  });

  it("is refused 100 pods on every class, and told how many the largest has room for", () => {
    expect(problems({ replicas: { min: 2, max: 100 } })).toEqual([
      "langflow-dr:replicas.max is 100: the pods may open 6004 database connections at most, but database.instanceClass db.m7g.large allows 812; set replicas.max to 10 or less, or replicas.max to 66 and database.instanceClass to db.m7g.4xlarge",
    ]);
  });

  it("is refused pods that the cluster's nodes could never hold", () => {
    const resources = { requests: { cpu: "30", memory: "2Gi" }, limits: { cpu: "32", memory: "3Gi" } };
    expect(problems({ resources })).toEqual([
      "langflow-dr:replicas.max is 10 with resources.requests.cpu 30: the pods need 304 cores at most, but the cluster's nodes have 256 in total; set replicas.max lower, or resources.requests.cpu",
    ]);
  });

  it("is not refused for what is tight, for a change that does not fit, or for a class that nobody looked at", () => {
    expect(problems({ replicas: { min: 2, max: 13 } })).toEqual([]);
    expect(problems({ replicas: { min: 2, max: 5 }, database: { instanceClass: "db.t4g.medium" } })).toEqual([]);
    expect(problems({ replicas: { min: 2, max: 100 }, database: { instanceClass: "db.x9.large" } })).toEqual([]);
  });

  it("is told only of its replicas where those do not hold by themselves", () => {
    expect(problems({ replicas: { min: 60, max: 50 } })).toHaveLength(1);
  });
});

describe("a shortage", () => {
  it("that is tight says that less than a fifth is left, and leads to where it is not", () => {
    expect(texts(13, "db.m7g.large")).toEqual([
      "langflow-dr:replicas.max is 13: the pods may open 784 database connections at most, but database.instanceClass db.m7g.large allows 812, which leaves less than 20 % spare; set replicas.max to 10 or less, or database.instanceClass to db.m7g.xlarge or larger",
    ]);
  });

  it("of a class on which not even the least pods have room is mended by the class alone", () => {
    expect(texts(4, "db.t4g.micro")).toEqual([
      "langflow-dr:replicas.max is 4: the pods may open 244 database connections at most, but database.instanceClass db.t4g.micro allows 55; set database.instanceClass to db.t4g.medium or larger",
    ]);
  });
});

describe("who takes a lost region's users", () => {
  const of = (topology: FleetConfig["topology"], steering: EdgeStackConfig["steering"]) =>
    takeoverOf({ topology } as FleetConfig, { steering } as EdgeStackConfig);

  it("may be one region alone, wherever steering goes by place or by how quickly a region answers", () => {
    for (const steering of ["proximity", "dynamic_latency", "geo"] as const)
      expect(of("active-active", steering)).toBe("one");
  });

  it("is every other region alike by random, and a standby whatever the steering says", () => {
    expect(of("active-active", "random")).toBe("even");
    expect(of("active-standby", "random")).toBe("standby");
  });
});

import { ImageReplication } from "../../../components/foundation/ImageReplication";
import { expectRegions, only, record, refusal } from "../../mocks";

const make = (destinations: string[]) =>
  new ImageReplication("us-east", {
    region: "us-east",
    awsRegion: "us-east-1",
    destinations,
    repositories: ["langflow"],
    accountId: "123456789012",
  });
const regions = (count: number) => Array.from({ length: count }, (_, index) => `ap-southeast-${index}`);

describe("ImageReplication", () => {
  it.each([1, 15, 25])(
    "replicates only our repositories, with a single rule for a total of %i destinations",
    async (count) => {
      const resources = await record(() => make(regions(count)));
      const { inputs } = only(resources, "aws:ecr/replicationConfiguration:ReplicationConfiguration");
      expect(inputs.replicationConfiguration.rules).toEqual([
        {
          destinations: regions(count).map((region) => ({ region, registryId: "123456789012" })),
          repositoryFilters: [{ filter: "langflow", filterType: "PREFIX_MATCH" }],
        },
      ]);
      expectRegions(resources, ["us-east-1"]);
    },
  );

  it.each([0, 26])("rejects %i destinations, outside ECR's limits", async (count) => {
    expect(await refusal(() => make(regions(count)))).toContain("ECR can replicate to 1 to 25 regions");
  });

  it("rejects a region as a destination of its own images", async () => {
    expect(await refusal(() => make(["eu-west-1", "us-east-1"]))).toContain(
      "cannot replicate images from us-east-1 to itself",
    );
  });
});

import fc from "fast-check";
import { type RemoteWrite, remoteWriteConfig, writePort, writeUrl } from "../../observability/remoteWrite";
import { prometheusConfig } from "../../observability/scrape";
import { WATCHED } from "./settings";

const arn = (partition: string, region: string) => `arn:${partition}:aps:${region}:123456789012:workspace/ws-1a2b`;
const config = (remoteWrite: RemoteWrite) => remoteWriteConfig(remoteWrite) as Record<string, unknown>;

describe("remote write", () => {
  it.each([
    ["aws", "us-west-2", "https://aps-workspaces.us-west-2.amazonaws.com/workspaces/ws-1a2b/api/v1/remote_write"],
    [
      "aws-cn",
      "cn-north-1",
      "https://aps-workspaces.cn-north-1.amazonaws.com.cn/workspaces/ws-1a2b/api/v1/remote_write",
    ],
  ])(
    "to an AWS workspace in partition %s and region %s uses its URL and signs for that region",
    (partition, region, url) => {
      expect(config({ workspaceArn: arn(partition, region) })).toMatchObject({ url, sigv4: { region } });
      expect(config({ workspaceArn: arn(partition, region) })).not.toHaveProperty("authorization");
    },
  );

  it("to a third-party endpoint reads the token from a file, or uses none", () => {
    const url = "https://series.example.com/write";
    expect(config({ url, secret: "STORE_TOKEN" })).toMatchObject({
      url,
      authorization: { credentials_file: "/mnt/secrets/STORE_TOKEN" },
    });
    expect(config({ url })).not.toHaveProperty("authorization");
    expect(config({ url })).not.toHaveProperty("sigv4");
  });

  it("uses the port of the endpoint's URL", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 65_535 }), (port) => {
        expect(writePort({ url: `https://series.example.com:${port}/write` })).toBe(port);
      }),
    );
    expect(writePort({ url: "https://series.example.com/write" })).toBe(443);
    expect(() => writeUrl({ workspaceArn: "arn:aws:aps:nowhere" })).toThrow("is not the ARN of a workspace");
  });

  it("limits its queue by shards, samples and age", () => {
    expect(config({ url: "https://series.example.com" }).queue_config).toMatchObject({
      capacity: expect.any(Number),
      max_shards: expect.any(Number),
      sample_age_limit: expect.any(String),
    });
  });

  it("is configured only if an endpoint is set", () => {
    expect(prometheusConfig({ ...WATCHED, remoteWrite: undefined })).not.toHaveProperty("remote_write");
    expect(prometheusConfig(WATCHED)).toHaveProperty("remote_write");
  });
});

import { gitHub } from "../../../fleet/github/client";

describe("the GitHub client", () => {
  const environment = { GITHUB_TOKEN: "t", GITHUB_REPOSITORY: "example-org/langflow-dr" };

  it("reads the repository and the API's URL from the environment of GitHub Actions", () => {
    const { owner, repo, api } = gitHub({ ...environment, GITHUB_API_URL: "https://github.example.com/api/v3" });
    expect([owner, repo]).toEqual(["example-org", "langflow-dr"]);
    expect(api.request.endpoint("/x").url).toBe("https://github.example.com/api/v3/x");
  });

  it.each([
    ["GITHUB_TOKEN", { ...environment, GITHUB_TOKEN: "" }],
    ["GITHUB_REPOSITORY", { ...environment, GITHUB_REPOSITORY: "a/b/c" }],
  ])("rejects a missing or invalid %s and names the variable", (name, given) => {
    expect(() => gitHub(given)).toThrow(name);
  });
});

import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { Ports } from "../../../../sandbox/live/ports";
import { GitServer } from "../../../../sandbox/live/servers/gitServer";
import { removeTemporaryFolders, temporaryFolder } from "../../fixture";

const run = promisify(execFile);
const git = (...words: string[]) =>
  run("git", ["-c", "user.name=a", "-c", "user.email=a@example.com", ...words], { env: { PATH: process.env.PATH } });

let server: GitServer;
beforeEach(async () => {
  const folder = temporaryFolder();
  server = new GitServer(join(folder, "git"), await new Ports(join(folder, "ports.json")).take("git"));
  await server.start();
});
afterEach(() => server.stop());
afterAll(removeTemporaryFolders);

describe("the fleet's Git repository", () => {
  it("has the same contents at each of its addresses", async () => {
    const clone = temporaryFolder();
    await git("clone", "--quiet", server.urlOf("us-east"), clone);
    await git("-C", clone, "commit", "--quiet", "--allow-empty", "--message", "one");
    await git("-C", clone, "push", "--quiet", server.urlOf("us-east"), "HEAD:refs/heads/main");
    const heads = await Promise.all(
      [server.url, server.urlOf("us-east"), server.urlOf("eu-west")].map((url) => git("ls-remote", url, "main")),
    );
    expect(heads[0]?.stdout).toContain("refs/heads/main");
    expect(new Set(heads.map(({ stdout }) => stdout)).size).toBe(1);
  });

  it("is unreachable for a region that is cut off, and for no other client", async () => {
    server.block("us-east");
    await expect(git("ls-remote", server.urlOf("us-east"))).rejects.toThrow();
    await git("ls-remote", server.urlOf("eu-west"));
    await git("ls-remote", server.url);
    server.unblock("us-east");
    await git("ls-remote", server.urlOf("us-east"));
    expect(server.running).toBe(true);
  });
});

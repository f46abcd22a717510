import { join } from "node:path";
import { installerWith } from "../../fleet/local/installer";
import { fillOnce } from "../../sandbox/live/tools/fillOnce";
import { LocalFleet } from "../engine/localFleet";

jest.setTimeout(600_000);

/** What this runs on, the newest of each. Another one, 20.19 or later, is what the tests run on where it is at hand. */
const SUPPORTED = ["22.23.3", "24.21.0"];

/** The path of a Node, from the package that npm's own `node` installs, got into the cache the first time. */
async function node(version: string): Promise<string> {
  const { cache, exclusively, run } = installerWith(() => undefined, new AbortController().signal);
  const name = `node-${process.platform}-${process.arch}`;
  const folder = join(cache, `node-${version}`);
  const npm = ["install", "--no-save", "--ignore-scripts", "--prefix", folder, `${name}@${version}`];
  await exclusively(() => fillOnce(folder, () => run("npm", npm)));
  return join(folder, "node_modules", name, "bin", "node");
}

describe.each(SUPPORTED)("with Node %s", (version) => {
  it("the fleet is deployed, and then there is nothing to change, without a word of warning", async () => {
    const fleet = new LocalFleet(await node(version));
    try {
      for (const verb of ["up", "preview"]) {
        const { exitCode, stderr, json } = await fleet.run([verb]);
        expect({ verb, exitCode, stderr }).toEqual({
          verb,
          exitCode: 0,
          stderr: expect.not.stringMatching(/warn|deprecat/i),
        });
        expect(json.stacks).toHaveLength(4);
      }
    } finally {
      await fleet.remove();
    }
  });
});

import { join } from "node:path";
import { installerWith } from "../../fleet/local/installer";
import { fillOnce } from "../../sandbox/live/tools/fillOnce";
import { LocalFleet } from "../engine/localFleet";

jest.setTimeout(600_000);

/**
 * Newest release of each supported Node line. The whole test suite covers the Node on which it runs, 20.19 or later.
 */
const SUPPORTED = ["22.23.3", "24.21.0"];

/** Returns the path of a Node binary. The first call downloads it with the package that npm's `node` installs. */
async function node(version: string): Promise<string> {
  const { cache, exclusively, run } = installerWith(() => undefined, new AbortController().signal);
  const name = `node-${process.platform}-${process.arch}`;
  const folder = join(cache, `node-${version}`);
  const npm = ["install", "--no-save", "--ignore-scripts", "--prefix", folder, `${name}@${version}`];
  await exclusively(() => fillOnce(folder, () => run("npm", npm)));
  return join(folder, "node_modules", name, "bin", "node");
}

describe.each(SUPPORTED)("with Node %s", (version) => {
  it("deploys the fleet without warnings, and then has nothing to change", async () => {
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

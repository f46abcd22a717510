import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { freePort, Ports } from "../../../sandbox/live/ports";
import { removeTemporaryFolders, temporaryFolder } from "../fixture";

const ROOT = join(__dirname, "../../..");
const NODE = ["--require", join(ROOT, "typescript.cjs")];
/** Returns the arguments for a Node process that runs a script with `Ports`. */
const inAnother = (script: string) => [
  ...NODE,
  "--eval",
  `const { Ports } = require("./sandbox/live/ports"); ${script}`,
];

describe("a port of the live fleet", () => {
  afterAll(removeTemporaryFolders);

  it("is given out only once, whether or not a server listens", async () => {
    const ports = await Promise.all(Array.from({ length: 20 }, () => freePort()));
    expect(new Set(ports).size).toBe(20);
  });

  it("stays reserved for a stopped server, also in other processes, for as long as the server's fleet exists", async () => {
    const file = join(temporaryFolder(), "ports.json");
    const port = await new Ports(file).take("us-east postgres");
    const script = `new Ports(${JSON.stringify(file)}).take("us-east postgres").then(console.log)`;
    const other = Number(execFileSync(process.execPath, inAnother(script), { cwd: ROOT, encoding: "utf8" }));
    expect(other).toBeGreaterThan(0);
    expect(other).not.toBe(port);
  });

  it("is available again once the process that took it is dead", async () => {
    const file = join(temporaryFolder(), "ports.json");
    const script = `new Ports(${JSON.stringify(file)}).take("git").then((port) => { console.log(port); setInterval(() => {}, 1000); })`;
    const other = spawn(process.execPath, inAnother(script), { cwd: ROOT });
    const [said] = await once(other.stdout, "data");
    other.kill("SIGKILL");
    await once(other, "exit");
    expect(await new Ports(file).take("git")).toBe(Number(said));
  });
});

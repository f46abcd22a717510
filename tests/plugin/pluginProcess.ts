import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

export const PLUGIN = join(__dirname, "../../plugin");

/** Process of the plugin, started in a different folder in the same way as by Pulumi's language host for Node. */
export class PluginProcess {
  private constructor(
    readonly port: number,
    private readonly child: ReturnType<typeof spawn>,
  ) {}

  static async start(): Promise<PluginProcess> {
    const script = createRequire(join(PLUGIN, "package.json")).resolve("@pulumi/pulumi/cmd/run-plugin");
    const child = spawn(process.execPath, [script, PLUGIN], { cwd: tmpdir(), stdio: ["ignore", "pipe", "inherit"] });
    const port = await new Promise<string>((resolve, reject) => {
      createInterface(child.stdout).once("line", resolve);
      child.once("error", reject);
      child.once("exit", (code) => reject(new Error(`the plugin ended with ${code} and named no port`)));
    });
    return new PluginProcess(Number(port), child);
  }

  stop(): void {
    this.child.kill();
  }
}

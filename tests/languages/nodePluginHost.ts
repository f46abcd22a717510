/**
 * Minimal replacement for the vendor's `pulumi-language-nodejs` that can only start plugins from source code, so that a
 * CLI without the language host (one built from source) starts our plugin as the official CLI does: with the same
 * command line, environment and working directory as RunPlugin in sdk/nodejs/cmd/pulumi-language-nodejs/main.go of
 * pulumi/pulumi. RunPlugin appends `nodeargs` after the script, so that Node itself never sees them; we have none.
 *
 * Not implemented: installing the plugin's dependencies, because these are the repository's own and already installed.
 *
 * Runs as `pulumi-language-nodejs <engine address>` and prints the port that it serves on, as every plugin does.
 */
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";
import * as grpc from "@grpc/grpc-js";
import { LanguageRuntimeService } from "@pulumi/pulumi/proto/language_grpc_pb";
import * as language from "@pulumi/pulumi/proto/language_pb";
import { PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";

type Call<Request, Response> = grpc.ServerWritableStream<Request, Response>;

function runPlugin(call: Call<language.RunPluginRequest, language.RunPluginResponse>): void {
  const { request } = call;
  const folder = request.getInfo()?.getProgramDirectory() ?? "";
  const script = createRequire(join(folder, "package.json")).resolve("@pulumi/pulumi/cmd/run-plugin");
  const child = spawn("node", [script, folder, ...request.getArgsList()], {
    cwd: request.getPwd(),
    env: Object.fromEntries(request.getEnvList().map((each) => each.split(/=(.*)/s).slice(0, 2))),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const answer = (fill: (response: language.RunPluginResponse) => void): void => {
    const response = new language.RunPluginResponse();
    fill(response);
    call.write(response);
  };
  child.stdout.on("data", (data: Buffer) => answer((response) => response.setStdout(data)));
  child.stderr.on("data", (data: Buffer) => answer((response) => response.setStderr(data)));
  child.on("close", (code) => {
    answer((response) => response.setExitcode(code ?? 1));
    call.end();
  });
  call.on("cancelled", () => child.kill());
  process.on("exit", () => child.kill());
}

const handlers: grpc.UntypedServiceImplementation = {
  handshake: (_call: unknown, callback: grpc.sendUnaryData<language.LanguageHandshakeResponse>) =>
    callback(null, new language.LanguageHandshakeResponse()),
  getPluginInfo: (_call: unknown, callback: grpc.sendUnaryData<PluginInfo>) => callback(null, new PluginInfo()),
  installDependencies: (call: Call<unknown, unknown>) => call.end(),
  runPlugin,
};
const unimplemented: grpc.handleUnaryCall<unknown, unknown> = (_call, callback) =>
  callback({ code: grpc.status.UNIMPLEMENTED });
for (const method of Object.keys(LanguageRuntimeService)) handlers[method] ??= unimplemented;

const server = new grpc.Server();
server.addService(LanguageRuntimeService, handlers);
server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  process.stdout.write(`${port}\n`);
});

/** The engine kills its plugins when it exits, but not if it is killed itself. */
const parent = process.ppid;
setInterval(() => process.ppid === parent || process.exit(), 1_000).unref();

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
import type * as grpc from "@grpc/grpc-js";
import * as language from "@pulumi/pulumi/proto/language_pb";
import { PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";
import { serveLanguage } from "./serveLanguage";

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

serveLanguage(handlers);

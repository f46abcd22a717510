import * as grpc from "@grpc/grpc-js";
import { LanguageRuntimeService } from "@pulumi/pulumi/proto/language_grpc_pb";

/**
 * Serves a language plugin on a free port and prints the port, as every plugin does. Methods without a handler answer
 * that they are not implemented.
 */
export function serveLanguage(handlers: grpc.UntypedServiceImplementation): void {
  const unimplemented: grpc.handleUnaryCall<unknown, unknown> = (_call, callback) =>
    callback({ code: grpc.status.UNIMPLEMENTED });
  const missing = Object.keys(LanguageRuntimeService).map((method) => [method, unimplemented]);
  const server = new grpc.Server();
  server.addService(LanguageRuntimeService, { ...Object.fromEntries(missing), ...handlers });
  server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
    if (error) throw error;
    process.stdout.write(`${port}\n`);
  });
  // The engine kills its plugins when it ends. If the engine itself is killed, the plugin must exit on its own.
  const parent = process.ppid;
  setInterval(() => process.ppid === parent || process.exit(), 1_000).unref();
}

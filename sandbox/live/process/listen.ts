import type { Server as HttpServer } from "node:http";
import type { Server } from "node:net";

/** Makes a server listen on a port of loopback. @throws Error where the port is another's */
export function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
}

/** Refuses connections from now on, and breaks those that are open. Nothing to do where there is no server. */
export async function close(server: HttpServer | undefined): Promise<void> {
  await new Promise<void>((resolve) => {
    if (!server) return resolve();
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

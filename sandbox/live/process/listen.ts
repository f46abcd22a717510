import type { Server as HttpServer } from "node:http";
import type { Server } from "node:net";

/** Makes a server listen on a loopback port. @throws Error if the port is in use */
export function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
}

/** Closes a server: refuses new connections and breaks open ones. Does nothing without a server. */
export async function close(server: HttpServer | undefined): Promise<void> {
  await new Promise<void>((resolve) => {
    if (!server) return resolve();
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

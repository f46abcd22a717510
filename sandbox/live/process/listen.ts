import type { Server } from "node:net";

/** Makes a server listen on a port of loopback. @throws Error where the port is another's */
export function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
}

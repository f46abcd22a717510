import { connect, type Socket } from "node:net";

/**
 * Opens a connection to a loopback port.
 *
 * @returns the connection, which closes without an error event if it breaks; `refused`; or `silent` if it did not open
 * in time
 */
export function connection(port: number, timeoutMs: number): Promise<Socket | "refused" | "silent"> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    const late = setTimeout(() => {
      socket.destroy();
      resolve("silent");
    }, timeoutMs);
    socket.once("connect", () => resolve(socket));
    socket.on("error", () => socket.destroy());
    socket.once("close", () => resolve("refused"));
    for (const event of ["connect", "close"]) socket.once(event, () => clearTimeout(late));
  });
}

/** Whether a server accepts connections on a loopback port. */
export async function takesConnections(port: number | undefined, timeoutMs: number): Promise<boolean> {
  if (port === undefined) return false;
  const opened = await connection(port, timeoutMs);
  if (typeof opened === "string") return false;
  opened.destroy();
  return true;
}

import { connect, type Socket } from "node:net";

/**
 * Opens a connection to a port of loopback.
 *
 * @returns the connection, which ends quietly where it breaks; `refused`, or `silent` where nothing came of it in time
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

/** Whether something takes connections at a port of loopback. */
export async function takesConnections(port: number | undefined, timeoutMs: number): Promise<boolean> {
  if (port === undefined) return false;
  const opened = await connection(port, timeoutMs);
  if (typeof opened === "string") return false;
  opened.destroy();
  return true;
}

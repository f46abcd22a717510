import { type ClientRequest, request as plain } from "node:http";
import { request as secure } from "node:https";
import type { EdgeStackConfig } from "../../../config/schema";

const ANSWER_MS = 10_000;
const OK = 200;

/**
 * Sends the old LangFlow the same health check as the load balancer's monitor, from this machine.
 *
 * @param local true if the old LangFlow runs on this machine without TLS, like the whole local fleet
 * @returns a description of the problem; undefined if it answers 200
 */
export function oldTrouble(
  { address, host, port, path = "/health" }: NonNullable<EdgeStackConfig["movingFrom"]>,
  hostname: string,
  local: boolean,
): Promise<string | undefined> {
  const name = host ?? hostname;
  const asked = { host: address, port: port ?? 443, path, headers: { host: name }, agent: false, timeout: ANSWER_MS };
  return new Promise((resolve) => {
    const request: ClientRequest = local ? plain(asked) : secure({ ...asked, servername: name });
    request.once("response", (answer) => {
      answer.resume();
      resolve(answer.statusCode === OK ? undefined : `answers ${answer.statusCode}`);
    });
    request.once("timeout", () => {
      resolve(`does not answer within ${ANSWER_MS / 1000} s`);
      request.destroy();
    });
    request.on("error", ({ message }) => resolve(`does not answer (${message})`));
    request.end();
  });
}

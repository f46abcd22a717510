import type { IncomingMessage, ServerResponse } from "node:http";
import { FakeFleet } from "./fakeFleet";

const DIRECT = "/origin";

/** A fleet behind Cloudflare Access. It accepts the service token, and the cookie that it sets in return. */
export class GuardedFleet extends FakeFleet {
  override readonly accessHeaders = { "cf-access-client-id": "id", "cf-access-client-secret": "secret" };
  cookie = "first";
  /** How each of the browser's requests authenticated. */
  readonly cameBy: string[] = [];
  /** URLs of requests without a valid token or cookie. */
  readonly refused: string[] = [];

  /** Bypasses the public name and Access. */
  override async reach(): Promise<string> {
    return this.publicUrl + DIRECT;
  }

  protected override guard(request: IncomingMessage, response: ServerResponse): boolean {
    const { url = "", headers } = request;
    if (url.startsWith(DIRECT)) {
      request.url = url.slice(DIRECT.length);
      return true;
    }
    const { cookie = "" } = headers;
    const byToken = headers["cf-access-client-id"] === "id" && headers["cf-access-client-secret"] === "secret";
    const byCookie = cookie.split("; ").includes(`CF_Authorization=${this.cookie}`);
    const by = { token: byToken, cookie: byCookie, session: cookie.includes("__cflb=") };
    if (url === "/api/v1/users/whoami" && headers.cookie !== undefined)
      this.cameBy.push(
        Object.entries(by)
          .flatMap(([name, holds]) => (holds ? [name] : []))
          .join(),
      );
    response.setHeader(
      "set-cookie",
      byToken ? ["__cflb=a; Path=/", `CF_Authorization=${this.cookie}; Path=/`] : ["__cflb=b"],
    );
    if (byToken || byCookie) return true;
    this.refused.push(url);
    response.writeHead(302, { location: "/cdn-cgi/access/login" }).end();
    return false;
  }
}

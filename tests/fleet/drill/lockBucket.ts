import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { LockObject } from "../../../fleet/drill/lock";

/** A fake bucket for a lock. It accepts only one of several conditional writes, and serves other processes as S3. */
export class LockBucket implements LockObject {
  readonly address = "s3://flows/drills/lock.json";
  text: string | undefined;
  private version = 0;
  private server: Server | undefined;

  async read(): ReturnType<LockObject["read"]> {
    return this.text === undefined ? undefined : { text: this.text, etag: this.etag };
  }

  async write(text: string, seen: string | undefined): Promise<string | undefined> {
    if (seen !== (this.text === undefined ? undefined : this.etag)) return undefined;
    this.text = text;
    this.version += 1;
    return this.etag;
  }

  /** Whether the stored lock records an injected fault. */
  get isTaken(): boolean {
    return this.text !== undefined && JSON.parse(this.text).awaySince !== undefined;
  }

  /** Starts an S3 server for this bucket. @returns its address */
  async serve(): Promise<string> {
    this.server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      const { method, headers } = request;
      const refuse = (status: number, code: string) =>
        response.writeHead(status).end(`<Error><Code>${code}</Code></Error>`);
      if (method === "GET") {
        if (this.text === undefined) refuse(404, "NoSuchKey");
        else response.writeHead(200, { etag: this.etag }).end(this.text);
        return;
      }
      // A write without a condition could not implement a lock.
      if (headers["if-none-match"] !== "*" && !headers["if-match"]) return void refuse(403, "AccessDenied");
      const etag = await this.write(Buffer.concat(chunks).toString(), headers["if-match"]);
      if (etag === undefined) refuse(412, "PreconditionFailed");
      else response.writeHead(200, { etag }).end();
    });
    await new Promise<void>((resolve) => this.server?.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.server?.closeAllConnections();
    await new Promise((resolve) => (this.server ? this.server.close(resolve) : resolve(undefined)));
  }

  private get etag(): string {
    return `"${this.version}"`;
  }
}

import { once } from "node:events";
import type { Duplex } from "node:stream";
import type { Client } from "pg";

const CHUNK_BYTES = 64 * 1024;

/** Of pg's connection what a COPY needs; its types leave that out. */
interface CopyConnection {
  readonly stream: Duplex;
  query(text: string): void;
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
  sendCopyFail(message: string): void;
}

/**
 * One `COPY … FROM stdin` on a connection of pg, which has the messages of it and no way to use them but to be a query of
 * one's own: pg calls these methods by name.
 */
export class CopyIn {
  private pending: Buffer[] = [];
  private bytes = 0;
  private connection: CopyConnection | undefined;
  private begun: () => void = () => undefined;
  private readonly ready = new Promise<void>((resolve) => {
    this.begun = resolve;
  });
  private settle: (error?: Error) => void = () => undefined;
  private readonly done = new Promise<void>((resolve, reject) => {
    this.settle = (error) => (error ? reject(error) : resolve());
  });
  private failed = false;

  private constructor(private readonly text: string) {
    this.done.catch(() => undefined);
  }

  /** @throws DatabaseError when the server refuses the statement */
  static async begin(client: Client, text: string): Promise<CopyIn> {
    const copy = new CopyIn(text);
    client.query(copy as unknown as Parameters<Client["query"]>[0]);
    await Promise.race([copy.ready, copy.done]);
    return copy;
  }

  /** @throws DatabaseError when the server refused what came before */
  async write(line: Buffer): Promise<void> {
    this.pending.push(line);
    this.bytes += line.length;
    if (this.bytes >= CHUNK_BYTES) await this.flush();
  }

  /** Resolves when the server has taken all rows. */
  async end(): Promise<void> {
    await this.flush();
    this.connection?.endCopyFrom();
    await this.done;
  }

  /** Leaves the connection fit for a ROLLBACK. */
  async giveUp(): Promise<void> {
    if (!this.failed) this.connection?.sendCopyFail("given up");
    await this.done.catch(() => undefined);
  }

  private async flush(): Promise<void> {
    if (this.failed) await this.done;
    if (this.bytes === 0 || !this.connection) return;
    this.connection.sendCopyFromChunk(Buffer.concat(this.pending));
    this.pending = [];
    this.bytes = 0;
    const { stream } = this.connection;
    if (stream.writableNeedDrain) await Promise.race([once(stream, "drain"), this.done]);
  }

  submit(connection: CopyConnection): void {
    connection.query(this.text);
  }

  handleCopyInResponse(connection: CopyConnection): void {
    this.connection = connection;
    this.begun();
  }

  handleError(error: Error): void {
    this.failed = true;
    this.settle(error);
  }

  handleReadyForQuery(): void {
    this.settle();
  }

  handleCommandComplete(): void {}
  handleRowDescription(): void {}
  handleDataRow(): void {}
  handleEmptyQuery(): void {}
  handlePortalSuspended(): void {}
}

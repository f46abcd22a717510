import { once } from "node:events";
import type { Duplex } from "node:stream";
import type { Client } from "pg";

const CHUNK_BYTES = 64 * 1024;

/** The members of pg's connection that a COPY needs. The types of pg omit them. */
interface CopyConnection {
  readonly stream: Duplex;
  query(text: string): void;
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
  sendCopyFail(message: string): void;
}

/**
 * Runs one `COPY … FROM stdin` on a pg connection. The pg package has the messages for COPY, but offers them only to
 * custom query objects. It calls this class's methods by name.
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

  /** @throws DatabaseError if the server rejects the statement */
  static async begin(client: Client, text: string): Promise<CopyIn> {
    const copy = new CopyIn(text);
    client.query(copy as unknown as Parameters<Client["query"]>[0]);
    await Promise.race([copy.ready, copy.done]);
    return copy;
  }

  /** @throws DatabaseError if the server rejected an earlier line */
  async write(line: Buffer): Promise<void> {
    this.pending.push(line);
    this.bytes += line.length;
    if (this.bytes >= CHUNK_BYTES) await this.flush();
  }

  /** Resolves when the server has accepted all rows. */
  async end(): Promise<void> {
    await this.flush();
    this.connection?.endCopyFrom();
    await this.done;
  }

  /** Aborts the COPY and leaves the connection ready for a ROLLBACK. */
  async giveUp(): Promise<void> {
    if (!this.failed) this.connection?.sendCopyFail("aborted");
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

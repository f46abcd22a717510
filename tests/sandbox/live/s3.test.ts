import { createServer, type IncomingMessage, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { freePort } from "../../../sandbox/live/ports";
import { BucketGate } from "../../../sandbox/live/s3/bucketGate";
import { bucketRequest, writesOf } from "../../../sandbox/live/s3/bucketRequest";
import { Replication, type Write } from "../../../sandbox/live/s3/replication";
import { Turns } from "../../../sandbox/live/s3/turns";

describe("replication between buckets", () => {
  const BUCKETS = ["one", "two", "three"];
  const event = fc.record({
    bucket: fc.constantFrom(...BUCKETS),
    key: fc.constantFrom("a", "b"),
    kind: fc.constantFrom("put" as const, "delete" as const),
    /** Copies before the next write, each by its index among the pending copies. */
    copied: fc.array(fc.nat(), { maxLength: 3 }),
  });

  /** Buckets that all replicate to each other, and the current version in each bucket, by key. */
  class Stores {
    readonly replication = new Replication();
    readonly held = new Map(BUCKETS.map((bucket) => [bucket, new Map<string, string | undefined>()]));
    copies = 0;
    private writes = 0;

    write(write: Omit<Write, "versionId">): void {
      const versionId = `v${++this.writes}`;
      this.put(write.bucket, write, versionId);
      const destinations = BUCKETS.filter((bucket) => bucket !== write.bucket);
      this.replication.record({ ...write, versionId }, destinations, this.writes);
    }

    /** Makes one of the pending copies. Returns false if no copy is pending. */
    copy(which: number, isReached: (bucket: string) => boolean = () => true): boolean {
      const due = this.replication.due(Number.MAX_SAFE_INTEGER, 0, isReached);
      const copy = due[which % Math.max(1, due.length)];
      if (!copy) return false;
      if (!this.replication.isLate(copy)) this.put(copy.destination, copy, copy.versionId ?? "");
      this.replication.settle(copy);
      this.copies++;
      return true;
    }

    private put(bucket: string, { key, kind }: Pick<Write, "key" | "kind">, versionId: string): void {
      this.held.get(bucket)?.set(key, kind === "put" ? versionId : undefined);
    }
  }

  it("ends with the last write in every bucket, in whatever order copies arrive, and without loops", () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 30 }), fc.infiniteStream(fc.nat()), (events, choices) => {
        const stores = new Stores();
        const last = new Map<string, string | undefined>();
        for (const [index, { copied, ...write }] of events.entries()) {
          stores.write(write);
          last.set(write.key, write.kind === "put" ? `v${index + 1}` : undefined);
          for (const which of copied) stores.copy(which);
        }
        while (stores.copy(choices.next().value ?? 0));
        for (const bucket of BUCKETS)
          for (const [key, value] of last) expect(stores.held.get(bucket)?.get(key)).toBe(value);
        expect(stores.copies).toBe(events.length * (BUCKETS.length - 1));
      }),
    );
  });

  it("does not restore a deleted object if the copy of another bucket's object arrives late", () => {
    const stores = new Stores();
    stores.write({ bucket: "one", key: "a", kind: "put" });
    stores.write({ bucket: "two", key: "a", kind: "put" });
    stores.write({ bucket: "one", key: "a", kind: "delete" });
    while (stores.copy(0));
    expect(BUCKETS.map((bucket) => stores.held.get(bucket)?.get("a"))).toEqual([undefined, undefined, undefined]);
  });

  it("waits for its delay, and until both buckets are reachable", () => {
    const replication = new Replication();
    replication.record({ bucket: "one", key: "a", kind: "put" }, ["two", "three"], 1_000);
    const due = (now: number, away?: string) =>
      replication.due(now, 2_000, (bucket) => bucket !== away).map(({ destination }) => destination);
    expect(due(2_999)).toEqual([]);
    expect(due(3_000)).toEqual(["two", "three"]);
    expect(due(3_000, "two")).toEqual(["three"]);
    expect(due(3_000, "one")).toEqual([]);
  });

  it("copies nothing after its store has been deleted", () => {
    const replication = new Replication();
    replication.record({ bucket: "one", key: "a", kind: "put" }, ["two"], 0);
    replication.forget();
    expect(replication.due(1, 0, () => true)).toEqual([]);
  });
});

describe("a request to S3", () => {
  it.each([
    ["PUT", "/flows/files/a%20b.txt", "flows", "files/a b.txt", "put"],
    ["PUT", "/flows/a?x-id=PutObject", "flows", "a", "put"],
    ["PUT", "/flows/a?partNumber=1&uploadId=u", "flows", "a", undefined],
    ["PUT", "/flows/a?tagging", "flows", "a", undefined],
    ["PUT", "/flows", "flows", undefined, undefined],
    ["POST", "/flows/a?uploads", "flows", "a", undefined],
    ["POST", "/flows/a?uploadId=u", "flows", "a", "put"],
    ["POST", "/flows?delete", "flows", undefined, "delete-many"],
    ["DELETE", "/flows/a?x-id=DeleteObject", "flows", "a", "delete"],
    ["DELETE", "/flows/a?versionId=v", "flows", "a", undefined],
    ["DELETE", "/flows/a?uploadId=u", "flows", "a", undefined],
    ["GET", "/flows/a", "flows", "a", undefined],
    ["HEAD", "/flows/a", "flows", "a", undefined],
    ["GET", "/flows?list-type=2&prefix=a%2F", "flows", undefined, undefined],
    ["GET", "/", undefined, undefined, undefined],
  ])("%s %s is parsed into its bucket, its object and its kind of change", (method, url, bucket, key, change) => {
    expect(bucketRequest(method, url)).toEqual({ bucket, key, change });
  });

  it("counts as a write of one object, or as a delete of each key in a multi-object delete; deletes of specific versions are ignored", () => {
    const put = bucketRequest("PUT", "/flows/a");
    expect(writesOf(put, "v1", "")).toEqual([{ bucket: "flows", key: "a", kind: "put", versionId: "v1" }]);
    const many =
      "<Delete><Object><Key>a&amp;b&#60;</Key></Object><Object><Key>c</Key><VersionId>v</VersionId></Object></Delete>";
    expect(writesOf(bucketRequest("POST", "/flows?delete"), undefined, many)).toEqual([
      { bucket: "flows", key: "a&b<", kind: "delete" },
    ]);
    expect(writesOf(bucketRequest("GET", "/flows/a"), "v1", "")).toEqual([]);
  });
});

describe("an S3 endpoint", () => {
  let store: Server;
  let gate: BucketGate;
  let silent: Set<string>;
  let written: Write[];
  let underWay = 0;
  let most = 0;
  let hold: Promise<void> | undefined;

  beforeEach(async () => {
    [silent, written, most, hold] = [new Set(), [], 0, undefined];
    store = createServer(async (incoming, answer) => {
      most = Math.max(most, ++underWay);
      const body = await textOf(incoming);
      await hold;
      await sleep(20);
      underWay--;
      const refused = incoming.headers["if-match"] === "old";
      answer.writeHead(refused ? 412 : 200, {
        "x-amz-version-id": "v1",
        "x-said": `${incoming.method} ${incoming.url}`,
      });
      answer.end(body);
    });
    await new Promise<void>((resolve) => store.listen(0, "127.0.0.1", resolve));
    gate = new BucketGate(await freePort(), {
      port: (store.address() as AddressInfo).port,
      turns: new Turns(),
      answers: (bucket) => bucket === undefined || !silent.has(bucket),
      written: (write) => written.push(write),
    });
    await gate.open();
  });
  afterEach(async () => {
    await gate.close();
    await new Promise((resolve) => store.close(resolve));
  });

  const ask = (path: string, { method = "GET", body = "", headers = {} } = {}) =>
    fetch(gate.url + path, { method, headers: { connection: "close", ...headers }, ...(body && { body }) });

  it("passes on requests and responses, and reports a write to the replication before the client gets the response", async () => {
    const answer = await ask("/flows/a%20b?x-id=PutObject", { method: "PUT", body: "contents" });
    expect(written).toEqual([{ bucket: "flows", key: "a b", kind: "put", versionId: "v1" }]);
    expect(answer.headers.get("x-said")).toBe("PUT /flows/a%20b?x-id=PutObject");
    expect(await answer.text()).toBe("contents");
  });

  it("reports no write to the replication if the store rejected the write", async () => {
    expect((await ask("/flows/a", { method: "PUT", body: "x", headers: { "if-match": "old" } })).status).toBe(412);
    expect(written).toEqual([]);
  });

  it("admits one write at a time per object, so that their order is known, and writes of different objects concurrently", async () => {
    await Promise.all([1, 2, 3].map(() => ask("/witness/lease", { method: "PUT", body: "x" })));
    expect(most).toBe(1);
    await Promise.all([1, 2, 3].map((each) => ask(`/witness/${each}`, { method: "PUT", body: "x" })));
    expect(most).toBeGreaterThan(1);
  });

  it("hangs only for an unreachable bucket, and resets the hanging requests once the bucket is reachable again", async () => {
    silent.add("west");
    const hung = watched(`${gate.url}/west/a`);
    expect((await ask("/east/a")).status).toBe(200);
    await sleep(100);
    expect(hung.outcome).toBeUndefined();
    silent.clear();
    gate.refresh();
    expect(await hung.ended).toBe("ECONNRESET");
    expect((await ask("/west/a")).status).toBe(200);
  });

  it("can stop responding during a request, whose write still takes effect and is copied", async () => {
    let go: () => void = () => undefined;
    hold = new Promise((resolve) => {
      go = resolve;
    });
    const cut = watched(`${gate.url}/west/a`, "PUT", "contents");
    while (underWay === 0) await sleep(5);
    silent.add("west");
    gate.refresh();
    go();
    while (written.length === 0) await sleep(5);
    await sleep(50);
    expect(cut.outcome).toBeUndefined();
    cut.abandon();
  });

  it("resets a connection if the store is down, as a dead server does", async () => {
    await new Promise((resolve) => store.close(resolve));
    expect(await watched(`${gate.url}/flows/a`).ended).toBe("ECONNRESET");
    await new Promise<void>((resolve) => store.listen(0, "127.0.0.1", resolve));
  });

  /** Makes a request and tracks its outcome: a status or an error code. */
  function watched(url: string, method = "GET", body = "") {
    const seen: { outcome?: string | number } = {};
    const outgoing = request(url, { method, headers: { connection: "close", "content-length": body.length } });
    const ended = new Promise<string | number>((resolve) => {
      const over = (outcome: string | number) => {
        seen.outcome = outcome;
        resolve(outcome);
      };
      outgoing.once("response", (answer) => {
        answer.resume();
        over(answer.statusCode ?? 0);
      });
      outgoing.once("error", (error: NodeJS.ErrnoException) => over(error.code ?? error.message));
    });
    outgoing.end(body);
    return {
      ended,
      get outcome() {
        return seen.outcome;
      },
      abandon: () => outgoing.destroy(),
    };
  }
});

async function textOf(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

import { setImmediate as turn } from "node:timers/promises";
import type { Objects } from "../../../agent/accounts/objects";
import { Peers } from "../../../agent/accounts/peers";

/** A bucket that responds at once, fails, or waits for a gate. */
class PeerBucket implements Pick<Objects, "createOnce"> {
  readonly objects = new Map<string, string>();
  asked = 0;
  isAway = false;
  /** If set, writes complete when this promise resolves. */
  gate: Promise<void> | undefined;

  async createOnce(key: string, body: Buffer): Promise<boolean> {
    this.asked++;
    await this.gate;
    if (this.isAway) throw new Error("away");
    if (this.objects.has(key)) return false;
    this.objects.set(key, body.toString());
    return true;
  }
}

describe("the other regions' buckets", () => {
  const own = new Map<string, string>();
  let now: number;
  let near: PeerBucket;
  let far: PeerBucket;
  let peers: Peers;

  const fill = async () => {
    peers.fill({ readWhole: async (key) => Buffer.from(own.get(key) ?? "") }, async function* () {
      yield* [...own.keys()];
    });
    for (let turns = 0; turns < 20; turns++) await turn();
  };
  const write = async (key: string) => {
    own.set(key, `of ${key}`);
    await peers.write(key, Buffer.from(`of ${key}`));
  };

  beforeEach(async () => {
    own.clear();
    own.set("1", "of 1");
    [near, far] = [new PeerBucket(), new PeerBucket()];
    now = 0;
    peers = new Peers(
      new Map([near, far].map((bucket, at) => [["near", "far"][at] ?? "", bucket as never])),
      () => now,
    );
  });

  it("count as incomplete until the agent has copied its earlier segments to them", async () => {
    expect(peers.incomplete).toEqual(["near", "far"]);
    await fill();
    expect(peers.incomplete).toEqual([]);
    expect([near.objects, far.objects]).toEqual([own, own]);
  });

  it("receive later segments directly", async () => {
    await fill();
    await write("2");
    expect([near.objects, far.objects]).toEqual([own, own]);
    expect(peers.incomplete).toEqual([]);
  });

  it("are skipped for 30 seconds after a failed write, so that they delay only that write", async () => {
    await fill();
    far.isAway = true;
    for (const key of ["2", "3", "4"]) await write(key);
    await fill();
    expect(peers.incomplete).toEqual(["far"]);
    expect(near.objects).toEqual(own);
    expect(far.asked).toBe(2);
  });

  it("receive everything that they missed once they respond again", async () => {
    await fill();
    far.isAway = true;
    await write("2");
    await write("3");
    far.isAway = false;
    now += 29_999;
    await fill();
    expect(far.objects.size).toBe(1);
    now += 1;
    await fill();
    expect(far.objects).toEqual(own);
    expect(peers.incomplete).toEqual([]);
  });

  it("receive new segments during the copying of earlier segments, and are complete only if all these writes succeed", async () => {
    let open = () => {};
    far.gate = new Promise((resolve) => {
      open = resolve;
    });
    await fill();
    expect(peers.incomplete).toEqual(["far"]);
    far.isAway = true;
    const written = write("2");
    open();
    await written;
    far.isAway = false;
    await fill();
    expect(peers.incomplete).toEqual(["far"]);
    now += 30_000;
    await fill();
    expect(far.objects).toEqual(own);
  });

  it("do not delay new segments during the copying of earlier segments, even if these buckets never respond", async () => {
    far.gate = new Promise(() => undefined);
    await fill();
    await write("2");
    expect(near.objects).toEqual(own);
    expect(peers.incomplete).toEqual(["far"]);
  });
});

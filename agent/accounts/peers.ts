import type { Objects } from "./objects";

/** Pause after a failed write, in milliseconds. Each attempt may take as long as the request's timeout. */
const REST_MS = 30_000;

interface Peer {
  readonly objects: Objects;
  /**
   * `behind`: the bucket lacks objects of this region's epoch and gets no new ones. `filling`: the bucket gets the
   * missing objects, and new ones at the same time.
   */
  state: "behind" | "filling" | "complete";
  /** Earliest time of the next attempt, in milliseconds since 1970. */
  restsUntil: number;
}

/**
 * Writes this region's objects directly to the other regions' buckets. A bucket that lacks an object is filled in the
 * background, so a lost region delays nothing. S3 replication copies the objects as well.
 */
export class Peers {
  readonly #peers: ReadonlyMap<string, Peer>;

  /** @param buckets the other regions' buckets, by our name of the region */
  constructor(
    buckets: ReadonlyMap<string, Objects>,
    private readonly now: () => number = Date.now,
  ) {
    this.#peers = new Map(
      [...buckets].map(([region, objects]) => [region, { objects, state: "behind", restsUntil: 0 }]),
    );
  }

  get regions(): string[] {
    return [...this.#peers.keys()];
  }

  /** Regions whose bucket lacks objects of this region's epoch. */
  get incomplete(): string[] {
    return this.regions.filter((region) => this.#peers.get(region)?.state !== "complete");
  }

  /**
   * Writes an object to each bucket that has all earlier objects, and waits for these writes. Buckets that are being
   * filled get the object too, but the call does not wait for them.
   */
  async write(key: string, body: Buffer): Promise<void> {
    const writing = [...this.#peers.values()].flatMap((peer) => {
      if (peer.state === "behind") return [];
      const isComplete = peer.state === "complete";
      const written = this.attempt(peer, () => peer.objects.createOnce(key, body));
      return isComplete ? [written] : [];
    });
    await Promise.all(writing);
  }

  /**
   * Writes an object to each bucket that is not paused after a failure, even if it lacks earlier objects. S3
   * replication copies the object to the other buckets.
   */
  async announce(key: string, body: Buffer): Promise<void> {
    const asked = [...this.#peers.values()].filter(({ restsUntil }) => this.now() >= restsUntil);
    await Promise.all(asked.map((peer) => this.attempt(peer, () => peer.objects.createOnce(key, body))));
  }

  /**
   * Starts to copy the missing objects to each bucket that is behind, after a failure and at the start. S3 replicates
   * only objects that are newer than the replication rule, so the bucket of a new region starts empty.
   *
   * @param own this region's bucket
   * @param epoch lists the keys of this region's epoch in its own bucket
   */
  fill(own: Pick<Objects, "readWhole">, epoch: () => AsyncIterable<string>): void {
    const due = [...this.#peers.values()].filter(
      ({ state, restsUntil }) => state === "behind" && this.now() >= restsUntil,
    );
    for (const peer of due) {
      // Change the state before listing the keys, so that each new object is either listed or written directly.
      peer.state = "filling";
      void this.attempt(peer, async () => {
        for await (const key of epoch()) {
          const body = await own.readWhole(key);
          if (body) await peer.objects.createOnce(key, body);
        }
        // If a direct write failed meanwhile, the bucket is behind again.
        if (peer.state === "filling") peer.state = "complete";
      });
    }
  }

  private async attempt(peer: Peer, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch {
      peer.state = "behind";
      peer.restsUntil = this.now() + REST_MS;
    }
  }
}

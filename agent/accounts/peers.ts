import type { Objects } from "./objects";

/** Pause after a failed write: each try may last as long as the request's timeout. */
const REST_MS = 30_000;

interface Peer {
  readonly objects: Objects;
  /** `behind` lacks objects of the region's epoch and gets none; `filling` gets them, and those that are written meanwhile. */
  state: "behind" | "filling" | "complete";
  /** Milliseconds; not asked before. */
  restsUntil: number;
}

/**
 * Writes directly to the other regions' buckets. A bucket that misses an object is filled later, in the background: a lost region
 * delays nothing, and S3 replication copies the objects from this region's bucket.
 */
export class Peers {
  readonly #peers: ReadonlyMap<string, Peer>;

  /** @param buckets by our names of the regions */
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

  /** Writes an object to each that has all before it. One that is being filled gets it too, and is not waited for. */
  async write(key: string, body: Buffer): Promise<void> {
    const writing = [...this.#peers.values()].flatMap((peer) => {
      if (peer.state === "behind") return [];
      const isComplete = peer.state === "complete";
      const written = this.attempt(peer, () => peer.objects.createOnce(key, body));
      return isComplete ? [written] : [];
    });
    await Promise.all(writing);
  }

  /** Writes an object to each that answers, whether or not it has all before it; replication brings it to the others. */
  async announce(key: string, body: Buffer): Promise<void> {
    const asked = [...this.#peers.values()].filter(({ restsUntil }) => this.now() >= restsUntil);
    await Promise.all(asked.map((peer) => this.attempt(peer, () => peer.objects.createOnce(key, body))));
  }

  /**
   * Begins to give each of the others what it lacks: after a failure, and at first, for S3 replicates nothing from before there
   * was a rule, so that the bucket of a new region begins empty.
   *
   * @param epoch the keys of this region's epoch in its own bucket
   */
  fill(own: Pick<Objects, "readWhole">, epoch: () => AsyncIterable<string>): void {
    const due = [...this.#peers.values()].filter(
      ({ state, restsUntil }) => state === "behind" && this.now() >= restsUntil,
    );
    for (const peer of due) {
      // Before the keys are listed: what is written from now on is either listed or written straight.
      peer.state = "filling";
      void this.attempt(peer, async () => {
        for await (const key of epoch()) {
          const body = await own.readWhole(key);
          if (body) await peer.objects.createOnce(key, body);
        }
        // Unless an object that was written meanwhile did not reach it.
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

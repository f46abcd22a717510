import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { BlobUnread, blobId } from "../../../agent/git/blobs";
import type { Repository } from "../../../agent/git/repository";
import { block, GitHost, put } from "./gitHost";

jest.setTimeout(60_000);

const text = (bytes: number) => randomBytes(bytes).toString("base64").slice(0, bytes);

describe("a blob's contents", () => {
  const host = new GitHost();
  const texts = Array.from({ length: 28 }, (_, position) => text(150_000 + position * 10_000));
  const blobs = texts.map((each) => blobId(Buffer.from(each)));
  let repository: Repository;
  let head = "";

  beforeAll(async () => {
    repository = await host.open("clone");
    head = await put(repository, undefined, Object.fromEntries(texts.map((each, at) => [`default/${at}.json`, each])));
    expect(await repository.push(head, undefined)).toEqual({ kind: "pushed" });
  });
  afterAll(() => host.close());

  it("are complete, however busy Node is while reading them", async () => {
    // A faulty reader truncates every fourth read. It passes these reads by chance in one of three thousand runs.
    for (const [at, blob] of blobs.entries()) {
      const reading = repository.read(blob);
      await sleep(1);
      block(60);
      expect((await reading).toString() === texts[at]).toBe(true);
    }
  });

  it("are matched to the right ids if many are read at once", async () => {
    const read = await Promise.all([...blobs, ...blobs, ...blobs].map((blob) => repository.read(blob)));
    expect(read.map((each) => blobId(each))).toEqual([...blobs, ...blobs, ...blobs]);
  });

  it("are read even if they have 20 MB and other reads are queued behind them", async () => {
    const large = "twenty characters. \n".repeat(1024 * 1024 + 7);
    await put(repository, head, { "default/large.json": large, "default/empty.json": "" });
    const ids = [large, "", texts[0] ?? ""].map((each) => blobId(Buffer.from(each)));
    const read = await Promise.all(ids.map((blob) => repository.read(blob)));
    expect(read.map(({ length }) => length)).toEqual([large.length, 0, 150_000]);
  });

  it("are found after a later fetch or after the clone's own commit", async () => {
    const reader = await host.open("reader");
    await reader.fetch();
    await reader.read(blobs[0] ?? "");
    const next = await put(repository, head, Object.fromEntries([1, 2, 3].map((at) => [`new/${at}.json`, `${at}`])));
    const many = Array.from({ length: 150 }, (_, at) => [`many/${at}.json`, `many ${at}`]);
    const last = await put(repository, next, Object.fromEntries(many));
    await repository.push(last, head);
    expect(await reader.fetch()).toBe(last);
    expect(String(await reader.read(blobId(Buffer.from("2"))))).toBe("2");
    expect(String(await reader.read(blobId(Buffer.from("many 149"))))).toBe("many 149");
    await put(reader, last, { "own.json": "own" });
    expect(String(await reader.read(blobId(Buffer.from("own"))))).toBe("own");
    head = last;
  });

  it("are found after a repack has replaced all packs with one", async () => {
    await repository.read(blobs[0] ?? "");
    host.in("clone", ["repack", "-a", "-d", "--quiet", "--window=0"]);
    const read = await Promise.all(blobs.map((blob) => repository.read(blob)));
    expect(read.map((each) => blobId(each))).toEqual(blobs);
  });

  it("are reported as missing at once if the blob does not exist, and other reads still succeed", async () => {
    const missing = repository.read("1".repeat(40));
    const other = repository.read(blobs[1] ?? "");
    await expect(missing).rejects.toThrow(BlobUnread);
    expect((await other).toString()).toBe(texts[1]);
    await expect(repository.read("HEAD")).rejects.toThrow(BlobUnread);
    await expect(repository.read(`${blobs[0]}\n${blobs[1]}`)).rejects.toThrow(BlobUnread);
  });

  it("are read again once if git was killed while it sent them, and are never incomplete", async () => {
    const script = (times: string) => `
      if [ "$1" = cat-file ] && [ "$2" = --batch ]; then
        echo run >>"$HERE/runs"
        if [ "$(wc -l <"$HERE/runs")" -le ${times} ]; then
          $GIT "$@" | head -c 100000
          kill -9 $$
        fi
      fi`;
    await host.withGit(script("1"), async () => {
      const clone = await host.open("clone");
      expect(blobId(await clone.read(blobs[0] ?? ""))).toBe(blobs[0]);
    });
    await host.withGit(script("2"), async () => {
      const clone = await host.open("clone");
      await expect(clone.read(blobs[0] ?? "")).rejects.toThrow(BlobUnread);
      expect(blobId(await clone.read(blobs[0] ?? ""))).toBe(blobs[0]);
    });
  });

  it("come from a single git process, and end with an error instead of an incomplete blob if that process is killed", async () => {
    const read: string[] = [];
    for await (const each of repository.contents(blobs)) read.push(blobId(each));
    expect(read).toEqual(blobs);
    await host.withGit(`if [ "$1" = cat-file ]; then $GIT "$@" | head -c 400000; kill -9 $$; fi`, async () => {
      const some: string[] = [];
      const all = async () => {
        for await (const each of (await host.open("clone")).contents(blobs)) some.push(blobId(each));
      };
      await expect(all()).rejects.toThrow(BlobUnread);
      expect(some).toEqual(blobs.slice(0, 2));
    });
  });

  it.each([
    ["is truncated, although git exits with 0", `$GIT "$@" | head -c 100000; exit 0`],
    ["has other bytes", `while read -r id; do printf '%s blob 5\\nwrong\\n' "$id"; done; exit`],
    ["has a different size", `while read -r id; do printf '%s blob 3\\nwrong\\n' "$id"; done; exit`],
    ["is about other blobs", `while read -r id; do printf '${"2".repeat(40)} blob 5\\nwrong\\n'; done; exit`],
    ["has a header without an end", `while read -r id; do head -c 2000 /dev/zero; done; exit`],
    ["does not arrive", "exit 0"],
  ])("cause an error if git's answer %s", async (_, answer) => {
    await host.withGit(`if [ "$1 $2" = "cat-file --batch" ]; then ${answer}; fi`, async () => {
      const clone = await host.open("clone");
      const reads = await Promise.allSettled(blobs.slice(0, 3).map((blob) => clone.read(blob)));
      expect(reads.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
      for (const read of reads) expect((read as PromiseRejectedResult).reason).toBeInstanceOf(BlobUnread);
    });
  });

  it("are no longer awaited after an abort", async () => {
    const stop = new AbortController();
    const clone = await host.open("clone", { signal: stop.signal });
    await clone.read(blobs[0] ?? "");
    stop.abort();
    await expect(clone.read(blobs[1] ?? "")).rejects.toThrow("interrupted");
  });
});

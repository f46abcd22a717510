import { BlobUnread, blobId, blobsIn } from "../../../agent/git/blobs";

const TEXTS = ["first", "", "third, which is a little longer\n"].map((text) => Buffer.from(text));
const IDS = TEXTS.map((text) => blobId(text));
const [A, B, C] = IDS as [string, string, string];
const answer = (text: Buffer | undefined, id = text ? blobId(text) : "") =>
  Buffer.concat([Buffer.from(`${id} blob ${text?.length}\n`), text ?? Buffer.alloc(0), Buffer.from("\n")]);
const ALL = Buffer.concat(TEXTS.map((text) => answer(text)));

/** Returns what is read from this output of `git cat-file --batch`, and the error if there is one. */
async function read(ids: readonly string[], ...chunks: (string | Buffer)[]) {
  const contents: string[] = [];
  const isLeft = jest.fn();
  async function* output() {
    try {
      for (const chunk of chunks) yield Buffer.from(chunk);
    } finally {
      isLeft();
    }
  }
  try {
    for await (const each of blobsIn(output(), ids)) contents.push(String(each));
    return { contents };
  } catch (error) {
    return { contents, error };
  } finally {
    expect(isLeft).toHaveBeenCalledTimes(1);
  }
}

describe("a blob's id", () => {
  it("equals git's own id, in both of its hash algorithms", () => {
    expect(blobId(Buffer.from("a\n"))).toBe("78981922613b2afb6025042ff6bd878ac1994e85");
    expect(blobId(Buffer.from("a\n"), "sha256")).toHaveLength(64);
    expect(blobId(new Uint8Array())).toBe("e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
  });
});

describe("the contents that a single git process returns", () => {
  it("are complete no matter where the process's output is split", async () => {
    const all = { contents: TEXTS.map(String) };
    for (let at = 1; at < ALL.length; at += 1)
      expect(await read(IDS, ALL.subarray(0, at), ALL.subarray(at))).toEqual(all);
    expect(await read(IDS, ...[...ALL].map((byte) => Buffer.from([byte])))).toEqual(all);
    expect(await read(IDS, ALL)).toEqual(all);
  });

  it("are passed on as soon as they arrive", async () => {
    const output = (async function* () {
      yield answer(TEXTS[0]);
      throw new Error("no more of it was needed");
    })();
    for await (const each of blobsIn(output, [A, C])) {
      expect(String(each)).toBe("first");
      break;
    }
  });

  it("are verified by SHA-256 ids in a repository that uses them", async () => {
    const [id, other] = [blobId(Buffer.from("first"), "sha256"), blobId(Buffer.from("other"), "sha256")];
    expect(await read([id, other], answer(TEXTS[0], id), answer(TEXTS[0], other))).toEqual({
      contents: ["first"],
      error: expect.any(BlobUnread),
    });
  });

  it.each([
    ["is that there are none", Buffer.from(`${A} missing\n`)],
    ["is about other blobs", answer(TEXTS[0], C)],
    ["is about an object that is not a blob", Buffer.from(`${A} tree 5\nfirst\n`)],
    ["has no size", Buffer.from(`${A} blob\nfirst\n`)],
    ["has an invalid size", Buffer.from(`${A} blob 5x\nfirst\n`)],
    ["has characters before the size", Buffer.from(`${A} blob x5\nfirst\n`)],
    ["has other contents", answer(Buffer.from("fir5t"), A)],
    ["continues after its end", Buffer.from(`${A} blob 5\nfirst.`)],
    ["has no header", Buffer.alloc(513, "x")],
    ["ends too early", answer(TEXTS[0]).subarray(0, -1)],
    ["does not arrive", ""],
  ])("cause an error if the answer %s", async (_, wrong) => {
    expect(await read([B, A, C], answer(TEXTS[1]), wrong)).toEqual({ contents: [""], error: expect.any(BlobUnread) });
  });

  it("cause an error that quotes only the beginning of git's answer", async () => {
    const { error } = await read([A], `${"y".repeat(200)}\n`);
    expect(error).toEqual(new BlobUnread(`git returned an unexpected header for ${A}: ${"y".repeat(100)}`));
  });
});

import { BlobUnread, blobId, blobsIn } from "../../agent/git/blobs";

const TEXTS = ["first", "", "third, which is a little longer\n"].map((text) => Buffer.from(text));
const IDS = TEXTS.map((text) => blobId(text));
const [A, B, C] = IDS as [string, string, string];
const answer = (text: Buffer | undefined, id = text ? blobId(text) : "") =>
  Buffer.concat([Buffer.from(`${id} blob ${text?.length}\n`), text ?? Buffer.alloc(0), Buffer.from("\n")]);
const ALL = Buffer.concat(TEXTS.map((text) => answer(text)));

/** What is read of `git cat-file --batch` that says these, up to the error there may be. */
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

describe("the id of contents", () => {
  it("is git's own, by either of its algorithms", () => {
    expect(blobId(Buffer.from("a\n"))).toBe("78981922613b2afb6025042ff6bd878ac1994e85");
    expect(blobId(Buffer.from("a\n"), "sha256")).toHaveLength(64);
    expect(blobId(new Uint8Array())).toBe("e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
  });
});

describe("contents out of one git program", () => {
  it("are whole wherever the program's words are cut", async () => {
    const all = { contents: TEXTS.map(String) };
    for (let at = 1; at < ALL.length; at += 1)
      expect(await read(IDS, ALL.subarray(0, at), ALL.subarray(at))).toEqual(all);
    expect(await read(IDS, ...[...ALL].map((byte) => Buffer.from([byte])))).toEqual(all);
    expect(await read(IDS, ALL)).toEqual(all);
  });

  it("are given as soon as they are there", async () => {
    const output = (async function* () {
      yield answer(TEXTS[0]);
      throw new Error("no more of it was needed");
    })();
    for await (const each of blobsIn(output, [A, C])) {
      expect(String(each)).toBe("first");
      break;
    }
  });

  it("of a repository with the longer ids are proven by those", async () => {
    const [id, other] = [blobId(Buffer.from("first"), "sha256"), blobId(Buffer.from("other"), "sha256")];
    expect(await read([id, other], answer(TEXTS[0], id), answer(TEXTS[0], other))).toEqual({
      contents: ["first"],
      error: expect.any(BlobUnread),
    });
  });

  it.each([
    ["is that there are none", Buffer.from(`${A} missing\n`)],
    ["is about others", answer(TEXTS[0], C)],
    ["is no blob's", Buffer.from(`${A} tree 5\nfirst\n`)],
    ["has no size", Buffer.from(`${A} blob\nfirst\n`)],
    ["has a size that is none", Buffer.from(`${A} blob 5x\nfirst\n`)],
    ["has a size with more before it", Buffer.from(`${A} blob x5\nfirst\n`)],
    ["has other contents", answer(Buffer.from("fir5t"), A)],
    ["goes on where it should end", Buffer.from(`${A} blob 5\nfirst.`)],
    ["has no header", Buffer.alloc(513, "x")],
    ["ends too early", answer(TEXTS[0]).subarray(0, -1)],
    ["does not come", ""],
  ])("are an error where the answer %s", async (_, wrong) => {
    expect(await read([B, A, C], answer(TEXTS[1]), wrong)).toEqual({ contents: [""], error: expect.any(BlobUnread) });
  });

  it("say what git answered instead, but not all of it", async () => {
    const { error } = await read([A], `${"y".repeat(200)}\n`);
    expect(error).toEqual(new BlobUnread(`asked for ${A}, git answers: ${"y".repeat(100)}`));
  });
});

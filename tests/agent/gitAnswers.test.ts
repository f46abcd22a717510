import { PassThrough } from "node:stream";
import { Blobs, BlobUnread, blobId } from "../../agent/git/blobs";
import type { Program } from "../../agent/program";

const TEXTS = ["first", "", "third, which is a little longer\n"].map((text) => Buffer.from(text));
const IDS = TEXTS.map((text) => blobId(text));
const [A, B, C] = IDS as [string, string, string];
const answer = (text: Buffer | undefined, id = text ? blobId(text) : "") =>
  Buffer.concat([Buffer.from(`${id} blob ${text?.length}\n`), text ?? Buffer.alloc(0), Buffer.from("\n")]);
const ALL = Buffer.concat(TEXTS.map((text) => answer(text)));
const tick = () => new Promise((resolve) => setImmediate(resolve));

/** A `git cat-file --batch` that says what a test says. */
class FakeProgram {
  readonly asked: string[] = [];
  readonly stdin = new PassThrough();
  readonly stdout = new PassThrough();
  readonly holdsNode = jest.fn();
  readonly stop = jest.fn(() => this.end());
  readonly ended: Promise<Error | undefined>;
  end: (failure?: Error) => void = () => {};
  /** That nobody talks to it any more. */
  isLeft = false;

  constructor() {
    this.ended = new Promise((resolve) => {
      this.end = resolve;
    });
    this.stdin.on("data", (chunk) => this.asked.push(...String(chunk).trim().split("\n")));
    this.stdin.on("end", () => {
      this.isLeft = true;
    });
  }

  /** Whether Node waits for it, as it was told last. */
  get holds(): boolean {
    return this.holdsNode.mock.calls.at(-1)?.[0];
  }

  async says(...chunks: (string | Buffer)[]): Promise<void> {
    for (const chunk of chunks) {
      this.stdout.write(chunk);
      await tick();
    }
  }
}

function reading() {
  const programs: FakeProgram[] = [];
  const blobs = new Blobs(() => {
    const program = new FakeProgram();
    programs.push(program);
    return program as unknown as Program;
  });
  const program = (at = 0) => programs[at] as FakeProgram;
  /** What became of a read by now. */
  const watch = (id: string) => {
    const seen: { contents?: string; error?: Error } = {};
    blobs.read(id).then(
      (contents) => {
        seen.contents = String(contents);
      },
      (error) => {
        seen.error = error;
      },
    );
    return seen;
  };
  return { blobs, programs, program, watch };
}

describe("the id of contents", () => {
  it("is git's own, by either of its algorithms", () => {
    expect(blobId(Buffer.from("a\n"))).toBe("78981922613b2afb6025042ff6bd878ac1994e85");
    expect(blobId(Buffer.from("a\n"), "sha256")).toHaveLength(64);
    expect(blobId(new Uint8Array())).toBe("e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
  });
});

describe("contents out of one git program", () => {
  it("are asked for by one line each, and come in order, from one program", async () => {
    const { programs, program, watch } = reading();
    const seen = IDS.map(watch);
    await tick();
    expect(program().asked).toEqual(IDS);
    await program().says(ALL);
    expect(seen).toEqual(TEXTS.map((text) => ({ contents: String(text) })));
    const again = watch(A);
    await tick();
    await program().says(answer(TEXTS[0]));
    expect([again, programs.length]).toEqual([{ contents: "first" }, 1]);
  });

  it("are whole wherever the program's words are cut", async () => {
    for (let at = 1; at < ALL.length; at += 1) {
      const { program, watch } = reading();
      const seen = IDS.map(watch);
      await program().says(ALL.subarray(0, at), ALL.subarray(at));
      expect(seen).toEqual(TEXTS.map((text) => ({ contents: String(text) })));
    }
  });

  it("are whole where each byte comes by itself", async () => {
    const { program, watch } = reading();
    const seen = IDS.map(watch);
    await program().says(...[...ALL].map((byte) => Buffer.from([byte])));
    expect(seen).toEqual(TEXTS.map((text) => ({ contents: String(text) })));
  });

  it("are given as soon as they are there, and not before", async () => {
    const { program, watch } = reading();
    const [first, second] = [watch(A), watch(C)];
    await program().says(answer(TEXTS[0]).subarray(0, -1));
    expect(first).toEqual({});
    await program().says("\n");
    expect([first, second]).toEqual([{ contents: "first" }, {}]);
  });

  it("of a repository with the longer ids are proven by those", async () => {
    const id = blobId(Buffer.from("first"), "sha256");
    const { program, watch } = reading();
    const [right, wrong] = [watch(id), watch(blobId(Buffer.from("other"), "sha256"))];
    await program().says(answer(TEXTS[0], id), answer(TEXTS[0], blobId(Buffer.from("other"), "sha256")));
    expect([right.contents, wrong.error]).toEqual(["first", expect.any(BlobUnread)]);
  });

  it("that are not there are that read's trouble alone", async () => {
    const { programs, program, watch } = reading();
    const [first, second] = [watch(A), watch(C)];
    await program().says(`${A} missing\n`, answer(TEXTS[2]));
    expect(first.error).toEqual(new BlobUnread(`${A} is not in the clone`));
    expect([second.contents, programs.length]).toEqual([String(TEXTS[2]), 1]);
  });

  it.each(["HEAD", `${A}\n${B}`, `${A} `, A.slice(1), `${A}0`, "A".repeat(40), "0".repeat(63), "0".repeat(65), ""])(
    "are not asked for by what is no id: %j",
    async (id) => {
      const { blobs, programs } = reading();
      await expect(blobs.read(id)).rejects.toThrow(new BlobUnread(`${id} is no id of a blob`));
      expect(programs).toEqual([]);
    },
  );

  it.each([
    ["is about others", answer(TEXTS[0], C)],
    ["is no blob's", Buffer.from(`${A} tree 5\nfirst\n`)],
    ["has no size", Buffer.from(`${A} blob\nfirst\n`)],
    ["has a size that is none", Buffer.from(`${A} blob 5x\nfirst\n`)],
    ["has a size with more before it", Buffer.from(`${A} blob x5\nfirst\n`)],
    ["has other contents", answer(Buffer.from("fir5t"), A)],
    ["goes on where it should end", Buffer.from(`${A} blob 5\nfirst.`)],
    ["has no header", Buffer.alloc(513, "x")],
  ])("are an error where the answer %s, and the next are asked of another program", async (_, wrong) => {
    const { programs, program, watch } = reading();
    const [first, second] = [watch(A), watch(C)];
    await program().says(wrong);
    expect(first.error).toBeInstanceOf(BlobUnread);
    expect(first.error?.message).toContain(wrong.length > 500 ? "no header" : A);
    expect(program().stop).toHaveBeenCalledTimes(1);
    // What it still says is about nothing.
    await program().says(answer(TEXTS[2]));
    expect([second, programs.length, program(1).asked]).toEqual([{}, 2, [C]]);
    await program(1).says(answer(TEXTS[2]));
    expect(second.contents).toBe(String(TEXTS[2]));
  });

  it("are waited for as long as the header may still come", async () => {
    const { program, watch } = reading();
    const first = watch(A);
    await program().says(Buffer.alloc(512, "x"));
    expect(first).toEqual({});
    await program().says("x");
    expect(first.error?.message).toBe("git's answer has no header");
  });

  it("say what git answered instead, but not all of it", async () => {
    const { program, watch } = reading();
    const first = watch(A);
    await program().says(`${"y".repeat(200)}\n`);
    expect(first.error?.message).toBe(`asked for ${A}, git answers: ${"y".repeat(100)}`);
  });

  it("are asked for again, once, where the program ended before they came", async () => {
    const { programs, program, watch } = reading();
    const [first, second] = [watch(A), watch(C)];
    await program().says(answer(TEXTS[0]).subarray(0, 20));
    program().end(new Error("was killed"));
    await tick();
    expect([first, program(1).asked]).toEqual([{}, [A, C]]);
    program(1).end(new Error("was killed"));
    await tick();
    expect(first.error).toEqual(new BlobUnread(`${A}: was killed`));
    // The second was first in line once.
    expect([second, program(2).asked]).toEqual([{}, [C]]);
    program(2).end();
    await tick();
    await program(3).says(answer(TEXTS[2]));
    expect([second.contents, programs.length]).toEqual([String(TEXTS[2]), 4]);
  });

  it("are an error where the program ends well twice and says nothing", async () => {
    const { programs, program, watch } = reading();
    const first = watch(A);
    program().end();
    await tick();
    program(1).end();
    await tick();
    expect(first.error).toEqual(new BlobUnread(`${A}: git ended before all of it was read`));
    expect(programs).toHaveLength(2);
  });

  it("are asked of a new program after the last one ended with nothing to do", async () => {
    const { programs, program, watch } = reading();
    watch(A);
    await program().says(answer(TEXTS[0]));
    program().end();
    await tick();
    expect(programs).toHaveLength(1);
    const third = watch(C);
    await program(1).says(answer(TEXTS[2]));
    expect(third.contents).toBe(String(TEXTS[2]));
  });

  it("are an error where no program can be started, and asked for again the next time", async () => {
    const start = jest.fn((): Program => {
      throw new Error("interrupted");
    });
    const blobs = new Blobs(start);
    await expect(blobs.read(A)).rejects.toThrow("interrupted");
    await expect(blobs.read(B)).rejects.toThrow("interrupted");
    expect(start).toHaveBeenCalledTimes(2);
  });

  it("keep Node from ending while they are awaited, and no longer", async () => {
    const { program, watch } = reading();
    watch(A);
    watch(C);
    expect(program().holds).toBe(true);
    await program().says(answer(TEXTS[0]));
    expect(program().holds).toBe(true);
    await program().says(answer(TEXTS[2]));
    expect(program().holds).toBe(false);
    watch(A);
    expect(program().holds).toBe(true);
  });

  it("are read to the end where the clone is closed, and then no more", async () => {
    const { blobs, program, watch } = reading();
    const first = watch(A);
    const closed = jest.fn();
    const closing = blobs.close().then(closed);
    await expect(blobs.read(C)).rejects.toThrow(new BlobUnread("the clone is closed"));
    await tick();
    expect([program().isLeft, closed.mock.calls.length]).toEqual([true, 0]);
    await program().says(answer(TEXTS[0]));
    expect([first.contents, program().holds]).toEqual(["first", true]);
    program().end();
    await closing;
  });

  it("are read to the end by another program where the one that is left ends too early", async () => {
    const { blobs, program, watch } = reading();
    const first = watch(A);
    const closing = blobs.close();
    program().end();
    await tick();
    expect([program(1).asked, program(1).isLeft]).toEqual([[A], true]);
    await program(1).says(answer(TEXTS[0]));
    program(1).end();
    await closing;
    expect(first.contents).toBe("first");
  });

  it("make Node wait for the end of an idle program when the clone is closed", async () => {
    const { blobs, program, watch } = reading();
    watch(A);
    await program().says(answer(TEXTS[0]));
    const closing = blobs.close();
    expect(program().holds).toBe(true);
    program().end();
    await closing;
    await new Blobs(() => program() as unknown as Program).close();
  });
});

import fc from "fast-check";
import type { MoveInBucket } from "../../../agent/moveIn/moveInBucket";
import { PackageReader } from "../../../agent/moveIn/packageReader";
import { packSource } from "../../../fleet/moveIn/importing/packSource";
import type { Inventory } from "../../../fleet/moveIn/inventory";
import { ExitCode } from "../../../formats/agentErrors";
import { MANIFEST, manifestOf, packRows, sha256, unpackRows } from "../../../formats/moveIn/package";
import type { Row } from "../../../formats/moveIn/row";

const value = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit: "grapheme", minLength: 200 }),
  // Characters that JSON escapes, including an unpaired surrogate.
  fc.constantFrom("\0", "\ud800", "\u2028\n\r", '{"bytes":"AA=="}', "", null),
  fc.double().filter((number) => !Object.is(number, -0)),
  fc.bigInt(),
  fc.boolean(),
  fc.uint8Array().map((bytes) => Buffer.from(bytes)),
);
const columns = ["id", "data", "__proto__ "];
const rows = fc.array(fc.record(Object.fromEntries(columns.map((column) => [column, value]))));

describe("the rows in a package", () => {
  it("are read back unchanged, whatever values the driver returned", async () => {
    await fc.assert(
      fc.asyncProperty(rows, async (given) => {
        expect(await unpackRows(await packRows(given, columns), columns)).toEqual(given);
      }),
    );
  });
});

/** A bucket in memory. */
class MemoryBucket {
  readonly objects = new Map<string, Buffer>();
  async write(key: string, bytes: string | Uint8Array): Promise<void> {
    this.objects.set(key, Buffer.from(bytes as Uint8Array));
  }
  async read(key: string): Promise<Uint8Array | undefined> {
    return this.objects.get(key);
  }
}

const LONG = "x".repeat(5 * 1024 ** 2);
const MESSAGES: readonly Row[] = [
  { id: "1", text: LONG },
  { id: "2", text: LONG },
  { id: "3", text: "said" },
];

async function packed() {
  const bucket = new MemoryBucket();
  const inventory = {
    source: { kind: "PostgreSQL database", place: "db/langflow" },
    revisions: ["one"],
    users: [],
    flows: [],
  } as unknown as Inventory;
  const digest = await packSource({
    rows: {
      columns: async () => new Map([["message", new Set(["id", "text"])]]),
      async *pages() {
        for (const row of MESSAGES) yield [row];
      },
    },
    inventory,
    folder: undefined,
    bucket: bucket as unknown as MoveInBucket,
    prefix: "move-in/a",
    progress: () => undefined,
    signal: new AbortController().signal,
  });
  const open = () => PackageReader.open(bucket as unknown as MoveInBucket, "move-in/a", digest);
  return { bucket, open };
}

async function read(reader: PackageReader): Promise<Row[]> {
  const found: Row[] = [];
  for await (const page of reader.pages("message", ["id", "text"], 1)) found.push(...page);
  return found;
}

describe("a package of data to import", () => {
  it("splits a table into objects that fit in memory, and returns all rows in order", async () => {
    const { bucket, open } = await packed();
    const parts = [...bucket.objects.keys()].filter((key) => key.includes("/rows/"));
    expect(parts).toEqual(["move-in/a/rows/message-0.ndjson.gz", "move-in/a/rows/message-1.ndjson.gz"]);
    expect(await read(await open())).toEqual(MESSAGES);
  });

  it("is rejected if one of its objects is truncated, changed or missing", async () => {
    const { bucket, open } = await packed();
    const damaged = { exitCode: ExitCode.Damaged, message: expect.stringMatching(/the package is damaged/) };
    for (const [key, whole] of [...bucket.objects]) {
      const changed = Buffer.from(whole);
      changed.writeUInt8(changed.readUInt8(changed.length - 1) ^ 1, changed.length - 1);
      for (const broken of [whole.subarray(0, -1), changed, undefined]) {
        if (broken) bucket.objects.set(key, broken);
        else bucket.objects.delete(key);
        await expect(open().then(read)).rejects.toMatchObject(damaged);
      }
      bucket.objects.set(key, whole);
    }
    expect(await read(await open())).toHaveLength(MESSAGES.length);
  });

  it("from a different release of the project is rejected with a message that says what to do", () => {
    const bytes = Buffer.from(JSON.stringify({ form: 2 }));
    expect(() => manifestOf(bytes, sha256(bytes))).toThrow(/different releases of this project: deploy the region/);
    expect(MANIFEST).toBe("manifest.json");
  });
});

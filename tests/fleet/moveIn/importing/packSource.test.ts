import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MoveInBucket } from "../../../../agent/moveIn/moveInBucket";
import { packSource } from "../../../../fleet/moveIn/importing/packSource";
import type { Inventory } from "../../../../fleet/moveIn/inventory";
import { LangFlowFolder } from "../../../../fleet/moveIn/sources/langflowFolder";
import type { PackageManifest } from "../../../../formats/moveIn/package";

const inventory: Inventory = {
  source: { kind: "SQLite file", place: "/srv/langflow.db" },
  revisions: ["one"],
  flows: [],
  unseen: [],
};

it("packSource splits a page of long rows into parts of a few MB, even if one user wrote all of them", async () => {
  const written = new Map<string, string | Uint8Array>();
  const bucket = { write: async (key: string, bytes: string | Uint8Array) => void written.set(key, bytes) };
  const messages = Array.from({ length: 9 }, (_, at) => ({ id: `${at}`, text: "x".repeat(3 * 1024 ** 2) }));
  await packSource({
    rows: {
      columns: async () => new Map([["message", new Set(["id", "text"])]]),
      async *pages() {
        yield messages;
      },
    },
    inventory,
    folder: undefined,
    bucket: bucket as unknown as MoveInBucket,
    prefix: "package",
    progress: () => undefined,
    signal: new AbortController().signal,
  });
  const manifest: PackageManifest = JSON.parse(String(written.get("package/manifest.json")));
  expect(manifest.tables).toMatchObject([{ name: "message", parts: [{ rows: 3 }, { rows: 3 }, { rows: 3 }] }]);
});

describe("the files of a user", () => {
  const BEA = "c1bf8c66-d7d5-4edd-bb1a-3116cee9660e";
  let config: string;
  beforeEach(() => {
    config = mkdtempSync(join(tmpdir(), "packing-"));
  });
  afterEach(() => rmSync(config, { recursive: true }));

  /** Packs the folder. @param onUpload called during the upload of each file */
  async function packed(onUpload: (file: string, count: number) => void): Promise<PackageManifest> {
    let manifest = "";
    let count = 0;
    const bucket = {
      write: async (_: string, text: string) => {
        manifest = text;
      },
      writeFile: async (_: string, file: string) => onUpload(file, ++count),
    };
    await packSource({
      rows: { columns: async () => new Map(), pages: async function* () {} },
      inventory: { ...inventory, users: [{ id: BEA, name: "bea", isActive: true, isSuperuser: false }] },
      folder: new LangFlowFolder(config),
      bucket: bucket as unknown as MoveInBucket,
      prefix: "package",
      progress: () => undefined,
      signal: new AbortController().signal,
    });
    return JSON.parse(manifest);
  }

  it("are packed again if LangFlow wrote them during the upload, and named if it never stops", async () => {
    mkdirSync(join(config, BEA));
    writeFileSync(join(config, BEA, "notes.txt"), "a");
    const once = await packed((file, count) => {
      if (count > 1) return;
      appendFileSync(file, "b");
      // S3 rejects an upload whose length differs from the announced one.
      throw new Error("the request failed");
    });
    expect([once.files, once.left]).toEqual([[{ path: `${BEA}/notes.txt`, sha256: expect.any(String) }], []]);
    const always = await packed((file) => appendFileSync(file, "c"));
    expect(always.files).toEqual([]);
    expect(always.left).toEqual([
      expect.objectContaining({
        name: `${BEA}/notes.txt`,
        reason: expect.stringMatching(/^cannot be read \(it changed/),
      }),
    ]);
  });

  it("are packed under the user's id if the folder's name has capital letters, and never twice", async () => {
    for (const name of [BEA.toUpperCase(), BEA]) {
      mkdirSync(join(config, name));
      writeFileSync(join(config, name, "notes.txt"), name);
      const { files, left } = await packed(() => undefined);
      expect(files?.map(({ path }) => path)).toEqual([`${BEA}/notes.txt`]);
      expect(left.map(({ name: each }) => each)).toEqual(name === BEA ? [`${BEA.toUpperCase()}/notes.txt`] : []);
    }
    expect(new LangFlowFolder(config).hasFile(`${BEA}/notes.txt`)).toBe(true);
  });
});

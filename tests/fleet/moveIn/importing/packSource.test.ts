import type { MoveInBucket } from "../../../../agent/moveIn/moveInBucket";
import { packSource } from "../../../../fleet/moveIn/importing/packSource";
import type { Inventory } from "../../../../fleet/moveIn/inventory";
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

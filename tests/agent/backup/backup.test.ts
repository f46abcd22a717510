import { setTimeout as sleep } from "node:timers/promises";
import type { S3Client } from "@aws-sdk/client-s3";
import fc from "fast-check";
import { forEachConcurrent } from "../../../agent/async/forEachConcurrent";
import { Bucket } from "../../../agent/backup/bucket";
import { claimPath } from "../../../agent/backup/claimPath";
import { lines } from "../../../agent/backup/lines";
import { refuseNewer } from "../../../agent/backup/newerData";
import { LostFiles, parseUserFiles } from "../../../agent/backup/userFiles";
import { programOutput, runProgram } from "../../../agent/process/program";
import { ExitCode } from "../../../formats/agentErrors";
import { backupFolder, backupId, flowKey, isBackupId } from "../../../formats/backup/layout";
import { type Manifest, parseManifest, renderManifest } from "../../../formats/backup/manifest";

const time = fc.date({ min: new Date("2020-01-01"), max: new Date("2100-01-01"), noInvalidDate: true });

describe("a backup's id", () => {
  it("sorts by the backup's time", () => {
    fc.assert(
      fc.property(time, time, (one, other) => {
        expect(isBackupId(backupId(one))).toBe(true);
        expect(backupId(one) < backupId(other)).toBe(one < other);
      }),
    );
  });

  it("is the name of a folder below the region's folder", () => {
    expect(backupFolder("/backups/", "us-east", "20250131T041500123Z")).toBe("backups/us-east/20250131T041500123Z/");
    expect(backupFolder("", "us-east")).toBe("us-east/");
  });

  it.each(["..", ".", "a/b", "", "a b", "a\0"])(
    "is the start of a key for each flow, and no such key leads outside of the backup: %p",
    (part) => {
      expect(flowKey({ id: "user-1", name: "ada" }, "flow-1")).toBe("flows/ada/flow-1.json");
      expect(flowKey({ id: "user-1", name: part }, "flow-1")).toBe("flows/user-1/flow-1.json");
      expect(() => flowKey({ id: "user-1", name: "ada" }, part)).toThrow();
      expect(() => flowKey({ id: part, name: part }, "flow-1")).toThrow();
    },
  );
});

describe("a backup's manifest", () => {
  const manifest: Manifest = {
    format: 1,
    id: "20250131T041500123Z",
    region: "us-east",
    takenAt: "2025-01-31T04:15:00.123Z",
    finishedAt: "2025-01-31T04:16:00.000Z",
    langflowVersion: "1.13.0",
    schemaRevision: "abc",
    databaseServerVersion: "16.4",
    counts: { users: 1, flows: 2, flowFiles: 2, claimFiles: 3, userFiles: 4 },
    userFiles: { bucket: "b", prefix: "files", bytes: 5 },
    claim: { changed: ["ä"], skipped: [] },
    objects: [{ key: "database.dump", size: 6, sha256: "0".repeat(64) }],
  };
  const text = renderManifest(manifest);

  it("is read back as it was written", () => {
    expect(parseManifest(text)).toEqual(manifest);
  });

  it("is rejected if any of its bytes has changed", () => {
    const bytes = Buffer.from(text);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (position, change) => {
        const changed = Buffer.from(bytes);
        changed.writeUInt8(changed.readUInt8(position) ^ change, position);
        expect(parseManifest(changed.toString("utf8"))).toBeUndefined();
      }),
      { numRuns: 2_000 },
    );
  });

  it.each(["/etc/passwd", "../x", "a/../../x", "a/..", ""])(
    "cannot name an object outside of its backup: %p",
    (key) => {
      expect(() => renderManifest({ ...manifest, objects: [{ key, size: 0, sha256: "0".repeat(64) }] })).toThrow();
    },
  );
});

describe("a path from an archive", () => {
  it("is rejected or stays within the claim", () => {
    const segment = fc.oneof(fc.constantFrom("..", ".", "", "\0"), fc.string());
    fc.assert(
      fc.property(fc.array(segment), (segments) => {
        let path: string[];
        try {
          path = claimPath(segments.join("/"));
        } catch (error) {
          expect(error).toMatchObject({ exitCode: ExitCode.Damaged });
          return;
        }
        for (const part of path) expect(part).toMatch(/^(?!\.{1,2}$)[^/\0]+$/su);
      }),
    );
  });

  it.each([
    ["a/./b//c/", ["a", "b", "c"]],
    ["./", []],
    ["..a/b..", ["..a", "b.."]],
  ])("with the text %p is split into its segments", (path, segments) => {
    expect(claimPath(path)).toEqual(segments);
  });
});

describe("the check for data that is newer than the backup", () => {
  const takenAt = new Date("2025-01-31T04:15:00Z");

  it("refuses a restore if and only if some data is newer", () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.nat(3)),
        fc.array(fc.string()),
        fc.array(fc.string()),
        (rows, claimFiles, userFiles) => {
          const newer = Object.values(rows).some((count) => count > 0) || claimFiles.length + userFiles.length > 0;
          expect(refuseNewer({ rows, claimFiles, userFiles }, takenAt) !== undefined).toBe(newer);
        },
      ),
    );
  });

  it("names the newer data, and only the first few files", () => {
    const claimFiles = Array.from({ length: 8 }, (_, index) => `file-${index}`);
    const refusal = refuseNewer({ rows: { flow: 2, user: 0 }, claimFiles, userFiles: [] }, takenAt);
    expect(refusal?.exitCode).toBe(ExitCode.Refused);
    expect(refusal?.message).toBe(
      [
        "this region has data newer than the backup of 2025-01-31T04:15:00.000Z:",
        '  database: 2 in "flow"',
        "  PersistentVolumeClaim: file-0, file-1, file-2, file-3, file-4 and 3 more",
        "The list contains only users' changes, not rows that LangFlow and the agent write by themselves.",
        "Nothing was written. Back the region up first, then restore with --overwrite",
      ].join("\n"),
    );
  });
});

describe("the list of uploaded files", () => {
  it("is read correctly wherever its bytes are split", async () => {
    const files = ["ä b.txt", "c/d", "é"].map((key) => ({ key, size: 1, etag: "e", versionId: "v" }));
    const bytes = Buffer.from(files.map((file) => `${JSON.stringify(file)}\n`).join(""));
    for (let cut = 0; cut <= bytes.length; cut++) {
      const read = [];
      const parts = [bytes.subarray(0, cut), bytes.subarray(cut)];
      for await (const file of parseUserFiles(streamOf(parts))) read.push(file);
      expect(read).toEqual(files);
    }
  });
});

describe("lost uploads", () => {
  it("are all logged, and the error message names the first few uploads and the number of further uploads", () => {
    const bucket = new Bucket({} as S3Client, "flows");
    const said: unknown[] = [];
    const lost = new LostFiles(
      { bucket, prefix: "files" },
      { warn: (...[fields]: unknown[]) => void said.push(fields) },
    );
    expect(lost.refusal()).toBeUndefined();
    for (let file = 0; file < 1_000; file++) lost.note({ key: `${file}`, size: 1, etag: "e", versionId: `v${file}` });
    expect(said).toHaveLength(1_000);
    expect(said[999]).toEqual({ key: "files/999", versionId: "v999" });
    expect(lost.refusal()).toMatchObject({ exitCode: ExitCode.Damaged });
    expect(lost.refusal()?.message).toBe(
      "1000 uploaded files are missing or changed in flows: files/0, files/1, files/10, files/11, files/12 and 995 more. The log lists them. To restore everything else, add --without-lost-files",
    );
  });
});

describe("the lines of a text", () => {
  it("are the same wherever the text's bytes are split", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 6 })), async (chunks) => {
        const whole = Buffer.concat(chunks);
        const read: Buffer[] = [];
        for await (const line of lines(streamOf(chunks))) read.push(line);
        expect(Buffer.concat(read)).toEqual(whole);
        for (const line of read.slice(0, -1)) expect(line.indexOf(0x0a)).toBe(line.length - 1);
        expect(read.at(-1)?.subarray(0, -1).includes(0x0a) ?? false).toBe(false);
      }),
    );
  });
});

describe("forEachConcurrent()", () => {
  it("processes each item once, and never more items at a time than allowed", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(3)), fc.integer({ min: 1, max: 5 }), async (items, limit) => {
        let atWork = 0;
        const done: number[] = [];
        await forEachConcurrent(items.entries(), limit, async ([index, ticks]) => {
          expect(++atWork).toBeLessThanOrEqual(limit);
          for (let tick = 0; tick < ticks; tick++) await Promise.resolve();
          atWork--;
          done.push(index);
        });
        expect(done.sort((one, other) => one - other)).toEqual(items.map((_, index) => index));
      }),
    );
  });

  it("stops at the first error", async () => {
    const seen: number[] = [];
    const work = async (item: number) => {
      seen.push(item);
      if (item === 2) throw new Error("two");
    };
    await expect(forEachConcurrent([1, 2, 3, 4, 5, 6], 1, work)).rejects.toThrow("two");
    expect(seen).toEqual([1, 2]);
  });

  it("starts no other item while an item with the full weight is processed", async () => {
    let atWork = 0;
    const seen: number[] = [];
    const work = async (weight: number) => {
      atWork += 1;
      await sleep(1);
      if (weight > 1) seen.push(atWork);
      atWork -= 1;
    };
    await forEachConcurrent([4, 1, 1, 4, 1, 4], 4, work, (weight) => weight);
    expect(seen[0]).toBe(1);
    expect(Math.max(...seen)).toBeLessThanOrEqual(3);
  });
});

describe("a program", () => {
  const environment = { PATH: process.env.PATH };

  it("reports its absence from PATH, or its last error output and the remedy", async () => {
    await expect(runProgram("no-such-program", [], environment)).rejects.toMatchObject({
      exitCode: ExitCode.BadInput,
      message: "no-such-program is not on PATH",
    });
    const failing = runProgram("sh", ["-c", "echo oh no >&2; exit 3"], environment, { way: async () => "; do that" });
    await expect(failing).rejects.toMatchObject({
      exitCode: ExitCode.Failure,
      message: "sh ended with 3: oh no; do that",
    });
  });

  it("is ended if its reader stops reading early or aborts it", async () => {
    const script = ["-c", "echo $$; exec sleep 600"];
    const look = (pid: string) => expect(() => process.kill(Number(pid), 0));
    let pid = "";
    for await (const line of programOutput("sh", script, environment)) {
      pid = String(line);
      look(pid).not.toThrow();
      break;
    }
    look(pid).toThrow("ESRCH");

    const stop = new AbortController();
    const reading = (async () => {
      for await (const line of programOutput("sh", script, environment, { signal: stop.signal })) {
        pid = String(line);
        stop.abort();
      }
    })();
    await expect(reading).rejects.toMatchObject({ exitCode: ExitCode.Failure, message: "interrupted" });
    look(pid).toThrow("ESRCH");
  });
});

async function* streamOf(parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts;
}

import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Journal } from "../../../fleet/drill/journal";

describe("the journal of a drill", () => {
  const folder = mkdtempSync(join(tmpdir(), "journal-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const taken = { id: "d", fault: "region", region: "us-east", since: "2026-11-25T17:40:13.000Z" } as const;

  it("remembers what is taken away across processes, the clouds' apart from the local fleet's", async () => {
    await new Journal(join(folder, "made"), true).write(taken);
    expect(new Journal(join(folder, "made"), true).read()).toEqual(taken);
    expect(new Journal(join(folder, "made"), false).read()).toBeUndefined();
  });

  it("forgets what is put back, and that nothing was", () => {
    new Journal(join(folder, "made"), true).clear();
    expect(new Journal(join(folder, "made"), true).read()).toBeUndefined();
    new Journal(join(folder, "made"), true).clear();
    expect(readdirSync(join(folder, "made"))).toEqual([]);
  });

  it.each(["{", '{"fault":"fire"}'])("does not take %s for nothing", (text) => {
    writeFileSync(join(folder, "drill-local.json"), text);
    expect(() => new Journal(folder, true).read()).toThrow("does not say what a drill took away");
  });
});

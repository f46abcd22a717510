import { rmSync } from "node:fs";
import { join } from "node:path";
import { inspectSource } from "../../../../fleet/verbs/moveIn/handler";
import { ExitCode } from "../../../../model/errors";
import { recordedLangFlow, SECRETS, TOKEN } from "../../moveIn/recordedLangFlow";

let folder: string;
beforeAll(() => {
  folder = recordedLangFlow();
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs the verb and returns its stdout. */
async function said(json: boolean): Promise<string> {
  const lines: string[] = [];
  const spy = jest.spyOn(process.stdout, "write").mockImplementation((text) => lines.push(`${text}`) > 0);
  const { signal } = new AbortController();
  try {
    const exitCode = await inspectSource({ from: folder, config: undefined, json, project: "", signal });
    expect(exitCode).toBe(ExitCode.Success);
  } finally {
    spy.mockRestore();
  }
  return lines.join("");
}

describe("move-in inspect", () => {
  it("prints tables of the source's contents, the findings and the recommended size", async () => {
    const text = await said(false);
    expect(text).toContain(`SQLite file ${join(folder, "langflow.db")}\n`);
    for (const line of [
      /^users +4 +– +superusers: 1, inactive: 1$/m,
      /^flows +4 +[\d.]+ KiB +largest: Reads a file, /m,
      /^bea +2 +/m,
      /^stops +users with the same name +1 +bea \/ Bea +/m,
      /^LangFlow +of series 1\.7 \(revision 182e5471b900\); the fleet's is 1\.13\.0$/m,
      /^recommended size +small, for 3 active users, /m,
    ])
      expect(text).toMatch(line);
  });

  it("prints the same as JSON", async () => {
    expect(JSON.parse(await said(true))).toMatchObject({
      verb: "move-in inspect",
      exitCode: 0,
      release: { standing: "older" },
      starters: 2,
      users: { count: 4, superusers: 1, inactive: 1 },
      flowsByUser: [{ user: "bea", flows: 2 }, { user: "Bea" }, { user: "cem" }, { user: "admin", flows: 0, bytes: 0 }],
      flows: { count: 4 },
      findings: [{ result: "stops" }, { result: "changes" }, { result: "changes" }, { result: "changes" }],
      size: { size: "small" },
    });
  });

  it("prints no secrets in either format", async () => {
    for (const text of [await said(false), await said(true)])
      expect([...SECRETS, TOKEN].filter((secret) => text.includes(secret))).toEqual([]);
  });
});

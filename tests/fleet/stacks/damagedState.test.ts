import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { damagedState, refuseNoState } from "../../../fleet/stacks/damagedState";
import { ExitCode } from "../../../model/errors";

const STACKS = ["foundation", "us-east", "edge"];
const CUT_OFF = new Error("error: unexpected end of JSON input");
const STRAY = new Error("error: failed to load checkpoint: invalid character 'o' in literal null (expecting 'u')");
const WHOLE = JSON.stringify({ version: 3, checkpoint: { stack: "foundation" } });

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "state-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const write = (file: string, content: string) => {
  mkdirSync(join(folder, file, ".."), { recursive: true });
  writeFileSync(join(folder, file), content);
};
/** Returns a fake engine that fails to read the states of these stacks. */
const reading = (damaged: Readonly<Record<string, Error>>) => async (stack: string) => {
  if (stack === "edge") throw new Error("error: no stack named 'edge' found");
  if (damaged[stack]) throw damaged[stack];
};
const told = (damaged: Readonly<Record<string, Error>>, local = true) =>
  damagedState(CUT_OFF, STACKS, reading(damaged), local ? { folder, project: "flows" } : undefined);

const FILE = ".pulumi/stacks/flows/foundation.json";
const HISTORY = ".pulumi/history/flows/foundation/foundation-";

describe("a damaged state", () => {
  it("is reported with its stack, its file and the newest intact copy", async () => {
    write(`${FILE}.bak`, WHOLE);
    write(`${HISTORY}2.checkpoint.json`, WHOLE);
    const error = await told({ foundation: CUT_OFF });
    expect(error?.exitCode).toBe(ExitCode.Unreachable);
    expect(error?.message).toMatch(/^the state of stack foundation is damaged: [^\n]+ run `up --local --refresh`$/);
    expect(error?.message).toContain(`cp '${join(folder, FILE)}.bak' '${join(folder, FILE)}'`);
  });

  it("is reported with the newest intact history entry if the backup copy is damaged too", async () => {
    write(`${FILE}.bak`, "");
    for (const moment of ["1", "2"]) write(`${HISTORY}${moment}.checkpoint.json`, WHOLE);
    write(`${HISTORY}3.checkpoint.json`, WHOLE.slice(0, 9));
    write(`${HISTORY}2.history.json`, WHOLE);
    expect((await told({ foundation: CUT_OFF }))?.message).toContain(`cp '${join(folder, HISTORY)}2.checkpoint.json'`);
  });

  it("is reported with the advice to delete the local fleet if no copy exists", async () => {
    expect((await told({ foundation: CUT_OFF }))?.message).toMatch(
      /has no copy; delete the local fleet with `destroy --local --with-data`/,
    );
  });

  it("is reported for each affected stack, whatever the damage, and for no other stack", async () => {
    const lines = (await told({ foundation: STRAY, "us-east": CUT_OFF }, false))?.message.split("\n");
    expect(lines).toEqual([
      expect.stringMatching(
        /^the state of stack foundation is damaged: restore .* docs\/operations\/state-backend-lost\.md/,
      ),
      expect.stringMatching(
        /^the state of stack us-east is damaged: restore .* docs\/operations\/state-backend-lost\.md/,
      ),
    ]);
  });

  it("is not reported for other errors, or if all stacks' states are readable", async () => {
    expect(await damagedState(new Error("no credentials"), STACKS, reading({ foundation: CUT_OFF }))).toBeUndefined();
    expect(await told({})).toBeUndefined();
  });

  it("includes JSON without a checkpoint, which the engine would read as a stack without resources", () => {
    write(FILE, "{}");
    write(".pulumi/stacks/flows/edge.json", WHOLE);
    write(`${HISTORY}1.checkpoint.json`, WHOLE);
    expect(() => refuseNoState(["edge"], { folder, project: "flows" })).not.toThrow();
    expect(() => refuseNoState(["edge", "foundation"], { folder, project: "flows" })).toThrow(
      /^the state of stack foundation is damaged: [^\n]+1\.checkpoint\.json[^\n]+$/,
    );
  });
});

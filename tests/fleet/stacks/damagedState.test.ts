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
/** An engine to which these stacks' states are no JSON, whatever of the rest. */
const reading = (damaged: Readonly<Record<string, Error>>) => async (stack: string) => {
  if (stack === "edge") throw new Error("error: no stack named 'edge' found");
  if (damaged[stack]) throw damaged[stack];
};
const told = (damaged: Readonly<Record<string, Error>>, local = true) =>
  damagedState(CUT_OFF, STACKS, reading(damaged), local ? { folder, project: "flows" } : undefined);

const FILE = ".pulumi/stacks/flows/foundation.json";
const HISTORY = ".pulumi/history/flows/foundation/foundation-";

describe("a state that the engine can't read", () => {
  it("is told with its stack, its file and the newest copy that is whole", async () => {
    write(`${FILE}.bak`, WHOLE);
    write(`${HISTORY}2.checkpoint.json`, WHOLE);
    const error = await told({ foundation: CUT_OFF });
    expect(error?.exitCode).toBe(ExitCode.Unreachable);
    expect(error?.message).toMatch(/^the state of stack foundation is damaged: [^\n]+ run `up --local --refresh`$/);
    expect(error?.message).toContain(`cp '${join(folder, FILE)}.bak' '${join(folder, FILE)}'`);
  });

  it("is put back from the newest update before, where the copy beside it is damaged too", async () => {
    write(`${FILE}.bak`, "");
    for (const moment of ["1", "2"]) write(`${HISTORY}${moment}.checkpoint.json`, WHOLE);
    write(`${HISTORY}3.checkpoint.json`, WHOLE.slice(0, 9));
    write(`${HISTORY}2.history.json`, WHOLE);
    expect((await told({ foundation: CUT_OFF }))?.message).toContain(`cp '${join(folder, HISTORY)}2.checkpoint.json'`);
  });

  it("can only be thrown away where there is no copy", async () => {
    expect((await told({ foundation: CUT_OFF }))?.message).toMatch(
      /has no copy; delete the local fleet with `destroy --local --with-data`/,
    );
  });

  it("is that of each stack whose is, however it is damaged, and of no other", async () => {
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

  it("is not what another error is taken for, nor one that no stack of the fleet is the cause of", async () => {
    expect(await damagedState(new Error("no credentials"), STACKS, reading({ foundation: CUT_OFF }))).toBeUndefined();
    expect(await told({})).toBeUndefined();
  });

  it("is JSON without a checkpoint too, which the engine takes for a stack without resources", () => {
    write(FILE, "{}");
    write(".pulumi/stacks/flows/edge.json", WHOLE);
    write(`${HISTORY}1.checkpoint.json`, WHOLE);
    expect(() => refuseNoState(["edge"], { folder, project: "flows" })).not.toThrow();
    expect(() => refuseNoState(["edge", "foundation"], { folder, project: "flows" })).toThrow(
      /^the state of stack foundation is damaged: [^\n]+1\.checkpoint\.json[^\n]+$/,
    );
  });
});

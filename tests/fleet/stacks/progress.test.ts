import { startProgress } from "../../../fleet/stacks/progress";

describe("the progress of a run", () => {
  it.each([
    ["is not a terminal", { isTTY: false, columns: undefined }],
    ["is a terminal without a size", { isTTY: true, columns: 0 }],
  ])("is written in complete lines if the output %s", async (_, kind) => {
    const written: string[] = [];
    const stream = Object.assign(Object.create(process.stderr), kind, { write: (text: string) => written.push(text) });
    const progress = startProgress(["edge"], new AbortController().signal, stream);
    progress.begin("edge");
    progress.end("edge", "done", "no change");
    await progress.close();
    expect(written).toEqual(["edge: started\n", expect.stringMatching(/^edge: no change · 0\.\d s\n$/)]);
  });
});

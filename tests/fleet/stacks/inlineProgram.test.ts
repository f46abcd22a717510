import { log, type runtime } from "@pulumi/pulumi";
import type { LogRequest } from "@pulumi/pulumi/proto/engine_pb";
import { debugNothing, readingAhead } from "../../../fleet/stacks/inlineProgram";
import type { Engine } from "../../../fleet/stacks/processGroup";
import { PARTS } from "../../../stacks/parts";

describe("a program in this process", () => {
  afterEach(() => jest.restoreAllMocks());

  it.each([
    ["is read once the engine runs that will ask for it", ["preview", "--client=127.0.0.1:1"], ["engine", "edge"]],
    ["is not read for a command that runs none", ["stack", "output", "--json"], ["engine"]],
  ])("%s", async (_, args, order) => {
    const done: string[] = [];
    const answer = { stdout: "said", stderr: "", code: 0 };
    const engine = {
      command: "pulumi",
      run: async () => {
        done.push("engine");
        return answer;
      },
    } as unknown as Engine;
    jest.spyOn(PARTS, "edge").mockImplementation(() => {
      done.push("edge");
      return {} as ReturnType<typeof PARTS.edge>;
    });
    const ahead = readingAhead(engine, "edge");
    expect([await ahead.run(args, ".", {}), ahead.command]).toEqual([answer, "pulumi"]);
    expect(done).toEqual(order);
  });

  it("tells the engine its warnings, and no debug message", async () => {
    const told: string[] = [];
    const engine = {
      log(request: LogRequest, taken: () => void) {
        told.push(request.getMessage());
        taken();
      },
    };
    const settings: Pick<typeof runtime, "getEngine"> = require("@pulumi/pulumi/runtime/settings");
    jest.spyOn(settings, "getEngine").mockReturnValue(engine as unknown as ReturnType<typeof runtime.getEngine>);
    debugNothing();
    await log.debug("registering a resource");
    await log.warn("a property is deprecated");
    expect(told).toEqual(["a property is deprecated"]);
  });

  it("takes no stack trace with each promise, still knows which do not end, and leaves errors theirs", async () => {
    const debuggable = require("@pulumi/pulumi/runtime/debuggable");
    debugNothing();
    debugNothing();
    const endless: Promise<never> & { _debugStackTrace?: string } = new Promise<never>(() => {});
    debuggable.debuggablePromise(endless, "never");
    expect(endless._debugStackTrace).not.toContain("\n");
    expect([...debuggable.leakedPromises()[0]]).toEqual([endless]);
    expect(new Error("a program's own").stack).toContain(__filename);
    const failed = Promise.reject(new Error("refused"));
    await expect(debuggable.debuggablePromise(failed, "refused")).rejects.toThrow("refused");
  });
});

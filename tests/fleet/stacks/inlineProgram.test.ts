import { log, type runtime } from "@pulumi/pulumi";
import type { LogRequest } from "@pulumi/pulumi/proto/engine_pb";
import type { Engine } from "../../../fleet/engine/processGroup";
import { debugNothing, readingAhead } from "../../../fleet/stacks/inlineProgram";
import { PARTS } from "../../../stacks/parts";

describe("an inline program", () => {
  afterEach(() => jest.restoreAllMocks());

  const answer = { stdout: "said", stderr: "", code: 0 };
  /** Runs a fake engine with this program loader. Returns the order of calls and the engine's answer. */
  async function ran(args: string[], read: () => void) {
    const done: string[] = [];
    const engine = {
      command: "pulumi",
      run: async () => {
        done.push("engine");
        return answer;
      },
    } as unknown as Engine;
    jest.spyOn(PARTS, "edge").mockImplementation(() => {
      done.push("edge");
      read();
      return {} as ReturnType<typeof PARTS.edge>;
    });
    const ahead = readingAhead(engine, "edge");
    return { done, said: [await ahead.run(args, ".", {}), ahead.command] };
  }

  it.each([
    ["is loaded while the engine that needs it starts", ["preview", "--client=127.0.0.1:1"], ["engine", "edge"]],
    ["is not loaded for a command that runs no program", ["stack", "output", "--json"], ["engine"]],
  ])("%s", async (_, args, order) => {
    expect(await ran(args, () => {})).toEqual({ done: order, said: [answer, "pulumi"] });
  });

  it("that cannot be loaded does not stop the engine, and fails when the engine requests it", async () => {
    const broken = () => {
      throw new SyntaxError("Expression expected");
    };
    const { said } = await ran(["preview", "--client=127.0.0.1:1"], broken);
    expect(said).toEqual([answer, "pulumi"]);
  });

  it("sends warnings to the engine, but no debug messages", async () => {
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

  it("records no stack trace per promise, but still tracks pending promises and keeps errors' own traces", async () => {
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

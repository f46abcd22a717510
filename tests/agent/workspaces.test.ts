import { LangFlow, LangFlowRefusal, LangFlowUnreachable } from "../../agent/langflow/client";
import { Workspaces } from "../../agent/sync/workspaces";

const USER = "1b7e2c58-3a1d-4c0e-8f43-6d9a0b5c7e21";
const KEYS = new Map(["sales", "default", "finance", "ops", "legal"].map((workspace) => [workspace, `${workspace}'s`]));

/** Workspaces of a LangFlow that answers about each key as a test says, a user where it says nothing. */
function asked(answers: Record<string, () => Response> = {}, keys: ReadonlyMap<string, string> = KEYS) {
  const log = { error: jest.fn() };
  const answer = () => Response.json({ id: USER });
  const fetched = jest.spyOn(globalThis, "fetch").mockImplementation(async (_, init) => {
    const key = new Headers(init?.headers).get("x-api-key") ?? "";
    return (answers[key] ?? answer)();
  });
  const stop = new AbortController();
  const workspaces = new Workspaces(keys, "http://langflow", log, stop.signal);
  const names = async () => (await workspaces.known()).map(({ workspace }) => workspace);
  return { workspaces, names, log, fetched, stop };
}
const away = () => {
  throw new TypeError("fetch failed");
};
const refused = () => Response.json({ detail: "Invalid API key" }, { status: 403 });

describe("the workspaces of a region", () => {
  afterEach(() => jest.restoreAllMocks());

  it("are in the order of their names, each with its user and that user's LangFlow", async () => {
    const { workspaces } = asked();
    const known = await workspaces.known();
    expect(known.map(({ workspace }) => workspace)).toEqual(["default", "finance", "legal", "ops", "sales"]);
    expect(known[0]).toEqual({ workspace: "default", userId: USER, langflow: expect.any(LangFlow) });
  });

  it("are asked for once", async () => {
    const { names, fetched } = asked();
    await names();
    await names();
    expect(fetched).toHaveBeenCalledTimes(KEYS.size);
  });

  it("go on without the one whose key is not taken, which is told once, and is asked for until it is", async () => {
    const answers: Record<string, () => Response> = { "sales's": refused, "ops's": refused };
    const { names, log } = asked(answers);
    const others = ["default", "finance", "legal"];
    expect([await names(), await names()]).toEqual([others, others]);
    expect(log.error.mock.calls).toEqual(
      ["sales", "ops"].map((workspace) => [
        { workspace },
        "its key is not taken: LangFlow answered GET /api/v1/users/whoami with 403: Invalid API key",
      ]),
    );
    delete answers["sales's"];
    expect(await names()).toEqual([...others, "sales"]);
  });

  it("are none where no key is taken: that is no trouble of LangFlow's", async () => {
    const { names } = asked({ "a's": refused }, new Map([["a", "a's"]]));
    expect(await names()).toEqual([]);
  });

  it("are not to be had while LangFlow does not answer and none is known, and no further one is asked for", async () => {
    const { names, fetched } = asked(Object.fromEntries([...KEYS.values()].map((key) => [key, away])));
    await expect(names()).rejects.toThrow(LangFlowUnreachable);
    // Those that were asked for at once.
    expect(fetched.mock.calls.length).toBeLessThan(KEYS.size);
  });

  it("are those that are known while LangFlow does not answer about another", async () => {
    const { names } = asked({ "legal's": away });
    expect(await names()).toEqual(["default", "finance", "ops", "sales"]);
  });

  it("are asked for with the signal of the agent's end", async () => {
    const { workspaces, stop, fetched } = asked();
    fetched.mockImplementation(
      (_, init) =>
        new Promise((_, reject) => init?.signal?.addEventListener("abort", () => reject(new Error("ended")))),
    );
    const known = workspaces.known();
    stop.abort();
    await expect(known).rejects.toThrow("ended");
  });

  it("do not hide what is neither LangFlow's no nor its silence", async () => {
    const { names } = asked();
    jest.spyOn(LangFlow.prototype, "userId").mockRejectedValue(new RangeError("a bug"));
    await expect(names()).rejects.toThrow(new RangeError("a bug"));
    jest.spyOn(LangFlow.prototype, "userId").mockRejectedValue(new LangFlowRefusal(403, "GET", ""));
    expect(await names()).toEqual([]);
  });
});

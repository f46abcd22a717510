import { messageOf, outcomeOf } from "../../../fleet/rehearsal/outcome";
import type { Json } from "../../../formats/flows/canonicalJson";

const answered = (...outputs: Json[]): Json => ({ session_id: "s", outputs: [{ inputs: {}, outputs }] });
const ofMessage = (component_id: string, message: Json): Json => ({ component_id, results: { message } });

describe("the outcome of a run", () => {
  it.each<[string, Json]>([
    ["1.7.2 writes it", { text_key: "text", data: { text: "hello", timestamp: "now" } }],
    ["1.13 writes it", { text: "hello", id: "f1", timestamp: "later" }],
  ])("contains the text of a message, as %s", (_, message) => {
    expect(outcomeOf({ status: 200, body: answered(ofMessage("ChatOutput-1", message)) }, [])).toEqual({
      kind: "answered",
      outputs: [{ component: "ChatOutput-1", text: "hello" }],
    });
  });

  it("contains all stable parts of a result, sorted by component", () => {
    const [b, a] = ["B", "A"].map((component_id) => ({
      component_id,
      results: { rows: { data: [{ count: 1, timestamp: component_id, id: component_id }] } },
    }));
    const outcome = outcomeOf({ status: 200, body: answered(b as Json, a as Json) }, []);
    expect(outcome).toEqual({
      kind: "answered",
      outputs: ["A", "B"].map((component) => ({ component, text: '[{"count":1}]' })),
    });
  });

  it("is a failure with LangFlow's message, without the traceback and the advice", () => {
    const detail = JSON.stringify({
      message: "Error running graph: Error building Component File: \n\nNo files to process.",
      traceback: "File ...",
      suggestion: "The flow contains 5 outdated components",
    });
    expect(outcomeOf({ status: 500, body: { detail } }, [])).toEqual({
      kind: "failed",
      message: "Error building Component File:  No files to process.",
    });
  });

  it('is "not run" if the flow tried to call a host, whatever the flow answered', () => {
    for (const status of [200, 500])
      expect(outcomeOf({ status, body: answered() }, ["a.example.com", "b.example.com"])).toEqual({
        kind: "notRun",
        because: "calls a.example.com, b.example.com",
      });
  });

  it('is "not run" if a package is missing, but a failure if an installed package lacks a module', () => {
    const missing = (module: string) =>
      outcomeOf({ status: 500, body: { detail: `ModuleNotFoundError(No module named '${module}').` } }, []).kind;
    expect([missing("yfinance"), missing("langchain.memory")]).toEqual(["notRun", "failed"]);
  });

  it("is a failure if no answer arrived", () => {
    expect(outcomeOf({ status: 0, body: "no answer within 60 s" }, [])).toEqual({
      kind: "failed",
      message: "no answer within 60 s",
    });
  });

  it.each<[Json, string]>([
    ["Internal Server Error", "Internal Server Error"],
    [{ message: "told" }, "told"],
    [{ detail: [{ msg: "field required" }] }, '[{"msg":"field required"}]'],
    [{ detail: "x".repeat(600) }, `${"x".repeat(500)}…`],
  ])("has for the answer %j the message %s", (body, message) => {
    expect(messageOf(body)).toBe(message);
  });
});

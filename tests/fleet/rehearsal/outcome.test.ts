import type { Json } from "../../../agent/flows/canonicalJson";
import { messageOf, outcomeOf } from "../../../fleet/rehearsal/outcome";

const answered = (...outputs: Json[]): Json => ({ session_id: "s", outputs: [{ inputs: {}, outputs }] });
const ofMessage = (component_id: string, message: Json): Json => ({ component_id, results: { message } });

describe("what became of a run", () => {
  it.each<[string, Json]>([
    ["1.7.2 writes it", { text_key: "text", data: { text: "hello", timestamp: "now" } }],
    ["1.13 writes it", { text: "hello", id: "f1", timestamp: "later" }],
  ])("is a message's text, as %s", (_, message) => {
    expect(outcomeOf({ status: 200, body: answered(ofMessage("ChatOutput-1", message)) }, [])).toEqual({
      kind: "answered",
      outputs: [{ component: "ChatOutput-1", text: "hello" }],
    });
  });

  it("is all of a result that lasts, by component in one order", () => {
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

  it("is a failure with LangFlow's own sentence, without its traceback and its advice", () => {
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

  it("is none where it tried to call somebody, whatever it answers", () => {
    for (const status of [200, 500])
      expect(outcomeOf({ status, body: answered() }, ["a.example.com", "b.example.com"])).toEqual({
        kind: "notRun",
        because: "calls a.example.com, b.example.com",
      });
  });

  it("is none where a package is missing, and a failure where a module of one that is there has gone", () => {
    const missing = (module: string) =>
      outcomeOf({ status: 500, body: { detail: `ModuleNotFoundError(No module named '${module}').` } }, []).kind;
    expect([missing("yfinance"), missing("langchain.memory")]).toEqual(["notRun", "failed"]);
  });

  it("is a failure where no answer came", () => {
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
  ])("says of the answer %j: %s", (body, message) => {
    expect(messageOf(body)).toBe(message);
  });
});

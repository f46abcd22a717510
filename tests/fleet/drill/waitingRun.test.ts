import { approvalGraph } from "../../../fleet/drill/approvalFlow";
import { WaitingRun } from "../../../fleet/drill/waitingRun";
import { COMPONENTS } from "./components";

/** A LangFlow whose run waits, and whose region accepts an answer after some rejected ones. */
class FakeLangFlow {
  rejected = 0;
  status = "suspended";
  after = "completed";
  isKnown = true;

  async components() {
    return COMPONENTS;
  }
  async createWith() {
    return "flow";
  }
  async startRun() {
    return "job";
  }
  async questions() {
    return new Map(this.isKnown && this.status === "suspended" ? [["job", "question"]] : []);
  }
  async approve() {
    if (this.rejected-- > 0) return false;
    this.status = this.after;
    return true;
  }
  async runState() {
    return { status: this.status, text: `{"outputs": "approve drill"}` };
  }
}

const waiting = async (change: Partial<FakeLangFlow>) => {
  const langflow = new FakeLangFlow();
  const run = await WaitingRun.start(langflow, "drill");
  Object.assign(langflow, change);
  return run.approve(langflow, 1);
};

describe("a drill's waiting run", () => {
  it("is approved repeatedly until the region accepts the approval, and must then complete", async () => {
    expect(await waiting({ rejected: 3 })).toBe("accepted after 0 s, and completed");
  });

  it("fails the approval if the region does not list the run, or if the run does not complete", async () => {
    await expect(waiting({ isKnown: false })).rejects.toThrow("does not list");
    await expect(waiting({ after: "failed" })).rejects.toThrow("after the approval the run is failed");
  });

  it("fails the drill's start if the run ends instead of waiting for an approval", async () => {
    const langflow = Object.assign(new FakeLangFlow(), { status: "failed" });
    await expect(WaitingRun.start(langflow, "drill")).rejects.toThrow("should wait for an approval is failed");
  });
});

it("the drill's approval flow connects LangFlow's components by their declared types", () => {
  const { nodes, edges } = approvalGraph(COMPONENTS);
  expect(nodes).toHaveLength(3);
  expect(edges).toMatchObject([
    { data: { sourceHandle: { name: "message" }, targetHandle: { fieldName: "prompt", inputTypes: ["Message"] } } },
    { data: { sourceHandle: { name: "branch_approve" }, targetHandle: { fieldName: "input_value", type: "other" } } },
  ]);
  expect(() => approvalGraph({ inputs: COMPONENTS.inputs })).toThrow("has no component HumanInput");
});

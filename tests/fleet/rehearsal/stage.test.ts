import { partsApart, withoutCode } from "../../../fleet/rehearsal/stage";
import { exportedFlow } from "../../../formats/flows/flowFile";

const flow = (code: string, hash: string, prompt = "Answer") =>
  exportedFlow(
    {
      id: "aaaaaaaa-0000-4000-8000-000000000001",
      name: "Agent",
      data: {
        nodes: [
          {
            id: "Agent-1",
            data: {
              type: "Agent",
              node: { template: { code: { value: code }, prompt: { value: prompt } }, metadata: { code_hash: hash } },
            },
          },
        ],
        edges: [],
      },
    },
    { variables: new Set() },
  );

describe("a flow after LangFlow's migrations", () => {
  it("counts as the same if only its components' code changed, and as different if anything else changed", () => {
    const [before, after] = [flow("class Agent: pass", "a1"), flow("class Agent: scoped = True", "b2")];
    expect(partsApart(before, after)).toBe("other graph");
    expect(partsApart(withoutCode(before), withoutCode(after))).toBeUndefined();
    const edited = flow("class Agent: scoped = True", "b2", "Answer in verse");
    expect(partsApart(withoutCode(before), withoutCode(edited))).toBe("other graph");
  });
});

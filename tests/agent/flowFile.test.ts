import fc from "fast-check";
import { canonicalJson, type JsonObject, parseJson } from "../../agent/flows/canonicalJson";
import {
  flowFile,
  importable,
  keptId,
  NotAFlow,
  readFlowFile as readContents,
  renamed,
} from "../../agent/flows/flowFile";

const readFlowFile = (text: string) => readContents(Buffer.from(text));
const ID = "6f1c2a34-58d1-4e0f-9c55-0a1b2c3d4e5f";
const flow = (fields: Record<string, unknown>, more: Record<string, unknown> = {}): JsonObject =>
  parseJson(
    JSON.stringify({
      id: ID,
      name: "A flow",
      user_id: "3a0f5e6e-6a3c-4f3e-9c60-2f9a8b7c6d5e",
      folder_id: "8c1b7f0a-2b54-4b15-8f0f-5d6c7e8f9a0b",
      updated_at: "2026-01-01T00:00:00",
      data: {
        nodes: [{ id: "n1", data: { node: { template: fields } }, selected: true, position: { x: 1.5 } }],
        edges: [],
      },
      ...more,
    }),
  ) as JsonObject;
const field = (text: string, name = "key") =>
  JSON.parse(text).data.nodes[0].data.node.template[name] as { value: unknown };

describe("a flow's file", () => {
  it("has the keys that lfx writes and no others: nothing that differs by region", () => {
    expect(Object.keys(JSON.parse(flowFile(flow({})).text))).toEqual(
      "data description endpoint_name icon icon_bg_color id is_component locked mcp_enabled name tags webhook".split(
        " ",
      ),
    );
  });

  it("holds no value of a secret field", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 3 }), fc.boolean(), (secret, loads) => {
        fc.pre(!/^[A-Z][A-Z0-9_]*$/.test(secret));
        const { text } = flowFile(flow({ key: { password: true, load_from_db: loads, value: secret } }));
        expect(field(text).value).toBe("");
      }),
    );
  });

  it("holds no password even where it looks like a variable's name", () => {
    expect(field(flowFile(flow({ key: { password: true, load_from_db: false, value: "HUNTER2" } })).text).value).toBe(
      "",
    );
  });

  it("keeps the name of a global variable, so that the flow finds its key in every region", () => {
    const stored = flow({ key: { password: true, load_from_db: true, value: "OPENAI_API_KEY" } });
    expect(field(flowFile(stored).text).value).toBe("OPENAI_API_KEY");
  });

  it("takes no AWS access key for a variable's name", () => {
    const id = `AKIA${"ABCD2345".repeat(2)}`;
    expect(field(flowFile(flow({ key: { password: true, load_from_db: true, value: id } })).text).value).toBe("");
  });

  it("says nothing of what a look at the canvas changes", () => {
    const node = JSON.parse(flowFile(flow({})).text).data.nodes[0];
    expect(node).toEqual({ data: { node: { template: {} } }, id: "n1", position: { x: 1.5 } });
  });

  it("reads back as itself", () => {
    const { text } = flowFile(
      flow({ temperature: { value: 1.0, type: "float" } }, { tags: ["a"], endpoint_name: "e" }),
    );
    expect(readFlowFile(text).text).toBe(text);
    expect(readFlowFile(JSON.stringify(JSON.parse(text))).text).toBe(text);
  });

  it.each([
    ["[]", "is not a JSON object"],
    ['{"name":"x"}', "id"],
    [`{"id":"${ID}"}`, "name"],
    [`{"id":"${ID}","name":"../../etc/passwd"}`, ".."],
    [`{"id":"${ID}","name":"x","endpoint_name":"a/b"}`, "endpoint_name"],
    [`{"id":"6f1c2a34-58d1-5e0f-9c55-0a1b2c3d4e5f","name":"x"}`, "version 5"],
    [`{"id":"${ID}","name":"x","data":{"nodes":{}}}`, "data.nodes"],
  ])("refuses %s and says why", (text, reason) => {
    expect(() => readFlowFile(text)).toThrow(reason);
  });
});

it("is refused where it is no UTF-8", () => {
  expect(() => readContents(Buffer.from([0x7b, 0xff, 0x7d]))).toThrow(NotAFlow);
});

describe("a flow on its way into a region", () => {
  it("gets back the secrets that this region's copy holds", () => {
    const local = flow({ key: { password: true, value: "s3cret" }, other: { value: "x" } });
    const imported = importable(flowFile(flow({ key: { password: true, value: "" }, other: { value: "y" } })), local);
    const text = canonicalJson(imported);
    expect(field(text).value).toBe("s3cret");
    expect(field(text, "other").value).toBe("y");
  });

  it("puts no secret where the field is no longer secret, or is another node's", () => {
    const local = flow({ key: { password: true, value: "s3cret" } });
    const open = importable(flowFile(flow({ key: { password: false, value: "" } })), local);
    expect(canonicalJson(open)).not.toContain("s3cret");
    const other = readFlowFile(flowFile(flow({ key: { password: true, value: "" } })).text.replace('"n1"', '"n2"'));
    expect(canonicalJson(importable(other, local))).not.toContain("s3cret");
  });
});

describe("a kept version", () => {
  it("has the same id whoever keeps it, and another for another version", () => {
    expect(keptId(ID, "one")).toBe(keptId(ID, "one"));
    expect(keptId(ID, "one")).not.toBe(keptId(ID, "two"));
  });

  it("has an id that is accepted as a flow's", () => {
    fc.assert(
      fc.property(fc.uuid(), fc.string(), (id, fingerprint) => {
        const kept = renamed(flowFile(flow({})), { id: keptId(id, fingerprint), name: "Kept" });
        expect(kept.name).toBe("Kept");
      }),
    );
  });
});

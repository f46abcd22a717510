import fc from "fast-check";
import { canonicalJson, type JsonObject, parseJson } from "../../../formats/flows/canonicalJson";
import {
  compose,
  exportedFlow,
  FLOW_BYTES_MAX,
  type FlowFile,
  fittingName,
  importable,
  keptId,
  NAME_MAX,
  NESTING_MAX,
  NotAFlow,
  readFlowFile as readContents,
} from "../../../formats/flows/flowFile";
import { FIELDS, print } from "../../../formats/flows/version";

const readFlowFile = (text: string) => readContents(Buffer.from(text));
const exported = (stored: JsonObject, variables: string[] = [], agreed?: FlowFile) =>
  exportedFlow(stored, { variables: new Set(variables), ...(agreed && { agreed }) });
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

describe("a flow's file", () => {
  it("keeps the notation of Git's numbers even if jsonb rewrote them, so that no other recorder finds a change", () => {
    const numbered = (...numbers: string[]) =>
      ({ ...flow({}), data: parseJson(`{"nodes": [], "edges": [], "numbers": [${numbers}]}`) }) as JsonObject;
    const git = exported(numbered("1e+16", "-0.0", "2"));
    expect(exported(numbered("10000000000000000", "0.0", "2"), [], git)).toMatchObject({
      text: git.text,
      prints: git.prints,
    });
    expect(exported(numbered("10000000000000000", "0.0", "2.0"), [], git).prints.graph).not.toBe(git.prints.graph);
  });

  it("has exactly the keys that lfx writes, and nothing that differs by region", () => {
    expect(Object.keys(JSON.parse(exported(flow({})).text))).toEqual(
      "data description endpoint_name icon icon_bg_color id is_component locked mcp_enabled name tags webhook".split(
        " ",
      ),
    );
  });

  it("omits values that change when a user only views the canvas", () => {
    const node = JSON.parse(exported(flow({})).text).data.nodes[0];
    expect(node).toEqual({ data: { node: { template: {} } }, id: "n1", position: { x: 1.5 } });
  });

  it("is byte-identical to lfx's file for empty hidden fields", () => {
    const stored = flow({ a: { password: true }, b: { load_from_db: true, value: null }, c: { password: false } });
    expect(JSON.parse(exported(stored).text).data.nodes[0].data.node.template).toEqual({
      a: { password: true, value: "" },
      b: { load_from_db: true, value: "" },
      c: { password: false },
    });
  });

  it("is unchanged after it is read and written again", () => {
    const { text, value, prints } = exported(
      flow({ temperature: { value: 1.0, type: "float" } }, { tags: ["a"], endpoint_name: "e", locked: true }),
    );
    expect(readFlowFile(text)).toMatchObject({ text, value, prints });
    expect(readFlowFile(JSON.stringify(JSON.parse(text))).text).toBe(text);
  });

  it("has the same contents in its parsed `value` as in its text", () => {
    const { text, value } = exported(flow({ key: { password: true, value: "s3cret" }, x: { value: 1.5 } }));
    expect(`${canonicalJson(value)}\n`).toBe(text);
  });

  it("keeps a key named __proto__ as data", () => {
    const stored = parseJson(canonicalJson(flow({})).replace('"template": {}', '"template": {"__proto__": {"a": 1}}'));
    expect(exported(stored as JsonObject).text).toContain('"__proto__": {');
  });

  it.each([
    ["[]", "is not a JSON object"],
    ['{"name":"x"}', "id"],
    [`{"id":"${ID}"}`, "name"],
    [`{"id":"${ID}","name":"../../etc/passwd"}`, ".."],
    [`{"id":"${ID}","name":".."}`, ".."],
    [`{"id":"${ID}","name":"up/.."}`, ".."],
    [`{"id":"${ID}","name":"a\\\\..\\\\b"}`, ".."],
    [`{"id":"${ID}","name":"x","endpoint_name":"a/b"}`, "endpoint_name"],
    [`{"id":"6f1c2a34-58d1-5e0f-9c55-0a1b2c3d4e5f","name":"x"}`, "version 5"],
    [`{"id":"${ID}","name":"x","data":{"nodes":{}}}`, "data.nodes"],
    [`{"id":"${ID}","name":"${"x".repeat(NAME_MAX + 1)}"}`, `name has more than ${NAME_MAX} characters`],
  ])("is rejected if it is %s, and the error names the reason", (text, reason) => {
    expect(() => readFlowFile(text)).toThrow(NotAFlow);
    expect(() => readFlowFile(text)).toThrow(reason);
  });

  it("may have two dots in its name if they do not lead to a parent folder", () => {
    expect(readFlowFile(`{"id":"${ID}","name":"v1..v2"}`).name).toBe("v1..v2");
  });

  it("loses a byte order mark at its start, and keeps one inside a text", () => {
    const file = `{"id":"${ID}","name":"x","description":"a\uFEFFb"}`;
    expect(readFlowFile(`\uFEFF${file}`).text).toBe(readFlowFile(file).text);
    expect(readFlowFile(file).value.description).toBe("a\uFEFFb");
  });

  it("omits the state of dragging a node", () => {
    const dragged = flow({});
    const [node] = (dragged.data as { nodes: JsonObject[] }).nodes;
    Object.assign(node ?? {}, { positionAbsolute: { x: 1 }, dragging: true });
    expect(exported(dragged).text).toBe(exported(flow({})).text);
  });

  it("is locked only if the flow says so", () => {
    expect([true, false, null].map((locked) => exported(flow({}, { locked })).value.locked)).toEqual([
      true,
      false,
      false,
    ]);
  });

  it("is the same for an empty and a missing value, because LangFlow's API cannot distinguish the two", () => {
    const printsOf = (more: Record<string, unknown>) => exported(flow({}, more)).prints;
    expect(printsOf({ description: "", tags: [] })).toEqual(printsOf({ description: null, tags: null }));
    expect(printsOf({ description: "x" })).not.toEqual(printsOf({ description: null }));
    expect(printsOf({ tags: ["x"] })).not.toEqual(printsOf({ tags: null }));
  });

  it("is rejected if it is not UTF-8", () => {
    expect(() => readContents(Buffer.from([0x7b, 0xff, 0x7d]))).toThrow(NotAFlow);
  });

  it("is rejected if it is not JSON, and the error quotes nothing from it", () => {
    expect(() => readFlowFile('{"key": s3cret}')).toThrow(/^is not JSON$/);
  });

  it("is rejected above the maximum size, before it is parsed", () => {
    const contents = { byteLength: FLOW_BYTES_MAX + 1 } as Uint8Array;
    expect(() => readContents(contents)).toThrow(/bytes/);
  });

  it("is rejected if it nests too deeply, without a stack overflow", () => {
    const deep = (levels: number) =>
      `{"id":"${ID}","name":"x","data":{"nodes":[],"deep":${"[".repeat(levels)}${"]".repeat(levels)}}}`;
    expect(() => readFlowFile(deep(20_000))).toThrow(NotAFlow);
    expect(() => exported(parseJson(deep(20_000)) as JsonObject)).toThrow(NotAFlow);
    expect(() => readFlowFile(deep(NESTING_MAX - 1))).toThrow("nested");
    expect(readFlowFile(deep(NESTING_MAX - 2)).name).toBe("x");
  });

  it("is imported unchanged into a region whose own copy nests too deeply", () => {
    const file = exported(flow({}));
    const deep = parseJson(`{"data":${"[".repeat(20_000)}${"]".repeat(20_000)}}`) as JsonObject;
    deep.data = { nodes: deep.data ?? null };
    expect(importable(file, deep)).toEqual(file.value);
  });
});

describe("the fingerprints of a flow", () => {
  const unchanged = exported(flow({ x: { value: "1" } }));
  it.each([
    ["graph", flow({ x: { value: "2" } })],
    ["name", flow({ x: { value: "1" } }, { name: "Another" })],
    ["description", flow({ x: { value: "1" } }, { description: "d" })],
    ["endpoint", flow({ x: { value: "1" } }, { endpoint_name: "e" })],
    ["lock", flow({ x: { value: "1" } }, { locked: true })],
    ["details", flow({ x: { value: "1" } }, { icon: "i" })],
    ["details", flow({ x: { value: "1" } }, { icon_bg_color: "i" })],
    ["details", flow({ x: { value: "1" } }, { tags: ["t"] })],
    ["details", flow({ x: { value: "1" } }, { is_component: true })],
    ["details", flow({ x: { value: "1" } }, { mcp_enabled: true })],
  ])("distinguish a change of %s from all other changes", (field, changed) => {
    const { prints } = exported(changed);
    const differing = Object.keys(prints).filter(
      (name) => prints[name as keyof typeof prints] !== unchanged.prints[name as keyof typeof prints],
    );
    expect(differing).toEqual([field]);
  });

  it("do not change with a secret", () => {
    const one = exported(flow({ key: { password: true, value: "one" } }));
    expect(exported(flow({ key: { password: true, value: "two" } })).prints).toEqual(one.prints);
  });

  it("distinguish 1 from 1.0, as LangFlow does", () => {
    const written = (number: string) =>
      readFlowFile(`{"id":"${ID}","name":"x","data":{"nodes":[],"zoom":${number}}}`).prints.graph;
    expect(written("1")).not.toBe(written("1.0"));
    expect(written("1.0")).toBe(print('{"nodes":[],"zoom":1.0}'));
  });

  it("do not change with values that LangFlow derives from the graph", () => {
    expect(exported(flow({ x: { value: "1" } }, { webhook: true })).prints).toEqual(unchanged.prints);
  });
});

describe("a flow that is composed of two versions", () => {
  const one = exported(
    flow({ x: { value: "one" } }, { name: "One", description: "1", endpoint_name: "e1", icon: "i1", webhook: true }),
  );
  const two = exported(
    flow({ x: { value: "two" } }, { name: "Two", description: "2", endpoint_name: "e2", icon: "i2", locked: true }),
  );

  it("equals a version if all of its fields are from that version", () => {
    expect(compose(one, two, [])).toEqual(one);
    expect(compose(two, one, FIELDS)).toEqual(one);
  });

  it.each(["graph", "name", "description", "endpoint", "lock", "details"] as const)(
    "takes its %s as a whole from one version",
    (field) => {
      const { prints } = compose(one, two, [field]);
      expect(prints).toEqual({ ...one.prints, [field]: two.prints[field] });
    },
  );

  it("takes the webhook flag from the same version as its graph", () => {
    expect(compose(one, two, ["graph"]).value.webhook).toBe(false);
    expect(compose(one, two, ["details"]).value.webhook).toBe(true);
  });

  it("is unchanged after it is written and read again, whichever fields it combines", () => {
    fc.assert(
      fc.property(fc.subarray([...FIELDS]), (fields) => {
        const file = compose(one, two, fields);
        expect(readFlowFile(file.text)).toEqual(file);
      }),
    );
  });
});

describe("a name with a suffix", () => {
  const SUFFIX = " (us-east 2026-01-01 10:00)";

  it("is the name followed by the suffix if both fit", () => {
    expect(fittingName("A flow", SUFFIX)).toBe(`A flow${SUFFIX}`);
    expect(fittingName("x".repeat(NAME_MAX - SUFFIX.length), SUFFIX)).toHaveLength(NAME_MAX);
  });

  it("is a valid flow name, ends with the suffix, and starts like the name", () => {
    fc.assert(
      fc.property(fc.nat(30), fc.constantFrom("x", "é", "😀", "👩‍👩‍👧", "字 "), (shorter, character) => {
        const name = [...character.repeat(NAME_MAX)].slice(0, NAME_MAX - shorter).join("");
        const fitting = fittingName(name, SUFFIX);
        const file = exported(flow({}, { name: fitting }));
        expect([...file.name].length).toBeLessThanOrEqual(NAME_MAX);
        expect(fitting.endsWith(SUFFIX)).toBe(true);
        expect(name.startsWith(fitting.slice(0, -SUFFIX.length))).toBe(true);
        expect(Buffer.from(fitting).toString()).toBe(fitting);
      }),
    );
  });

  it("is cut no more than necessary", () => {
    expect([...fittingName("😀".repeat(495), SUFFIX)]).toHaveLength(NAME_MAX);
    expect([...fittingName("x".repeat(495), SUFFIX)]).toHaveLength(NAME_MAX);
  });

  it("is cut even if the suffix alone is too long", () => {
    expect([...fittingName("name", "s".repeat(600))]).toHaveLength(NAME_MAX);
  });
});

describe("a version that is kept as a copy", () => {
  it("has the same id in every region, and a different id for a different version", () => {
    expect(keptId(ID, "one")).toBe(keptId(ID, "one"));
    expect(keptId(ID, "one")).not.toBe(keptId(ID, "two"));
  });

  it("has an id that is valid for a flow", () => {
    fc.assert(
      fc.property(fc.uuid(), fc.string(), (id, versionPrint) => {
        const kept = keptId(id, versionPrint);
        expect(exported(flow({}, { id: kept })).id).toBe(kept);
      }),
    );
  });
});

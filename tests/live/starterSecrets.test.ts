import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { installerWith } from "../../fleet/local/installer";
import { isObject, type Json, type JsonObject, parseJson } from "../../formats/flows/canonicalJson";
import { exportedFlow, readFlowFile } from "../../formats/flows/flowFile";
import { findSecrets } from "../../formats/flows/secretScan";
import { print } from "../../formats/flows/version";
import { ensurePython } from "../../sandbox/live/tools/python";
import { ID } from "../formats/flows/secretGraphs";

/** LangFlow's own starter flows, with a hash of the output of lfx's `normalize_flow` and `flow_to_json` for each. */
const STARTERS = [
  ["Basic Prompting", "ksz0nBPTozZrCZd-VHJSWo"],
  ["Blog Writer", "K0J37zn7Yf-5TTU7toRCGN"],
  ["Content Aggregator", "rRWMuWmvY27Kp8PvwKLMu-"],
  ["Custom Component Generator", "RUvdYo-Ah74f_3wZtADL7j"],
  ["Deep Research Agent", "50gdTfO5vDiqG2iflYDAg6"],
  ["Document Q&A", "jQ5iBBjgUMn-C3VKTubTJi"],
  ["Financial Report Parser", "yHcig0Y8NmBvRNYY5q9CCI"],
  ["Hybrid Search RAG", "taw9hhkL1fMfCW2RoBrdy1"],
  ["Image Sentiment Analysis", "_DI8w1sMsnCfJpMgDTgSQA"],
  ["Instagram Copywriter", "sAQ_uCqbVRhp_h-Mk2RgVH"],
  ["Knowledge Retrieval", "7V4q8MNwk11dOv1HezJYcT"],
  ["Market Research", "Tvngd6vZYF_r_wFf8J1VAk"],
  ["Meeting Summary", "7Lz9TR61u9T4BRVXxNeMuh"],
  ["Memory Chatbot", "bcGuNJRgthlNip_hM8lNEl"],
  ["Multi Agent Flow", "GUttw0NFWSokDWXh3Xgfbr"],
  ["Portfolio Website Code Generator", "h64mpPo7RQBW4q78BrBfYH"],
  ["Price Deal Finder", "jHIWKxUUoblX7JFCHTmaCk"],
  ["Research Translation Loop", "VDgXywfGsSOkJggyQowAPE"],
  ["SEO Keyword Generator", "wNIuV9-FaTXpzPCnYskrW7"],
  ["SaaS Pricing", "Fb9CV5lEMgzgiFDW_XRTg6"],
  ["Sequential Tasks Agents", "hm2MU-FxtpMYYBKAGyIdZK"],
  ["Simple Agent", "FHyGSMxchqgDk91ncSIwCj"],
  ["Social Media Agent", "ZLX5Vyc32d_vpgOz3tsTWa"],
  ["Text Sentiment Analysis", "r6Mae9t_p0ZapGmrfosZbt"],
  ["Travel Planning Agents", "Jiwawg8a8LXxkIE9zLF1DQ"],
  ["Twitter Thread Generator", "i7gAx9hk0xwrXJ1BI4KqY2"],
  ["Vector Store RAG", "MeTlp8S-k8dJQv0Kg_la-O"],
] as const;
/** The same hash for a flow that contains every component of lfx. */
const COMPONENTS_PRINT = "xuVhdAvQwygfClJfONHpzu";

let packages: string;

beforeAll(async () => {
  const lib = join(await ensurePython(installerWith(() => undefined, new AbortController().signal)), "..", "lib");
  const python = readdirSync(lib).find((name) => name.startsWith("python3")) ?? "";
  packages = join(lib, python, "site-packages");
});

const everyText = (text: string) => new Set([...text.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, each = ""]) => each));

describe("LangFlow's own flows, which contain no secrets,", () => {
  const folder = () => join(packages, "langflow", "initial_setup", "starter_projects");

  it("are exactly the flows that this test lists", () => {
    const names = readdirSync(folder()).filter((name) => name.endsWith(".json"));
    expect(names.sort()).toEqual(STARTERS.map(([name]) => `${name}.json`).sort());
  });

  it.each(STARTERS)(
    "are exported exactly like lfx writes them, without findings of the secret scan: %s",
    async (name, expected) => {
      const contents = readFileSync(join(folder(), `${name}.json`));
      const file = readFlowFile(contents);
      const text = contents.toString();
      expect(print(file.text)).toBe(expected);
      expect(exportedFlow(parseJson(text) as JsonObject, { variables: everyText(text) }).text).toBe(file.text);
      expect(exportedFlow(parseJson(text) as JsonObject, { variables: new Set() }).text).toBe(file.text);
      expect(await findSecrets(file)).toEqual([]);
    },
  );

  it("contain components that are all exported exactly like lfx writes them, without findings in their code", async () => {
    const index = parseJson(readFileSync(join(packages, "lfx", "_assets", "component_index.json"), "utf8"));
    const entries = isObject(index) ? (index.entries as [string, JsonObject][]) : [];
    const nodes = entries.flatMap(([, components]) =>
      Object.entries(components).map(([id, node]): Json => ({ id, data: { node } })),
    );
    const file = exportedFlow({ id: ID, name: "Components", data: { nodes, edges: [] } }, { variables: new Set() });
    expect(nodes.length).toBeGreaterThan(100);
    expect(print(file.text)).toBe(COMPONENTS_PRINT);
    expect(await findSecrets(file)).toEqual([]);
  });
});

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Database } from "node-sqlite3-wasm";
import { installerWith } from "../../fleet/local/installer";
import { inspect } from "../../fleet/moveIn/inspect";
import { componentChanges } from "../../fleet/rehearsal/componentChanges";
import type { Outcome } from "../../fleet/rehearsal/outcome";
import { type ReadFlow, type RehearsedFlow, rehearse } from "../../fleet/rehearsal/rehearse";
import { RehearsedLangFlow } from "../../fleet/rehearsal/rehearsedLangFlow";
import { type CopiedFlow, Stage } from "../../fleet/rehearsal/stage";
import { ensureTools } from "../../sandbox/live/tools/ensureTools";
import { recordedLangFlow } from "../fleet/moveIn/recordedLangFlow";

jest.setTimeout(300_000);

/**
 * What 1.7.2 answered to these flows. Recorded anew by a Python that has langflow-base 0.7.2 and openai:
 * `OLD_PYTHON=<its bin> npx jest tests/live/moveInRehearse --selectProjects live`
 */
const ANSWERED = join(__dirname, "rehearsed-1.7.2.json");
const { OLD_PYTHON } = process.env;

const IMPORTS = `from langflow.custom import Component
from langflow.io import MessageTextInput, Output
from langflow.schema.message import Message
`;
const component = (field: string, method: string, body: string, imports = "") => `${imports}${IMPORTS}
class Own(Component):
    inputs = [MessageTextInput(name="${field}")]
    outputs = [Output(name="${method === "build_prompt" ? "prompt" : "message"}", method="${method}")]

    def ${method}(self) -> Message:
${body.replaceAll(/^/gm, "        ")}
`;
const chat = component("input_value", "message_response", "return Message(text=self.input_value)");
const asking = `${IMPORTS}
class Asking(Component):
    outputs = [Output(name="text_output", method="text_response"), Output(name="model_output", method="build_model")]

    def text_response(self) -> Message:
        raise ValueError("asks a model")

    def build_model(self) -> Message:
        raise ValueError("asks a model")
`;
const prompt = component("template", "build_prompt", 'return Message(text="Be brief.")');

/** Flows by their names: what the code of a component is in each, and what its model's component is called. */
const FLOWS: Readonly<Record<string, { prompt?: string; output?: string; model?: string }>> = {
  Equal: {},
  "Another answer": {
    output: component(
      "input_value",
      "message_response",
      'return Message(text=self.input_value + " by " + version("langflow-base"))',
      "from importlib.metadata import version\n",
    ),
  },
  "Component gone": { model: "VanishedModel" },
  "Calls outside": {
    prompt: component(
      "template",
      "build_prompt",
      'try:\n    urlopen("https://api.example.com/weather")\nexcept OSError:\n    pass\nreturn Message(text="sunny")',
      "from urllib.request import urlopen\n",
    ),
  },
  "Runs in the old alone": {
    prompt: component(
      "template",
      "build_prompt",
      'if version("lfx").startswith("1."):\n    raise ValueError("knows lfx 0.2 alone")\nreturn Message(text="remembered")',
      "from importlib.metadata import version\n",
    ),
  },
  "Another time each time": {
    prompt: component("template", "build_prompt", "return Message(text=str(time_ns()))", "from time import time_ns\n"),
  },
};

/** The graph of a flow that 1.7.2 kept, with code in the place of the fixture's. */
function graphOf(kept: string, { prompt: ofPrompt = prompt, output = chat, model }: (typeof FLOWS)[string]): unknown {
  const graph = JSON.parse(model === undefined ? kept : kept.replaceAll("LanguageModelComponent", model));
  const codes: Record<string, string> = {
    ChatInput: chat,
    Prompt: ofPrompt,
    ChatOutput: output,
    [model ?? "LanguageModelComponent"]: asking,
  };
  for (const { data } of graph.nodes) if (codes[data.type]) data.node.template.code.value = codes[data.type];
  return graph;
}

function flowFolder(): string {
  const source = recordedLangFlow();
  const database = new Database(join(source, "langflow.db"));
  const [{ data: kept = "" } = {}] = database.all("SELECT data FROM flow WHERE name = 'Plain'") as { data?: string }[];
  database.close();
  rmSync(source, { recursive: true });
  const folder = mkdtempSync(join(tmpdir(), "flows-"));
  for (const [name, given] of Object.entries(FLOWS)) {
    const flow = { name, description: "", last_tested_version: "1.7.2", data: graphOf(kept, given) };
    writeFileSync(join(folder, `${name}.json`), JSON.stringify(flow));
  }
  return folder;
}

describe("flows of 1.7.2, rehearsed in the fleet's LangFlow", () => {
  const { signal } = new AbortController();
  let folder: string;
  let scratch: string;
  let flows: Record<string, RehearsedFlow>;
  beforeAll(async () => {
    const { pythonBin } = await ensureTools(installerWith(() => undefined, signal));
    folder = flowFolder();
    scratch = mkdtempSync(join(tmpdir(), "rehearsal-"));
    const read: ReadFlow[] = [];
    const onFlow = (stored: ReadFlow["stored"], facts: ReadFlow["facts"]) => read.push({ stored, facts });
    await inspect({ from: folder, config: undefined, environment: {}, signal, onFlow });
    const langflow = await RehearsedLangFlow.start(pythonBin, join(scratch, "new"), signal);
    const before = OLD_PYTHON ? await RehearsedLangFlow.start(OLD_PYTHON, join(scratch, "old"), signal) : undefined;
    try {
      const old = before ? new RecordingStage(before) : recorded();
      const rehearsed = await rehearse(read, new Map(), {
        now: new Stage(langflow),
        old,
        changes: (graphs) => componentChanges(pythonBin, scratch, graphs, signal),
        progress: () => undefined,
      });
      if (old instanceof RecordingStage) writeFileSync(ANSWERED, `${JSON.stringify(old.outcomes, null, 2)}\n`);
      flows = Object.fromEntries(rehearsed.map((flow) => [flow.name, flow]));
    } finally {
      await langflow.end();
      await before?.end();
    }
  });
  afterAll(() => {
    for (const each of [folder, scratch]) if (each) rmSync(each, { recursive: true });
  });

  it("are equal where both answer the same, a double in place of the model", () => {
    expect(flows.Equal).toMatchObject({ run: { result: "same" }, doubles: ["LanguageModelComponent-kBOja"] });
    expect(flows.Equal?.result).toBe("changes");
    expect(flows.Equal?.opened.said).toMatch(/with an update that changes outputs or fields: LanguageModelComponent/);
  });

  it("differ where they answer something else, and say what", () => {
    const { result, run } = flows["Another answer"] as RehearsedFlow;
    expect({ result, said: run.said }).toEqual({ result: "differs", said: "another answer of ChatOutput-8ZWWB" });
    expect([run.old, run.new]).toEqual([expect.stringMatching(/by 0\.7\.2$/), expect.stringMatching(/by 1\.13\.0$/)]);
  });

  it("differ where they fail in the new alone, and say with what", () => {
    const { result, run } = flows["Runs in the old alone"] as RehearsedFlow;
    expect({ result, said: run.said }).toEqual({ result: "differs", said: "fails in the new alone" });
    expect(run.new).toMatch(/knows lfx 0\.2 alone$/);
  });

  it("name a component that is gone, and run all the same by the code that they hold", () => {
    const { result, opened, run } = flows["Component gone"] as RehearsedFlow;
    expect({ result, opened: opened.result, run: run.result }).toEqual({
      result: "changes",
      opened: "changes",
      run: "same",
    });
    expect(opened.said).toMatch(/^gone: VanishedModel/);
  });

  it("are not run where they call outside of the machine, which nothing did", () => {
    expect(flows["Calls outside"]?.run).toEqual({ result: "not run", said: "calls api.example.com" });
  });

  it("are no difference where they answer something else each time", () => {
    expect(flows["Another time each time"]?.run.said).toBe("answers something else each time");
  });

  it("leave no process behind, and are loaded as they were", () => {
    expect(Object.values(flows).map(({ loaded }) => loaded.result)).toEqual(Object.keys(FLOWS).map(() => "same"));
    const left = readdirSync("/proc")
      .filter((pid) => /^\d+$/.test(pid))
      .filter((pid) => commandOf(pid).includes(scratch));
    expect(left).toEqual([]);
  });
});

/** The environment of a process, which names the folder of its own; empty where it may not be read. */
function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8");
  } catch {
    return "";
  }
}

class RecordingStage extends Stage {
  readonly outcomes: Record<string, Outcome> = {};

  override async run(flow: CopiedFlow, session: string): Promise<Outcome> {
    const outcome = await super.run(flow, session);
    this.outcomes[flow.file.name] = outcome;
    return outcome;
  }
}

function recorded(): { run(flow: CopiedFlow): Promise<Outcome> } {
  const outcomes: Record<string, Outcome> = JSON.parse(readFileSync(ANSWERED, "utf8"));
  return {
    run: async ({ file }) => outcomes[file.name] ?? { kind: "notRun", because: "nobody has recorded it" },
  };
}

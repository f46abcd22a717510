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
 * Recorded responses of 1.7.2 to these flows. To record them again, use a Python with langflow-base 0.7.2 and openai:
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

/** Flows by name, with the code of a component and the name of its model's component. */
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

/** Returns the graph of a flow that 1.7.2 stored, with the given code instead of the fixture's. */
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

describe("flows of 1.7.2 that are rehearsed in the fleet's LangFlow", () => {
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

  it("are reported as equal if both releases give the same response with a fake model", () => {
    expect(flows.Equal).toMatchObject({ run: { result: "same" }, doubles: ["LanguageModelComponent-kBOja"] });
    expect(flows.Equal?.result).toBe("changes");
    expect(flows.Equal?.opened.said).toMatch(/updates that change outputs or fields: LanguageModelComponent/);
  });

  it("are reported as different if the responses differ, and the report shows both responses", () => {
    const { result, run } = flows["Another answer"] as RehearsedFlow;
    expect({ result, said: run.said }).toEqual({ result: "differs", said: "different answer of ChatOutput-8ZWWB" });
    expect([run.old, run.new]).toEqual([expect.stringMatching(/by 0\.7\.2$/), expect.stringMatching(/by 1\.13\.0$/)]);
  });

  it("are reported as different if they fail only in the new release, and the report shows the error", () => {
    const { result, run } = flows["Runs in the old alone"] as RehearsedFlow;
    expect({ result, said: run.said }).toEqual({ result: "differs", said: "fails only in the new version" });
    expect(run.new).toMatch(/knows lfx 0\.2 alone$/);
  });

  it("with a missing component are reported and still run with the code that they contain", () => {
    const { result, opened, run } = flows["Component gone"] as RehearsedFlow;
    expect({ result, opened: opened.result, run: run.result }).toEqual({
      result: "changes",
      opened: "changes",
      run: "same",
    });
    expect(opened.said).toMatch(/^gone: VanishedModel/);
  });

  it("are not run if they call external hosts, and no such call was made", () => {
    expect(flows["Calls outside"]?.run).toEqual({ result: "not run", said: "calls api.example.com" });
  });

  it("do not count as different if their response changes at each run", () => {
    expect(flows["Another time each time"]?.run.said).toBe("gives a different answer each time");
  });

  it("leave no process behind and load unchanged", () => {
    expect(Object.values(flows).map(({ loaded }) => loaded.result)).toEqual(Object.keys(FLOWS).map(() => "same"));
    const left = readdirSync("/proc")
      .filter((pid) => /^\d+$/.test(pid))
      .filter((pid) => commandOf(pid).includes(scratch));
    expect(left).toEqual([]);
  });
});

/**
 * Returns the environment of a process, which contains the path of its folder, or an empty text if it is not readable.
 */
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

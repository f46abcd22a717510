import type { JsonObject } from "../../formats/flows/canonicalJson";
import { isText } from "../../formats/flows/canonicalJson";
import { exportedFlow, type FlowFile, NotAFlow } from "../../formats/flows/flowFile";
import type { DoubledGraph } from "./doubles";
import { messageOf, type Outcome, outcomeOf } from "./outcome";
import { type Answer, asObject, type RehearsedLangFlow } from "./rehearsedLangFlow";

/** A flow in a rehearsal, in the form in which Git would store it, without secrets. */
export interface CopiedFlow {
  readonly file: FlowFile;
  /** Names of the global variables of the flow's user. */
  readonly variables: ReadonlySet<string>;
  readonly doubled: DoubledGraph;
}

/** A LangFlow that runs flows, or a record of its results. */
export interface Runs {
  /** @param session id of the chat session; each session has its own history */
  run(flow: CopiedFlow, session: string): Promise<Outcome>;
}

const QUESTION = "Hello, what is new?";
/** Parts of a flow that a copy must preserve. */
const PARTS = ["graph", "description", "details"] as const;

/** Copies of flows in a rehearsed LangFlow. */
export class Stage implements Runs {
  /** Ids that LangFlow assigned to the copies. */
  private readonly ids = new Map<CopiedFlow, string>();

  constructor(private readonly langflow: RehearsedLangFlow) {}

  /** Creates a copy. @returns how LangFlow's stored copy differs, or undefined if it does not */
  async load(flow: CopiedFlow): Promise<string | undefined> {
    const { value } = flow.file;
    const { name, data, description, icon, icon_bg_color, is_component, mcp_enabled, tags } = value;
    const body = { name, data, description, icon, icon_bg_color, is_component, mcp_enabled, tags } as JsonObject;
    const made = await this.langflow.ask("POST", "/api/v1/flows/", body);
    const id = asObject(made.body).id;
    if (made.status !== 201 || !isText(id)) return `is rejected: ${messageOf(made.body)}`;
    this.ids.set(flow, id);
    return differenceOf(flow, await this.langflow.ask("GET", `/api/v1/flows/${id}`));
  }

  /** Returns why LangFlow cannot build a flow's graph, including its real models, or undefined if it can. */
  async refusal(flow: CopiedFlow): Promise<string | undefined> {
    const id = this.ids.get(flow);
    if (id === undefined) return undefined;
    const told = await this.langflow.ask("POST", `/api/v1/build/${id}/vertices`);
    return told.status === 200 ? undefined : messageOf(told.body);
  }

  async run(flow: CopiedFlow, session: string): Promise<Outcome> {
    const id = this.ids.get(flow);
    if (id === undefined) return { kind: "notRun", because: "it was not loaded" };
    const changed = await this.langflow.ask("PATCH", `/api/v1/flows/${id}`, { data: flow.doubled.data });
    if (changed.status !== 200) return { kind: "failed", message: messageOf(changed.body) };
    const asked = { input_value: QUESTION, input_type: "chat", output_type: "any", session_id: session };
    const { result, calls } = await this.langflow.callsDuring(() =>
      this.langflow.ask("POST", `/api/v1/run/${id}?stream=false`, asked),
    );
    return outcomeOf(result, calls);
  }
}

function differenceOf({ file, variables }: CopiedFlow, { status, body }: Answer): string | undefined {
  if (status !== 200) return `cannot be opened: ${messageOf(body)}`;
  try {
    return partsApart(file, exportedFlow(asObject(body), { variables }));
  } catch (error) {
    if (error instanceof NotAFlow) return error.message;
    throw error;
  }
}

/**
 * Returns a flow without its components' code and code hashes, because LangFlow's migrations change the code in stored
 * flows (1.13's `b2c72e1e1439` changes agents).
 */
export function withoutCode({ value }: FlowFile): FlowFile {
  const copy = structuredClone(value);
  const { nodes } = asObject(copy.data ?? null);
  for (const each of Array.isArray(nodes) ? nodes : []) {
    const node = asObject(asObject(asObject(each).data ?? null).node ?? null);
    delete asObject(asObject(node.template ?? null).code ?? null).value;
    delete asObject(node.metadata ?? null).code_hash;
  }
  return exportedFlow(copy, { variables: new Set() });
}

/** Returns the names of the parts in which two versions of a flow differ, or undefined if they are equal. */
export function partsApart(one: Pick<FlowFile, "prints">, other: Pick<FlowFile, "prints">): string | undefined {
  const apart = PARTS.filter((part) => one.prints[part] !== other.prints[part]);
  return apart.length === 0 ? undefined : `other ${apart.join(", ")}`;
}

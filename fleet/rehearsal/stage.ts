import type { JsonObject } from "../../agent/flows/canonicalJson";
import { isText } from "../../agent/flows/canonicalJson";
import { exportedFlow, type FlowFile, NotAFlow } from "../../agent/flows/flowFile";
import type { DoubledGraph } from "./doubles";
import { messageOf, type Outcome, outcomeOf } from "./outcome";
import { type Answer, asObject, type RehearsedLangFlow } from "./rehearsedLangFlow";

/** A flow that is rehearsed, as it would lie in Git: without secrets. */
export interface CopiedFlow {
  readonly file: FlowFile;
  /** Names of its user's global variables. */
  readonly variables: ReadonlySet<string>;
  readonly doubled: DoubledGraph;
}

/** Who runs flows: a LangFlow, or what is known of one. */
export interface Runs {
  /** @param session whose chat it is; each has a history of its own */
  run(flow: CopiedFlow, session: string): Promise<Outcome>;
}

const QUESTION = "Hello, what is new?";
/** Parts of a flow in which a copy of it must be like it. */
const PARTS = ["graph", "description", "details"] as const;

/** Copies of flows in a LangFlow of the rehearsal's. */
export class Stage implements Runs {
  /** Ids that LangFlow gave the copies. */
  private readonly ids = new Map<CopiedFlow, string>();

  constructor(private readonly langflow: RehearsedLangFlow) {}

  /** Makes a copy. @returns what LangFlow keeps otherwise than it is, in words; undefined: nothing */
  async load(flow: CopiedFlow): Promise<string | undefined> {
    const { value } = flow.file;
    const { name, data, description, icon, icon_bg_color, is_component, mcp_enabled, tags } = value;
    const body = { name, data, description, icon, icon_bg_color, is_component, mcp_enabled, tags } as JsonObject;
    const made = await this.langflow.ask("POST", "/api/v1/flows/", body);
    const id = asObject(made.body).id;
    if (made.status !== 201 || !isText(id)) return `is refused: ${messageOf(made.body)}`;
    this.ids.set(flow, id);
    return differenceOf(flow, await this.langflow.ask("GET", `/api/v1/flows/${id}`));
  }

  /** Why LangFlow makes no graph of a flow, models and all; undefined where it does. */
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
  if (status !== 200) return `is not shown: ${messageOf(body)}`;
  try {
    return partsApart(file, exportedFlow(asObject(body), { variables }));
  } catch (error) {
    if (error instanceof NotAFlow) return error.message;
    throw error;
  }
}

/**
 * Less the code of its components, and its digest: LangFlow's migrations change some of it in flows that are stored (of agents, 1.13's
 * `b2c72e1e1439`).
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

/** Names of the parts in which two forms of a flow differ; undefined: none. */
export function partsApart(one: Pick<FlowFile, "prints">, other: Pick<FlowFile, "prints">): string | undefined {
  const apart = PARTS.filter((part) => one.prints[part] !== other.prints[part]);
  return apart.length === 0 ? undefined : `other ${apart.join(", ")}`;
}

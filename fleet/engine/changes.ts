import type { EngineEvent, OpType } from "@pulumi/pulumi/automation";

/** What happens, or would happen, to one resource. */
export interface Change {
  readonly urn: string;
  readonly type: string;
  readonly name: string;
  readonly operation: "create" | "update" | "replace" | "delete" | "import";
  /** Properties that differ, sorted; only for update and replace. */
  readonly properties: readonly PropertyChange[];
}

export interface PropertyChange {
  /** Path inside the resource, for example versioningConfiguration.status. */
  readonly path: string;
  /** Whether this property is why the resource is replaced. */
  readonly replaces: boolean;
}

/** One resource as the engine sees it: input to `render` and to the invariants. */
export interface SeenResource {
  readonly urn: string;
  readonly type: string;
  readonly name: string;
  /** Secrets are `[secret]`, values not known yet the engine's marker for unknown. */
  readonly inputs: Record<string, unknown>;
  /** As the state has them; absent for what is new. */
  readonly formerInputs?: Record<string, unknown>;
  /** What the provider last read of it; absent for what is new. */
  readonly formerOutputs?: Record<string, unknown>;
  readonly protect: boolean;
  readonly custom: boolean;
}

const OPERATIONS: Partial<Record<OpType, Change["operation"]>> = {
  create: "create",
  update: "update",
  replace: "replace",
  "create-replacement": "replace",
  delete: "delete",
  import: "import",
  "import-replacement": "import",
};

type Step = NonNullable<EngineEvent["resourcePreEvent"]>["metadata"];
export type StepState = NonNullable<Step["new"]>;

/** How the engine says that a provider or a cloud went away before it answered, or took too long. */
export const NO_ANSWER =
  /ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|connection (refused|reset|error)|no such host|no route to host|error reading from server|transport is closing|i\/o timeout|TLS handshake timeout|deadline ?exceeded|Client\.Timeout exceeded|: (unexpected )?EOF\b|unreachable cluster|cluster is unreachable/i;

/** How the engine ends its own account of a run that failed: of no single resource. */
const RUN_FAILED = /^(update|preview|destroy|refresh) failed$/;

/** A resource that something was to be done with, and what was said against it. */
export interface Refusal {
  /** As it was to be, or as the state has it. */
  readonly state: StepState;
  readonly said: string;
}

/** Collects an engine run's events into what changed, what was seen, and what went wrong. */
export class Recording {
  readonly resources = new Map<string, SeenResource>();
  readonly #changes = new Map<string, Change>();
  /** Errors in the engine's words, each once. */
  readonly errors = new Set<string>();
  readonly #begun = new Map<string, StepState>();
  readonly #refused = new Map<string, string>();
  readonly #states = new Map<string, StepState>();
  readonly #atWork = new Map<string, string>();
  /** Resources done, and the one at work, for the progress line. */
  done = 0;
  current = "";
  unchanged = 0;
  /** What a person should know, whether the run ends well or not. */
  readonly notes: string[] = [];
  /** URNs of what nothing was done with, since its cloud does not answer. */
  readonly leftOut: string[] = [];
  /** When the engine was last heard of, in milliseconds. */
  heard = Date.now();

  /** @param observed called after each event that moves the progress */
  constructor(private readonly observed: () => void = () => {}) {}

  get changes(): Change[] {
    return [...this.#changes.values()].sort((one, other) => one.urn.localeCompare(other.urn));
  }

  /** What has begun and not ended, in words. */
  get atWork(): string[] {
    return [...this.#atWork.values()];
  }

  /** What was refused, a resource each; undefined where the run also failed for a reason that is no resource's. */
  get refusals(): Refusal[] | undefined {
    const said = new Set(this.#refused.values());
    if ([...this.errors].some((text) => !said.has(text) && !RUN_FAILED.test(text))) return undefined;
    return [...this.#refused].flatMap(([urn, text]) => {
      const state = this.#states.get(urn);
      return state ? [{ state, said: text }] : [];
    });
  }

  /** Forgets what went wrong, and what that was done with: the run is made again. */
  startAgain(): void {
    for (const urn of this.#refused.keys()) this.#changes.delete(urn);
    for (const kept of [this.#begun, this.#refused, this.#atWork, this.errors]) kept.clear();
    this.done = 0;
    this.unchanged = 0;
    this.heard = Date.now();
  }

  readonly onEvent = (event: EngineEvent): void => {
    this.heard = Date.now();
    if (event.diagnosticEvent) this.diagnose(event.diagnosticEvent);
    const begun = event.resourcePreEvent?.metadata;
    if (begun && begun.type !== "pulumi:pulumi:Stack") this.begin(begun);
    const ended = event.resOutputsEvent ?? event.resOpFailedEvent;
    if (ended) this.done += 1;
    if (ended) this.#atWork.delete(ended.metadata.urn);
    if (event.resOutputsEvent) this.#begun.delete(event.resOutputsEvent.metadata.urn);
    if (begun || event.resOutputsEvent) this.observed();
  };

  /** Resources begun to be made of which nobody can say whether they are: the cloud did not answer. */
  get unanswered(): StepState[] {
    return [...this.#begun.values()].filter(({ urn }) => {
      const refusal = this.#refused.get(urn);
      return refusal === undefined || NO_ANSWER.test(refusal);
    });
  }

  private begin(step: Step): void {
    if (step.new?.custom && (step.op === "create" || step.op === "create-replacement"))
      this.#begun.set(step.urn, step.new);
    const state = step.new ?? step.old;
    if (state?.custom) this.#states.set(step.urn, state);
    const name = nameOf(step.urn);
    this.current = `${step.op} ${shortType(step.type)} ${name}`;
    this.#atWork.set(step.urn, this.current);
    if (step.new && step.op !== "refresh")
      this.resources.set(step.urn, {
        urn: step.urn,
        type: step.type,
        name,
        inputs: step.new.inputs ?? {},
        ...(step.old?.inputs && { formerInputs: step.old.inputs }),
        ...(step.old?.outputs && { formerOutputs: step.old.outputs }),
        protect: step.new.protect ?? false,
        custom: step.new.custom ?? false,
      });
    // A component is a folder of resources, not a thing in a cloud: what changes is in it.
    if (!(step.new ?? step.old)?.custom) return;
    if (step.op === "same") this.unchanged += 1;
    const operation = OPERATIONS[step.op];
    if (!operation || this.#changes.get(step.urn)?.operation === "replace") return;
    const properties = operation === "update" || operation === "replace" ? propertiesOf(step) : [];
    this.#changes.set(step.urn, { urn: step.urn, type: step.type, name, operation, properties });
  }

  private diagnose({ severity, message, ephemeral, urn }: NonNullable<EngineEvent["diagnosticEvent"]>): void {
    const text = plain(message);
    if (ephemeral || text === "" || severity !== "error") return;
    this.errors.add(text);
    if (urn && !RUN_FAILED.test(text)) this.#refused.set(urn, text);
  }
}

/** What differs, less what no input names: that is the provider's to compute, and follows from the rest. */
function propertiesOf(step: Step): PropertyChange[] {
  const inputs = { ...step.old?.inputs, ...step.new?.inputs };
  const isInput = (path: string) => (path.split(/[.[]/)[0] ?? path) in inputs;
  const detailed = Object.entries(step.detailedDiff ?? {}).filter(([path]) => isInput(path));
  const paths =
    detailed.length > 0
      ? detailed.map(([path, { diffKind }]) => ({ path, replaces: diffKind.endsWith("-replace") }))
      : [...new Set([...(step.diffs ?? []), ...(step.keys ?? [])])].filter(isInput).map((path) => ({
          path,
          replaces: step.keys?.includes(path) ?? false,
        }));
  return paths.sort((one, other) => one.path.localeCompare(other.path));
}

/** The resource's own name: the last part of its URN. */
export function nameOf(urn: string): string {
  return urn.split("::").slice(3).join("::");
}

/** The resource's own type, without those of the components it is in. */
export function typeOf(urn: string): string {
  return urn.split("::")[2]?.split("$").at(-1) ?? "";
}

/** `aws:s3/bucketVersioning:BucketVersioning` as people say it: `aws.s3.BucketVersioning`. */
export function shortType(type: string): string {
  const [provider = "", module = "", name = ""] = type.split(":");
  const group = module.split("/")[0] ?? "";
  return [provider, ...(group === "index" || group === "" ? [] : [group]), name].join(".");
}

/** The engine marks colours as <{%fg 1%}>…<{%reset%}>. */
function plain(message: string): string {
  return message.replace(/<\{%.*?%\}>/g, "").trim();
}

import type { EngineEvent, OpType } from "@pulumi/pulumi/automation";

/** A change, actual or planned, to one resource. */
export interface Change {
  readonly urn: string;
  readonly type: string;
  readonly name: string;
  readonly operation: "create" | "update" | "replace" | "delete" | "import";
  /** Changed properties, sorted. Only for updates and replacements. */
  readonly properties: readonly PropertyChange[];
}

export interface PropertyChange {
  /** Path of the property, for example versioningConfiguration.status. */
  readonly path: string;
  /** Whether this property forces the replacement. */
  readonly replaces: boolean;
}

/** A resource in an engine run. Input of `render` and of the invariants. */
export interface SeenResource {
  readonly urn: string;
  readonly type: string;
  readonly name: string;
  /** Inputs, with secrets as `[secret]` and unknown values as the engine's marker. */
  readonly inputs: Record<string, unknown>;
  /** Inputs in the state. Absent for a new resource. */
  readonly formerInputs?: Record<string, unknown>;
  /** Outputs that the provider last read. Absent for a new resource. */
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

/** Errors that mean that a provider or a cloud became unreachable or took too long. */
export const NO_ANSWER =
  /ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|connection (refused|reset|error)|no such host|no route to host|error reading from server|transport is closing|i\/o timeout|TLS handshake timeout|deadline ?exceeded|Client\.Timeout exceeded|: (unexpected )?EOF\b|unreachable cluster|cluster is unreachable/i;

/** Errors that only report that the whole run failed. They belong to no single resource. */
const RUN_FAILED = /^(update|preview|destroy|refresh) failed$/;

/** A resource with a failed operation, and the error. */
export interface Refusal {
  /** Planned state of the resource, or its state before the operation. */
  readonly state: StepState;
  readonly said: string;
}

/** Collects the events of an engine run into changes, resources and errors. */
export class Recording {
  readonly resources = new Map<string, SeenResource>();
  readonly #changes = new Map<string, Change>();
  /** Distinct errors of the engine. */
  readonly errors = new Set<string>();
  readonly #begun = new Map<string, StepState>();
  readonly #refused = new Map<string, string>();
  readonly #states = new Map<string, StepState>();
  readonly #atWork = new Map<string, string>();
  /** Number of completed resources, and the current one, for the progress line. */
  done = 0;
  current = "";
  unchanged = 0;
  /** Notes for the operator, whether or not the run succeeds. */
  readonly notes: string[] = [];
  /** URNs of resources that were skipped because their cloud does not answer. */
  readonly leftOut: string[] = [];
  /** When the engine last sent an event, in milliseconds since 1970. */
  heard = Date.now();

  /** @param observed called after each event that changes the progress */
  constructor(private readonly observed: () => void = () => {}) {}

  get changes(): Change[] {
    return [...this.#changes.values()].sort((one, other) => one.urn.localeCompare(other.urn));
  }

  /** Descriptions of the operations that have begun but not ended. */
  get atWork(): string[] {
    return [...this.#atWork.values()];
  }

  /** Failed resources with their errors. Undefined if the run also failed for a reason that belongs to no resource. */
  get refusals(): Refusal[] | undefined {
    const said = new Set(this.#refused.values());
    if ([...this.errors].some((text) => !said.has(text) && !RUN_FAILED.test(text))) return undefined;
    return [...this.#refused].flatMap(([urn, text]) => {
      const state = this.#states.get(urn);
      return state ? [{ state, said: text }] : [];
    });
  }

  /** Discards the failures and the changes of the failed resources before the run is repeated. */
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

  /** Resources whose creation began without an answer from the cloud, so that they may or may not exist. */
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
    // A component only groups resources, so it does not count as a change itself.
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

/** Returns the changed properties that are inputs. The provider computes all other properties from the inputs. */
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

/** Returns a resource's name: the last part of its URN. */
export function nameOf(urn: string): string {
  return urn.split("::").slice(3).join("::");
}

/** Returns a resource's type without the types of its parent components. */
export function typeOf(urn: string): string {
  return urn.split("::")[2]?.split("$").at(-1) ?? "";
}

/** Shortens a type token: `aws:s3/bucketVersioning:BucketVersioning` becomes `aws.s3.BucketVersioning`. */
export function shortType(type: string): string {
  const [provider = "", module = "", name = ""] = type.split(":");
  const group = module.split("/")[0] ?? "";
  return [provider, ...(group === "index" || group === "" ? [] : [group]), name].join(".");
}

/** Removes the engine's color codes, such as <{%fg 1%}>…<{%reset%}>. */
function plain(message: string): string {
  return message.replace(/<\{%.*?%\}>/g, "").trim();
}

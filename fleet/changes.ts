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

/** Collects an engine run's events into what changed, what was seen, and what went wrong. */
export class Recording {
  readonly resources = new Map<string, SeenResource>();
  readonly #changes = new Map<string, Change>();
  /** Errors in the engine's words, each once. */
  readonly errors = new Set<string>();
  readonly warnings = new Set<string>();
  /** Resources done, and the one at work, for the progress line. */
  done = 0;
  current = "";
  unchanged = 0;

  /** @param observed called after each event that moves the progress */
  constructor(private readonly observed: () => void = () => {}) {}

  get changes(): Change[] {
    return [...this.#changes.values()].sort((one, other) => one.urn.localeCompare(other.urn));
  }

  readonly onEvent = (event: EngineEvent): void => {
    if (event.diagnosticEvent) this.diagnose(event.diagnosticEvent);
    const begun = event.resourcePreEvent?.metadata;
    if (begun && begun.type !== "pulumi:pulumi:Stack") this.begin(begun);
    if (event.resOutputsEvent || event.resOpFailedEvent) this.done += 1;
    if (begun || event.resOutputsEvent) this.observed();
  };

  private begin(step: NonNullable<EngineEvent["resourcePreEvent"]>["metadata"]): void {
    const name = nameOf(step.urn);
    this.current = `${step.op} ${shortType(step.type)} ${name}`;
    if (step.new && step.op !== "refresh")
      this.resources.set(step.urn, {
        urn: step.urn,
        type: step.type,
        name,
        inputs: step.new.inputs ?? {},
        protect: step.new.protect ?? false,
        custom: step.new.custom ?? false,
      });
    if (step.op === "same") this.unchanged += 1;
    const operation = OPERATIONS[step.op];
    if (!operation || this.#changes.get(step.urn)?.operation === "replace") return;
    const properties = operation === "update" || operation === "replace" ? propertiesOf(step) : [];
    this.#changes.set(step.urn, { urn: step.urn, type: step.type, name, operation, properties });
  }

  private diagnose({ severity, message, ephemeral }: NonNullable<EngineEvent["diagnosticEvent"]>): void {
    const text = plain(message);
    if (ephemeral || text === "") return;
    if (severity === "error") this.errors.add(text);
    if (severity === "warning") this.warnings.add(text);
  }
}

function propertiesOf(step: NonNullable<EngineEvent["resourcePreEvent"]>["metadata"]): PropertyChange[] {
  const detailed = Object.entries(step.detailedDiff ?? {});
  const paths =
    detailed.length > 0
      ? detailed.map(([path, { diffKind }]) => ({ path, replaces: diffKind.endsWith("-replace") }))
      : [...new Set([...(step.diffs ?? []), ...(step.keys ?? [])])].map((path) => ({
          path,
          replaces: step.keys?.includes(path) ?? false,
        }));
  return paths.sort((one, other) => one.path.localeCompare(other.path));
}

/** The resource's own name: the last part of its URN. */
export function nameOf(urn: string): string {
  return urn.split("::").slice(3).join("::");
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

import type { FlowFile } from "../flows/flowFile";
import type { Repository } from "../git/repository";
import type { LangFlow } from "../langflow/client";
import type { RetryBackoff } from "../rounds/retryBackoff";
import type { RecordDatabase, User } from "./database";
import type { DeleteLimit } from "./deletes";
import { type Outcome, outcomeOf, type Trouble } from "./outcome";
import type { Releases } from "./release";
import type { TreeReader } from "./tree";

/** A different commit reached the host first: start over. */
export class Raced extends Error {}

/** A different region became the recorder. */
export class NotRecorder extends Error {}

export type LangFlowApi = Pick<LangFlow, "answers" | "put" | "create" | "patch" | "setLock" | "delete" | "makeProject">;

/** The dependencies of a cycle. */
export interface Parts {
  /** Our name of the region. */
  readonly region: string;
  readonly database: Pick<RecordDatabase, keyof RecordDatabase>;
  readonly repository: Pick<Repository, keyof Repository>;
  readonly reader: TreeReader;
  readonly backoff: RetryBackoff<Trouble>;
  /** Limits per user, and for all users together. */
  readonly deletes: DeleteLimit & { readonly together: DeleteLimit };
  /** Deletes that an operator released. */
  readonly releases: Pick<Releases, "has" | "take">;
  /** Possible secrets in a file, without those that are allowed by name. */
  findSecrets(
    file: Pick<FlowFile, "id" | "value">,
  ): Promise<readonly { readonly field: string; readonly rule: string }[]>;
  /** LangFlow's API, as a user. */
  langflowOf(userId: string): LangFlowApi;
  /** Whether a user is the one whose folder is `default`. */
  isDefault(user: User, users: readonly User[]): boolean;
  /** Whether this agent is the fleet's recorder now. */
  isRecorder(): boolean;
  /**
   * Whether one region records for the whole fleet. While an agent of an earlier release is left, flows reach each other's
   * regions through Git: every region records its own, and brings in what the others recorded.
   */
  isOnlyRecorder(): boolean;
  /** Whether the database has what the other regions have written before: after a start or a restore it is behind. */
  isCaughtUp(): boolean;
  /** Signals that a long cycle is still alive. */
  alive(): void;
}

/** Call before each push and each write to LangFlow. @throws NotRecorder */
export function mustBeRecorder({ isRecorder }: Pick<Parts, "isRecorder">): void {
  if (!isRecorder()) throw new NotRecorder("another region became the recorder");
}

/** The outcome of a cycle, by folder. */
export class Report {
  readonly #outcomes = new Map<string, Outcome>();

  of(workspace: string): Outcome {
    const known = this.#outcomes.get(workspace) ?? outcomeOf(workspace);
    this.#outcomes.set(workspace, known);
    return known;
  }

  get outcomes(): readonly Outcome[] {
    return [...this.#outcomes.values()].sort((one, other) => (one.workspace < other.workspace ? -1 : 1));
  }
}

import type { FlowFile } from "../../formats/flows/flowFile";
import type { Repository } from "../git/repository";
import type { LangFlow } from "../langflow/client";
import type { RetryBackoff } from "../rounds/retryBackoff";
import type { RecordDatabase, User } from "./database";
import type { DeleteLimit } from "./deletes";
import { type Outcome, outcomeOf, type Trouble } from "./outcome";
import type { Releases } from "./release";
import type { TreeReader } from "./tree";

/** Thrown if a different commit reached the host first. The cycle starts over. */
export class Raced extends Error {}

/** Thrown if a different region has become the recorder. */
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
  /** Limits on deletes per user, and on those of all users together. */
  readonly deletes: DeleteLimit & { readonly together: DeleteLimit };
  /** Deletes that an operator released. */
  readonly releases: Pick<Releases, "has" | "take">;
  /** Finds possible secrets in a file, except those that the configuration allows. */
  findSecrets(
    file: Pick<FlowFile, "id" | "value">,
  ): Promise<readonly { readonly field: string; readonly rule: string }[]>;
  /** Returns LangFlow's API on behalf of a user. */
  langflowOf(userId: string): LangFlowApi;
  /** Whether a user's folder is `default`. */
  isDefault(user: User, users: readonly User[]): boolean;
  /** Whether this agent is the fleet's recorder now. */
  isRecorder(): boolean;
  /**
   * Whether one region records for the whole fleet. While any agent is from an earlier release, regions exchange flows
   * through Git: every region records its own flows, and imports what the others recorded.
   */
  isOnlyRecorder(): boolean;
  /**
   * Whether the database has the changes that the other regions published before. After a start or a restore it lacks
   * some.
   */
  isCaughtUp(): boolean;
  /** Signals that the agent is alive during a long cycle. */
  alive(): void;
}

/**
 * Checks that this agent is still the recorder. Call it before each push and each write to LangFlow.
 *
 * @throws NotRecorder
 */
export function mustBeRecorder({ isRecorder }: Pick<Parts, "isRecorder">): void {
  if (!isRecorder()) throw new NotRecorder("another region became the recorder");
}

/** Collects the outcomes of a cycle, by folder. */
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

import type { FlowFile } from "../flows/flowFile";
import type { Repository } from "../git/repository";
import type { Holds } from "../holds";
import type { LangFlow } from "../langflow/client";
import type { RecordDatabase, User } from "./database";
import type { DeleteLimit } from "./deletes";
import { type Outcome, outcomeOf, type Trouble } from "./outcome";
import type { Releases } from "./release";
import type { TreeReader } from "./tree";

/** Another commit reached the host first: look again. */
export class Raced extends Error {}

/** Another region became the recorder. */
export class NotRecorder extends Error {}

export type LangFlowApi = Pick<LangFlow, "answers" | "put" | "create" | "patch" | "setLock" | "delete" | "makeProject">;

/** What the recorder works with. */
export interface Parts {
  /** Our name of the region. */
  readonly region: string;
  readonly database: Pick<RecordDatabase, keyof RecordDatabase>;
  readonly repository: Pick<Repository, keyof Repository>;
  readonly reader: TreeReader;
  readonly holds: Holds<Trouble>;
  /** Of a user's flows, and of all users' together. */
  readonly deletes: DeleteLimit & { readonly together: DeleteLimit };
  /** What a person released. */
  readonly releases: Pick<Releases, "has" | "take">;
  /** What looks like a secret in a file, except for what is allowed by name. */
  findSecrets(
    file: Pick<FlowFile, "id" | "value">,
  ): Promise<readonly { readonly field: string; readonly rule: string }[]>;
  /** LangFlow in the name of a user. */
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
  /** The cycle is alive, however long it takes. */
  alive(): void;
}

/** @throws NotRecorder: asked before each push and each write to LangFlow */
export function mustBeRecorder({ isRecorder }: Pick<Parts, "isRecorder">): void {
  if (!isRecorder()) throw new NotRecorder("another region became the recorder");
}

/** What a cycle did, by folder. */
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

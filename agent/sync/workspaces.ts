import { DEFAULT_FOLDER, USER_FILE, userFileText } from "../flows/userFolder";
import { NOTHING, type Top, type TopFolder, TopFolderReader } from "../git/topFolders";
import type { FlowStore, User } from "../langflow/store";
import type { Log } from "../log";
import { ToldOnce } from "../toldOnce";
import { type Folder, type Folders, foldersOf } from "./folders";
import { Raced, type Region, type Workspace, type Workspaces } from "./region";

export interface UserWorkspacesOptions {
  readonly region: Pick<Region, "name" | "repository" | "holds">;
  readonly store: Pick<FlowStore, "users" | "usersOf">;
  /** The user whose folder is `default`. */
  readonly isDefault: (user: User, users: readonly User[]) => boolean;
  /** LangFlow in the name of a user. */
  readonly langflowOf: (userId: string) => Workspace["langflow"];
  readonly log: Pick<Log, "info" | "warn" | "error">;
}

/** Refusals in a row, with none accepted, after which the host is taken to refuse whatever is pushed. */
const REFUSALS_MAX = 3;

/**
 * A workspace for each user of LangFlow who has flows, here or in Git. Whose a folder is stands in Git before the first flow
 * goes there: of two regions that give the same folder to different users, the slower one looks again.
 */
export class UserWorkspaces implements Workspaces {
  readonly #reader: TopFolderReader;
  readonly #langflow = new Map<string, Workspace["langflow"]>();
  readonly #told = new ToldOnce();

  constructor(private readonly options: UserWorkspacesOptions) {
    this.#reader = new TopFolderReader(options.region.repository);
  }

  async at(head: string | undefined): Promise<{ head: string | undefined; workspaces: readonly Workspace[] }> {
    const users = await this.options.store.users();
    const top = head === undefined ? NOTHING : await this.#reader.read(head);
    const defaultUserId = users.find((user) => this.options.isDefault(user, users))?.id;
    const others = users.filter(({ id }) => id !== defaultUserId);
    const folders = foldersOf(defaultUserId, users, await this.folders(top, others), top.taken);
    const noted = await this.note(head, users, folders.given);
    const ready = users.filter(({ id, isActive }) => {
      const folder = folders.byUser.get(id);
      return isActive && folder !== undefined && (!folders.given.has(id) || noted.users.has(id));
    });
    this.tell(users, folders, defaultUserId);
    const readyIds = new Set(ready.map(({ id }) => id));
    for (const id of this.#langflow.keys()) if (!readyIds.has(id)) this.#langflow.delete(id);
    const workspaces = ready.map(({ id }) => this.workspace(folders.byUser.get(id) ?? "", id));
    return {
      head: noted.head,
      workspaces: workspaces.sort((one, other) => (one.workspace < other.workspace ? -1 : 1)),
    };
  }

  private workspace(workspace: string, userId: string): Workspace {
    const langflow = this.#langflow.get(userId) ?? this.options.langflowOf(userId);
    this.#langflow.set(userId, langflow);
    return { workspace, userId, langflow };
  }

  /**
   * What is in a folder is looked up only where it may be somebody's who has none.
   *
   * @param others users but for the superuser
   */
  private async folders({ folders }: Top, others: readonly User[]): Promise<Folder[]> {
    const named = new Set(folders.map(({ userId }) => userId));
    const isComplete = others.every(({ id }) => named.has(id));
    const found: Folder[] = [];
    for (const folder of folders) {
      const { name, userId, flows } = folder;
      const isOpen = name !== DEFAULT_FOLDER && userId === undefined && flows.length > 0 && !isComplete;
      const flowsOf = isOpen ? await this.flowsOf(folder) : undefined;
      found.push({
        name,
        flows: flows.length,
        ...(userId !== undefined && { userId }),
        ...(flowsOf && { flowsOf }),
      });
    }
    return found.sort((one, other) => (one.name < other.name ? -1 : 1));
  }

  private async flowsOf(folder: TopFolder): Promise<ReadonlyMap<string, number>> {
    const counts = new Map<string, number>();
    const owners = await this.options.store.usersOf(await this.#reader.flowIds(folder));
    for (const userId of owners.values()) counts.set(userId, (counts.get(userId) ?? 0) + 1);
    return counts;
  }

  /**
   * Notes down in Git whose the new folders are. What the host declines is one user's trouble.
   *
   * @returns Git's newest commit by now, and the users whose folders are in it
   */
  private async note(
    head: string | undefined,
    users: readonly User[],
    given: Folders["given"],
  ): Promise<{ head: string | undefined; users: ReadonlySet<string> }> {
    const due = users.filter(({ id }) => {
      const folder = given.get(id);
      return folder !== undefined && !this.options.region.holds.waiting(`folder ${id}`, folder);
    });
    const noted = new Set<string>();
    let refused = 0;
    const push = async (some: readonly User[]): Promise<void> => {
      if (some.length === 0) return;
      const reason = await this.push(head, some, given, (commit) => {
        head = commit;
      });
      if (reason === undefined) for (const { id } of some) noted.add(id);
      else if (some.length === 1 || (noted.size === 0 && refused >= REFUSALS_MAX)) {
        refused += 1;
        for (const user of some) this.hold(user, given.get(user.id) ?? "", reason);
      } else {
        const half = Math.ceil(some.length / 2);
        await push(some.slice(0, half));
        await push(some.slice(half));
      }
    };
    await push(due);
    return { head, users: noted };
  }

  /** @returns why the host declined it */
  private async push(
    head: string | undefined,
    users: readonly User[],
    given: Folders["given"],
    onPushed: (commit: string) => void,
  ): Promise<string | undefined> {
    const { repository, name } = this.options.region;
    const files = new Map<string, string>();
    for (const user of users)
      files.set(`${given.get(user.id)}/${USER_FILE}`, await repository.store(userFileText(user)));
    const whose = users.length === 1 ? `folder ${given.get(users[0]?.id ?? "")}` : `folders of ${users.length} users`;
    const commit = await repository.commit(head, files, `${name}: ${whose}\n`, Date.now());
    const push = await repository.push(commit, head);
    if (push.kind === "raced") throw new Raced("another region pushed first");
    if (push.kind === "declined") return push.reason;
    onPushed(commit);
    return undefined;
  }

  private hold({ id }: User, folder: string, reason: string): void {
    const { region, log } = this.options;
    region.holds.failed(`folder ${id}`, folder, { reason, kind: "flow" });
    if (this.#told.isNews(`folder ${id}`, reason))
      log.warn({ workspace: folder, reason }, "the Git host declined a user's folder: the user's flows wait");
  }

  /** Each of whose flows wait, once. */
  private tell(users: readonly User[], { byUser }: Folders, defaultUserId: string | undefined): void {
    const { log } = this.options;
    const known = new Map(users.map((user) => [user.id, user]));
    for (const [userId, workspace] of byUser) {
      const user = known.get(userId);
      const reason = waitingReason(user);
      if (this.#told.isNews(userId, reason)) log.info({ workspace, userId, reason }, "a workspace waits");
    }
    if (this.#told.isNews("default", defaultUserId === undefined ? "missing" : ""))
      log.warn({}, "the superuser is not in LangFlow's database: what is in the folder default waits");
  }
}

/** Why a user's flows are neither read nor written; empty: they are. */
function waitingReason(user: User | undefined): string {
  if (!user) return "its user is not in this region's database: not there yet, or deleted";
  return user.isActive ? "" : "its user is not active";
}

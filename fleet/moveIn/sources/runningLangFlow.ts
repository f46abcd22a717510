import { isObject, isText, type Json, type JsonObject, parseJson } from "../../../formats/flows/canonicalJson";
import { ExitCode, UserError } from "../../../model/errors";
import { type FlowReader, flowFacts } from "../flowFacts";
import type { Inventory, SourceFlow, SourceUser } from "../inventory";

/** Environment variable of the API key. LangFlow's own clients use the same name. */
const KEY_VARIABLE = "LANGFLOW_API_KEY";
/** Timeout of one request. A flow may be large, and LangFlow may be busy. */
const ANSWER_MS = 60_000;
/** LangFlow's maximum page size. */
const USERS_AT_ONCE = 200;

const UNSEEN = [
  "the flows, variables, keys, files and knowledge bases of other users: with an API key LangFlow shows only the key's user's own",
  "messages, schedules, secrets and the size of the database: pass the database to see them",
];
const UNSEEN_USERS = "other users: the key is not a superuser's";

export interface RunningLangFlow {
  /** http or https URL; may contain a path. */
  readonly url: string;
  /** LangFlow API key. */
  readonly key: string | undefined;
  readonly signal: AbortSignal;
  readonly onFlow?: FlowReader;
}

/**
 * Returns an inventory of what a running LangFlow shows to the user of an API key. Sends only GET requests.
 *
 * @throws UserError (Unauthenticated) if the key is missing or rejected; (Unreachable) if LangFlow does not answer;
 * (BadInput) if the server is not a LangFlow
 */
export async function runningInventory({ url, key, signal, onFlow }: RunningLangFlow): Promise<Inventory> {
  const asked = new Questions(addressIn(url), neededKey(key), signal);
  const version = await asked.object("/api/v1/version");
  const me = userIn(await asked.object("/api/v1/users/whoami"));
  if (!isText(version.version) || me === undefined) throw asked.noLangFlow();
  const all = await asked.users();
  const users = all ?? [me];
  const variables = await asked.list("/api/v1/variables/");
  const names = new Set(variables?.map(({ name }) => name).filter(isText));
  const files = await asked.list("/api/v2/files/");
  return {
    source: { kind: "running LangFlow", place: asked.address },
    version: version.version,
    users,
    flowsOf: [me.id],
    projects: (await asked.list("/api/v1/projects/"))?.length,
    flows: await asked.flows(names, onFlow),
    variables: variables && {
      credential: variables.filter(({ type }) => type === "Credential").length,
      generic: variables.filter(({ type }) => type !== "Credential").length,
    },
    apiKeys: (await asked.list("/api/v1/api_key/", "api_keys"))?.length,
    files: files && { count: files.length, bytes: files.reduce((sum, { size }) => sum + Number(size ?? 0), 0) },
    knowledgeBases: (await asked.list("/api/v1/knowledge_bases/"))?.length,
    unseen: all ? UNSEEN : [UNSEEN_USERS, ...UNSEEN],
  };
}

function neededKey(given: string | undefined): string {
  const key = given?.trim() ?? "";
  // Other characters are not valid in a header.
  if (/^[!-~]+$/.test(key)) return key;
  throw new UserError(
    `${KEY_VARIABLE} ${key === "" ? "is not set" : "is not an API key"}: create a key in the old LangFlow as its superuser (Settings), and export it`,
    ExitCode.Unauthenticated,
  );
}

/**
 * Returns the base URL without a trailing slash. @throws UserError (BadInput) with a message that does not repeat a
 * password
 */
function addressIn(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (
    parsed === undefined ||
    parsed.username !== "" ||
    parsed.password !== "" ||
    parsed.search !== "" ||
    parsed.hash !== ""
  )
    throw new UserError(
      `the URL of --from must be like https://langflow.example.com, without user and password: the key comes from ${KEY_VARIABLE}`,
      ExitCode.BadInput,
    );
  return parsed.href.replace(/\/+$/, "");
}

/** Client for the API of one LangFlow. */
class Questions {
  constructor(
    readonly address: string,
    private readonly key: string,
    private readonly signal: AbortSignal,
  ) {}

  /** @throws UserError if LangFlow does not return the object */
  async object(path: string): Promise<JsonObject> {
    const told = await this.get(path);
    if (told === undefined || !isObject(told.value)) throw this.noLangFlow();
    return told.value;
  }

  /**
   * Returns undefined if the release does not have this list, or the key must not see it. @param under field of the
   * response that contains the list
   */
  async list(path: string, under?: string): Promise<JsonObject[] | undefined> {
    const told = await this.get(path);
    const value = under !== undefined && isObject(told?.value) ? told.value[under] : told?.value;
    return Array.isArray(value) ? value.filter((each) => isObject(each)) : undefined;
  }

  /** Returns undefined if the key is not a superuser's. */
  async users(): Promise<SourceUser[] | undefined> {
    const users: SourceUser[] = [];
    for (;;) {
      const path = `/api/v1/users/?skip=${users.length}&limit=${USERS_AT_ONCE}`;
      const some = (await this.list(path, "users"))?.map(userIn).filter((user) => user !== undefined);
      if (some === undefined) return undefined;
      users.push(...some);
      if (some.length < USERS_AT_ONCE) return users;
    }
  }

  /**
   * Fetches the flows one by one, because a response with all flows could exceed the timeout. @param variables names of
   * the user's own variables
   */
  async flows(variables: ReadonlySet<string>, onFlow?: FlowReader): Promise<SourceFlow[]> {
    const listed = await this.list("/api/v1/flows/?get_all=true&header_flows=true&remove_example_flows=true");
    if (listed === undefined) throw this.noLangFlow();
    const flows: SourceFlow[] = [];
    for (const { id } of listed) {
      const told = isText(id) ? await this.get(`/api/v1/flows/${encodeURIComponent(id)}`) : undefined;
      // The flow was deleted in the meantime.
      if (told === undefined || !isObject(told.value)) continue;
      const { name, user_id: owner } = told.value;
      flows.push(
        await flowFacts(
          {
            id: String(id),
            name: String(name),
            ...(isText(owner) && { owner }),
            bytes: told.bytes,
            value: told.value,
            variables,
          },
          onFlow,
        ),
      );
    }
    return flows;
  }

  noLangFlow(): UserError {
    return new UserError(
      `the server at ${this.address} is not LangFlow: pass the URL of LangFlow's start page, without a path`,
      ExitCode.BadInput,
    );
  }

  /** Returns undefined if the resource does not exist or the user must not see it. */
  private async get(path: string): Promise<{ value: Json; bytes: number } | undefined> {
    const { status, text } = await this.answer(path);
    if (status === 401 || (status === 403 && path.endsWith("/whoami")))
      throw new UserError(
        `${this.address} rejected the API key in ${KEY_VARIABLE} (${status}): use an active, unexpired key of that LangFlow`,
        ExitCode.Unauthenticated,
      );
    if (status === 403 || status === 404) return undefined;
    if (status >= 500) throw this.silent(`answered ${path} with ${status}`);
    // Does not follow redirects, so that the key is never sent to a different server.
    if (status !== 200) throw this.noLangFlow();
    try {
      return { value: parseJson(text), bytes: Buffer.byteLength(text) };
    } catch {
      throw this.noLangFlow();
    }
  }

  private async answer(path: string): Promise<{ status: number; text: string }> {
    if (this.signal.aborted) throw new UserError("interrupted; nothing was changed", ExitCode.Cancelled);
    try {
      const response = await fetch(this.address + path, {
        headers: { "x-api-key": this.key, accept: "application/json" },
        redirect: "manual",
        signal: AbortSignal.timeout(ANSWER_MS),
      });
      return { status: response.status, text: await response.text() };
    } catch (error) {
      const { message, cause } = error as Error & { cause?: { code?: string } };
      throw this.silent(`does not answer ${path} (${cause?.code ?? message})`);
    }
  }

  private silent(what: string): UserError {
    return new UserError(
      `${this.address} ${what}: check that it is running and reachable from this machine`,
      ExitCode.Unreachable,
    );
  }
}

/** Returns undefined if the object is not a user. */
function userIn({ id, username, is_active: isActive, is_superuser: isSuperuser }: JsonObject): SourceUser | undefined {
  if (!isText(id) || !isText(username)) return undefined;
  return { id, name: username, isActive: isActive !== false, isSuperuser: isSuperuser === true };
}

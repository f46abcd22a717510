import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import {
  canonicalJson,
  isObject,
  isText,
  type Json,
  type JsonObject,
  parseJson,
} from "../../formats/flows/canonicalJson";
import { ExitCode, UserError } from "../../model/errors";
import { freePort } from "../../sandbox/live/ports";
import { BoundProcess, type Launch, tailOf } from "../../sandbox/live/process/boundProcess";
import { Deadline } from "../terminal/deadline";

/** Folder of `sitecustomize.py`, which blocks Python's calls to other machines. */
const GUARD = join(__dirname, "python");
const STARTED_WITHIN_MS = 180_000;
const LOOK_MS = 200;
const GRACE_MS = 5_000;
const ANSWER_MS = 60_000;
const SAID_MAX = 200;
/** LangFlow closes idle connections after a few seconds, so a kept-alive connection may close just as it is reused. */
export const KEPT_BY_NONE = { connection: "close" };
/**
 * Makes libpq, and psycopg before it resolves a name, connect to this machine regardless of the host in the URL
 * (PostgreSQL manual, 34.15).
 */
const OWN_MACHINE_ALONE = { PGHOSTADDR: "127.0.0.1" };
/** Drivers that are allowed if LangFlow itself uses PostgreSQL. */
const POSTGRESQL_DRIVERS = "psycopg,psycopg2,psycopg_c,psycopg_binary";

/** Credentials for a rehearsed LangFlow. */
export interface Account {
  readonly user: string;
  readonly password: string;
}

/** Settings of a rehearsed LangFlow that uses an existing database. */
export interface RehearsedSettings {
  /** `postgresql://…` on this machine. Default: a new SQLite file. */
  readonly databaseUrl?: string;
  /** LANGFLOW_SECRET_KEY. Default: a new random key. */
  readonly secretKey?: string;
  /** Superuser. LangFlow creates the account if the database has none of this name. Default: a new account. */
  readonly account?: Account;
}

/** Returns an account with a random password. @param user a name that LangFlow's own components do not use */
export const madeAccount = (user = "rehearsal"): Account => ({
  user,
  password: randomBytes(24).toString("base64url"),
});

/** Response of LangFlow with any status. */
export interface Answer {
  /** 0 if no response arrived in time. */
  readonly status: number;
  /** Parsed JSON, or the text if it is not JSON. */
  readonly body: Json;
}

/**
 * A temporary LangFlow for a rehearsal, with an empty database and a new user by default. It cannot call other
 * machines, and it ends no later than this process.
 */
export class RehearsedLangFlow {
  /** If false, LangFlow is not restarted after it ends. */
  startsAgain = true;

  private constructor(
    private process: BoundProcess,
    private readonly launch: Launch,
    private readonly url: string,
    private readonly calls: string,
    private readonly account: Account,
    /** Authentication headers of the user: a session token and an API key. */
    readonly headers: Readonly<Record<string, string>>,
    private readonly signal: AbortSignal,
  ) {}

  /**
   * @param pythonBin `bin` folder of a Python environment with LangFlow
   * @param folder new folder for this LangFlow; must not exist
   * @throws UserError (ResourceFailed) if LangFlow does not start, (Cancelled)
   */
  static async start(
    pythonBin: string,
    folder: string,
    signal: AbortSignal,
    settings: RehearsedSettings = {},
  ): Promise<RehearsedLangFlow> {
    mkdirSync(folder, { mode: 0o700 });
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const log = join(folder, "log");
    const calls = join(folder, "calls");
    const account = settings.account ?? madeAccount();
    const launch = {
      command: [
        join(pythonBin, "python"),
        ...`-m langflow run --host 127.0.0.1 --port ${port} --backend-only`.split(" "),
      ],
      environment: { ...langflowEnvironment(folder, { ...settings, account }), REHEARSAL_CALLS: calls },
      directory: folder,
      log,
    };
    const launched = await started(launch, url, signal);
    try {
      return new RehearsedLangFlow(launched, launch, url, calls, account, await signedIn(url, account), signal);
    } catch (error) {
      await launched.terminate(0);
      throw error;
    }
  }

  /** Whether LangFlow has ended and will not be restarted. */
  get hasEnded(): boolean {
    return this.process.pid === undefined && !this.startsAgain;
  }

  async end(): Promise<void> {
    await this.process.terminate(GRACE_MS);
  }

  /**
   * Sends a request. If the request ends LangFlow itself, restarts it.
   *
   * @param headers authentication headers; by default those of this LangFlow's user
   * @throws UserError (Cancelled), (ResourceFailed) if LangFlow does not restart
   */
  async ask(method: string, path: string, body?: JsonObject, headers = this.headers): Promise<Answer> {
    const deadline = new Deadline(this.signal, ANSWER_MS);
    try {
      const response = await fetch(this.url + path, {
        method,
        headers: { ...headers, ...KEPT_BY_NONE, "content-type": "application/json" },
        signal: deadline.signal,
        ...(body !== undefined && { body: canonicalJson(body, 0) }),
      });
      return { status: response.status, body: jsonOr(await response.text()) };
    } catch {
      if (this.signal.aborted) throw interrupted();
      if (this.process.pid !== undefined) return { status: 0, body: `no answer within ${ANSWER_MS / 1000} s` };
      if (this.startsAgain) this.process = await started(this.launch, this.url, this.signal);
      return { status: 0, body: "LangFlow exited during the request" };
    } finally {
      deadline.close();
    }
  }

  /** Returns why the user cannot sign in again, or undefined if the sign-in succeeds. */
  async signInRefusal(): Promise<string | undefined> {
    const deadline = new Deadline(this.signal, ANSWER_MS);
    try {
      const { status } = await signIn(this.url, this.account, deadline.signal);
      return status === 200 ? undefined : `status ${status}`;
    } catch (error) {
      if (this.signal.aborted) throw interrupted();
      return (error as Error).message;
    } finally {
      deadline.close();
    }
  }

  /** Returns the release that LangFlow reports. */
  async version(): Promise<string> {
    const { version } = asObject((await this.ask("GET", "/api/v1/version")).body);
    return isText(version) ? version : "of an unknown release";
  }

  /** Returns the blocked calls to other machines that LangFlow's processes attempted during `work`. */
  async callsDuring<T>(work: () => Promise<T>): Promise<{ readonly result: T; readonly calls: readonly string[] }> {
    const before = this.called().length;
    const result = await work();
    return { result, calls: [...new Set(this.called().slice(before))] };
  }

  private called(): string[] {
    if (!existsSync(this.calls)) return [];
    const lines = readFileSync(this.calls, "utf8").split("\n");
    return lines.filter((line) => line !== "").map((line) => String(jsonOr(line)));
  }
}

/**
 * Returns the environment of every Python process in a rehearsal. Of the caller's variables it contains only PATH, and
 * it prevents calls to other machines.
 */
export function guardedEnvironment(folder: string): Record<string, string> {
  return {
    PATH: process.env.PATH ?? "",
    HOME: folder,
    TMPDIR: folder,
    PYTHONPATH: GUARD,
    PYTHONDONTWRITEBYTECODE: "1",
    // gRPC connects outside of Python, but respects this proxy setting. Nothing listens on this port.
    grpc_proxy: "http://127.0.0.1:9",
    // Without this, LiteLLM would try to download its price list and retry for a while.
    LITELLM_LOCAL_MODEL_COST_MAP: "True",
    DO_NOT_TRACK: "true",
  };
}

/** Returns the environment of a rehearsed LangFlow and its migrations. */
export function langflowEnvironment(
  folder: string,
  { databaseUrl, secretKey, account }: RehearsedSettings & { readonly account: Account },
): Record<string, string> {
  const ownDatabase = `sqlite:///${join(folder, "langflow.db")}`;
  return {
    ...guardedEnvironment(folder),
    ...(databaseUrl !== undefined && { ...OWN_MACHINE_ALONE, REHEARSAL_DRIVERS: POSTGRESQL_DRIVERS }),
    LANGFLOW_CONFIG_DIR: join(folder, "config"),
    LANGFLOW_DATABASE_URL: databaseUrl ?? ownDatabase,
    LANGFLOW_AUTO_LOGIN: "false",
    LANGFLOW_SUPERUSER: account.user,
    LANGFLOW_SUPERUSER_PASSWORD: account.password,
    LANGFLOW_SECRET_KEY: secretKey ?? randomBytes(32).toString("base64url"),
    LANGFLOW_CREATE_STARTER_PROJECTS: "false",
    LANGFLOW_DEACTIVATE_TRACING: "true",
    // A fleet's database contains schedules, which must run only in the fleet.
    LANGFLOW_TRIGGER_DISPATCHER_ENABLED: "false",
    LANGFLOW_LOG_LEVEL: "error",
  };
}

async function started(launch: Launch, url: string, signal: AbortSignal): Promise<BoundProcess> {
  const launched = BoundProcess.start(launch);
  const until = Date.now() + STARTED_WITHIN_MS;
  while (Date.now() < until && launched.pid !== undefined && !signal.aborted) {
    const isUp = await fetch(`${url}/health_check`, { headers: KEPT_BY_NONE }).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isUp) return launched;
    await sleep(LOOK_MS);
  }
  await launched.terminate(0);
  if (signal.aborted) throw interrupted();
  throw new UserError(
    `the rehearsal's LangFlow did not start: ${tailOf(launch.log).trim().split("\n").at(-1)?.slice(0, SAID_MAX)}`,
    ExitCode.ResourceFailed,
  );
}

function signIn(url: string, { user: username, password }: Account, signal?: AbortSignal): Promise<Response> {
  const body = new URLSearchParams({ username, password });
  return fetch(`${url}/api/v1/login`, { method: "POST", body, headers: KEPT_BY_NONE, ...(signal && { signal }) });
}

/** Returns the user's headers: a session token, and the API key that runs require. */
async function signedIn(url: string, account: Account): Promise<Record<string, string>> {
  const login = (await (await signIn(url, account)).json()) as JsonObject;
  const authorization = `Bearer ${login.access_token}`;
  const made = await fetch(`${url}/api/v1/api_key/`, {
    method: "POST",
    headers: { ...KEPT_BY_NONE, authorization, "content-type": "application/json" },
    body: JSON.stringify({ name: account.user }),
  });
  const { api_key: key } = (await made.json()) as JsonObject;
  if (!isText(key)) throw new Error("the rehearsal's LangFlow returned no API key");
  return { authorization, "x-api-key": key };
}

export const interrupted = (): UserError =>
  new UserError("interrupted; nothing was changed, and the rehearsal's data was deleted", ExitCode.Cancelled);

/** Parses a text as JSON, or returns the text itself. */
export function jsonOr(text: string): Json {
  try {
    return parseJson(text);
  } catch {
    return text;
  }
}

export const asObject = (value: Json): JsonObject => (isObject(value) ? value : {});

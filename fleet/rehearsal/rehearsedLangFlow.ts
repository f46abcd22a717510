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
} from "../../agent/flows/canonicalJson";
import { ExitCode, UserError } from "../../model/errors";
import { freePort } from "../../sandbox/live/ports";
import { BoundProcess, type Launch, tailOf } from "../../sandbox/live/process/boundProcess";
import { Deadline } from "../terminal/deadline";

/** Where `sitecustomize.py` is, by which Python keeps to its own machine. */
const GUARD = join(__dirname, "python");
const STARTED_WITHIN_MS = 180_000;
const LOOK_MS = 200;
const GRACE_MS = 5_000;
const ANSWER_MS = 60_000;
const SAID_MAX = 200;
/** LangFlow closes an idle connection after some seconds: one that is kept may close as it is used again. */
export const KEPT_BY_NONE = { connection: "close" };
/** Of libpq, and of psycopg before it looks a name up: whatever host a connection names, this one is called (PostgreSQL manual, 34.15). */
const OWN_MACHINE_ALONE = { PGHOSTADDR: "127.0.0.1" };
/** Drivers that are let in where LangFlow itself has a PostgreSQL. */
const POSTGRESQL_DRIVERS = "psycopg,psycopg2,psycopg_c,psycopg_binary";

/** Who signs in to a LangFlow of a rehearsal's. */
export interface Account {
  readonly user: string;
  readonly password: string;
}

/** What a LangFlow of a rehearsal's is told, where it is to be no empty one. */
export interface RehearsedSettings {
  /** `postgresql://…` on this machine. Default: an empty SQLite file of its own. */
  readonly databaseUrl?: string;
  /** LANGFLOW_SECRET_KEY. Default: one that nothing else has. */
  readonly secretKey?: string;
  /** Its superuser, who is made where the database has none of that name. Default: one of its own. */
  readonly account?: Account;
}

/** An account that nothing else has. @param user a name that LangFlow's own components do not know */
export const madeAccount = (user = "rehearsal"): Account => ({
  user,
  password: randomBytes(24).toString("base64url"),
});

/** An answer of LangFlow's, whatever its status. */
export interface Answer {
  /** 0: none came in time. */
  readonly status: number;
  /** JSON where it is, else a text. */
  readonly body: Json;
}

/**
 * A LangFlow of a rehearsal's own: an empty database, a user of its own, and nothing outside of this machine that it could call.
 * It ends with this process at the latest.
 */
export class RehearsedLangFlow {
  /** False: where it ends, it stays so. */
  startsAgain = true;

  private constructor(
    private process: BoundProcess,
    private readonly launch: Launch,
    private readonly url: string,
    private readonly calls: string,
    private readonly account: Account,
    /** By which its user is known: a session, and a key. */
    readonly headers: Readonly<Record<string, string>>,
    private readonly signal: AbortSignal,
  ) {}

  /**
   * @param pythonBin folder of a Python with the LangFlow
   * @param folder of its own, which is not there yet
   * @throws UserError (ResourceFailed) where it does not start, (Cancelled)
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

  /** And it stays so. */
  get hasEnded(): boolean {
    return this.process.pid === undefined && !this.startsAgain;
  }

  async end(): Promise<void> {
    await this.process.terminate(GRACE_MS);
  }

  /**
   * Where a flow ends LangFlow itself, it is started again.
   *
   * @param headers whose question it is; its own user's unless told otherwise
   * @throws UserError (Cancelled), (ResourceFailed) where it does not start
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
      return { status: 0, body: "LangFlow ended while it was asked" };
    } finally {
      deadline.close();
    }
  }

  /** Why its user cannot sign in anew; undefined: it is let in. */
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

  /** Its release in its own words. */
  async version(): Promise<string> {
    const { version } = asObject((await this.ask("GET", "/api/v1/version")).body);
    return isText(version) ? version : "of a release that it does not tell";
  }

  /** What its processes tried to call outside of this machine while something was done. */
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

/** Of every Python of a rehearsal: nothing of the caller's own but where programs are, and nobody to call. */
export function guardedEnvironment(folder: string): Record<string, string> {
  return {
    PATH: process.env.PATH ?? "",
    HOME: folder,
    TMPDIR: folder,
    PYTHONPATH: GUARD,
    PYTHONDONTWRITEBYTECODE: "1",
    // gRPC connects outside of Python, and heeds this: nothing listens on that port.
    grpc_proxy: "http://127.0.0.1:9",
    // LiteLLM would fetch its list of prices, and try again for a while.
    LITELLM_LOCAL_MODEL_COST_MAP: "True",
    DO_NOT_TRACK: "true",
  };
}

/** Of a LangFlow of a rehearsal's, and of its migrations. */
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
    // A database that was a fleet's has schedules, which are to fire in the fleet alone.
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
    `a LangFlow of the rehearsal did not start: ${tailOf(launch.log).trim().split("\n").at(-1)?.slice(0, SAID_MAX)}`,
    ExitCode.ResourceFailed,
  );
}

function signIn(url: string, { user: username, password }: Account, signal?: AbortSignal): Promise<Response> {
  const body = new URLSearchParams({ username, password });
  return fetch(`${url}/api/v1/login`, { method: "POST", body, headers: KEPT_BY_NONE, ...(signal && { signal }) });
}

/** Headers of its user: a session, and a key, which runs ask for. */
async function signedIn(url: string, account: Account): Promise<Record<string, string>> {
  const login = (await (await signIn(url, account)).json()) as JsonObject;
  const authorization = `Bearer ${login.access_token}`;
  const made = await fetch(`${url}/api/v1/api_key/`, {
    method: "POST",
    headers: { ...KEPT_BY_NONE, authorization, "content-type": "application/json" },
    body: JSON.stringify({ name: account.user }),
  });
  const { api_key: key } = (await made.json()) as JsonObject;
  if (!isText(key)) throw new Error("a LangFlow of the rehearsal gave no key to its user");
  return { authorization, "x-api-key": key };
}

export const interrupted = (): UserError =>
  new UserError("interrupted; nothing was changed, and nothing of the rehearsal is left", ExitCode.Cancelled);

/** What a text says as JSON, or itself. */
export function jsonOr(text: string): Json {
  try {
    return parseJson(text);
  } catch {
    return text;
  }
}

export const asObject = (value: Json): JsonObject => (isObject(value) ? value : {});

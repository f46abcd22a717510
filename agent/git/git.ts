import { withoutCredentials } from "../process/log";
import { ProgramFailed, type ProgramInput, type ProgramOptions, programOutput } from "../process/program";

/** The Git host does not answer, or turns us away. */
export class GitUnreachable extends Error {}

/** What the author's name of each agent's commits starts with; the region follows. */
export const AGENT_AUTHOR = "langflow-dr ";

/**
 * Of a git program. At most: a host's hook may think for minutes and says nothing meanwhile, and where data moves, its
 * progress is told every second.
 */
const SILENCE_MS = 10 * 60_000;

export interface GitOptions {
  /** Where the clone is kept: a cache, which may be lost. */
  readonly directory: string;
  /** https URL, or a path. */
  readonly url: string;
  /** Who commits: our name of the region. */
  readonly region: string;
  /** Token of the Git host, sent as a password over HTTPS. */
  readonly token?: string;
  /** Ends what is under way, and all that comes after. */
  readonly signal?: AbortSignal;
  /** Milliseconds without a word from a git program before it is given up; ten minutes by default. */
  readonly silenceMs?: number;
  /** Called with the newest line of what git says while it fetches or pushes. */
  readonly onProgress?: (line: string) => void;
}

interface GitRun {
  readonly input?: ProgramInput;
  /** Beside what every git program gets. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly limitMs?: number;
}

/** How a git program ended, well or not. */
interface GitEnd {
  readonly stdout: string;
  readonly stderr: string;
  /** Undefined: it exited with 0, and stdout is all it had to say. */
  readonly failure?: Error;
}

/** The git program with nothing of the machine's or a user's configuration. */
export class Git {
  readonly #environment: Readonly<Record<string, string>>;
  readonly #secrets: readonly string[];

  constructor(private readonly options: GitOptions) {
    const { directory, region, token, url } = options;
    const basic = token && Buffer.from(`agent:${token}`).toString("base64");
    this.#secrets = token && basic ? [token, basic] : [];
    const settings = {
      "core.hooksPath": "/dev/null",
      // Repository decides when, and waits for it: no other git program then meets its locks.
      "maintenance.auto": "false",
      "gc.autoDetach": "false",
      // What came with the first fetch is packed well: packing it anew would cost a region's machine minutes.
      "gc.bigPackThreshold": "64m",
      "pack.threads": "1",
      // What is larger is compressed by itself, in pieces: to look for likenesses takes several times its size.
      "core.bigFileThreshold": "4m",
      "pack.windowMemory": "32m",
      "safe.directory": "*",
      // By the environment, not by the command line, which every user of a machine can read.
      "http.followRedirects": "false",
      ...(basic && { [`http.${url}.extraHeader`]: `Authorization: Basic ${basic}` }),
    };
    const name = `${AGENT_AUTHOR}${region}`;
    const email = `${region}@langflow-dr.invalid`;
    this.#environment = {
      PATH: process.env.PATH ?? "",
      HOME: directory,
      LC_ALL: "C",
      GIT_DIR: directory,
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_TERMINAL_PROMPT: "0",
      // A folder's name is never a pattern.
      GIT_LITERAL_PATHSPECS: "1",
      GIT_AUTHOR_NAME: name,
      GIT_AUTHOR_EMAIL: email,
      GIT_COMMITTER_NAME: name,
      GIT_COMMITTER_EMAIL: email,
      GIT_CONFIG_COUNT: `${Object.keys(settings).length}`,
      ...Object.fromEntries(
        Object.entries(settings).flatMap(([key, value], position) => [
          [`GIT_CONFIG_KEY_${position}`, key],
          [`GIT_CONFIG_VALUE_${position}`, value],
        ]),
      ),
    };
  }

  /** What one prints, as it comes. It counts only when this has ended without an error. */
  output(args: readonly string[], { input, environment, limitMs }: GitRun = {}): AsyncGenerator<Uint8Array> {
    const { signal, onProgress, silenceMs = SILENCE_MS } = this.options;
    const isTold = onProgress && args.includes("--progress");
    const options: ProgramOptions = {
      signal,
      limitMs,
      silenceMs,
      ...(isTold && { onProgress: (line) => onProgress(this.withoutSecrets(line)) }),
    };
    return programOutput("git", args, { ...this.#environment, ...environment }, { ...options, input });
  }

  /** Runs one to its end, whatever that is; only the signal's is an error. */
  async attempt(args: readonly string[], run: GitRun = {}): Promise<GitEnd> {
    const chunks: Uint8Array[] = [];
    const stdout = (): string => Buffer.concat(chunks).toString("utf8");
    try {
      for await (const chunk of this.output(args, run)) chunks.push(chunk);
      return { stdout: stdout(), stderr: "" };
    } catch (error) {
      const failure = error as Error;
      if (this.options.signal?.aborted) throw failure;
      return { stdout: stdout(), stderr: failure instanceof ProgramFailed ? failure.stderr : failure.message, failure };
    }
  }

  /** @throws ProgramFailed unless it exits with 0 */
  async run(args: readonly string[], run: GitRun = {}): Promise<string> {
    const { stdout, failure } = await this.attempt(args, run);
    if (failure) throw failure;
    return stdout;
  }

  /** Whether it exits with 0; where not, it must be with 1. */
  async says(args: readonly string[]): Promise<boolean> {
    const { failure } = await this.attempt(args);
    if (failure && !(failure instanceof ProgramFailed && failure.end === 1)) throw failure;
    return failure === undefined;
  }

  /** @throws GitUnreachable unless it exits with 0 */
  async remote(args: readonly string[], run: GitRun = {}): Promise<string> {
    const end = await this.attempt(args, run);
    if (end.failure) throw this.unreachable(args, end);
    return end.stdout;
  }

  unreachable([command]: readonly string[], { stderr }: GitEnd): GitUnreachable {
    return new GitUnreachable(`git ${command}: ${this.withoutSecrets(stderr.trim().slice(-2_000))}`);
  }

  withoutSecrets(text: string): string {
    return this.#secrets.reduce((rest, secret) => rest.replaceAll(secret, "[credentials]"), withoutCredentials(text));
  }
}

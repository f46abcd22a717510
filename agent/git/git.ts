import { withoutCredentials } from "../process/log";
import { ProgramFailed, type ProgramInput, type ProgramOptions, programOutput } from "../process/program";

/** The Git host does not respond, or rejects the request. */
export class GitUnreachable extends Error {}

/** Prefix of the author's name in the agents' commits. The region follows. */
export const AGENT_AUTHOR = "langflow-dr ";

/**
 * Default for the maximum time without output from git. A host's hook may run silently for minutes; during a transfer,
 * git reports progress every second.
 */
const SILENCE_MS = 10 * 60_000;

export interface GitOptions {
  /** Directory of the clone, which is a cache and may be lost. */
  readonly directory: string;
  /** https URL, or a path. */
  readonly url: string;
  /** Our name of the region, for the author and committer of commits. */
  readonly region: string;
  /** Token of the Git host, sent as a password over HTTPS. */
  readonly token?: string;
  /** Aborts running git programs and prevents new ones. */
  readonly signal?: AbortSignal;
  /** Maximum time without output from git, in milliseconds. Default: ten minutes. */
  readonly silenceMs?: number;
  /** Called with the newest line of git's progress during a fetch or push. */
  readonly onProgress?: (line: string) => void;
}

interface GitRun {
  readonly input?: ProgramInput;
  /** Additional environment variables. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly limitMs?: number;
}

/** Result of a git program, successful or not. */
interface GitEnd {
  readonly stdout: string;
  readonly stderr: string;
  /** Undefined if git exited with 0; then `stderr` is empty. */
  readonly failure?: Error;
}

/** Runs the git program, isolated from the configuration of the machine and its users. */
export class Git {
  readonly #environment: Readonly<Record<string, string>>;
  readonly #secrets: readonly string[];

  constructor(private readonly options: GitOptions) {
    const { directory, region, token, url } = options;
    const basic = token && Buffer.from(`agent:${token}`).toString("base64");
    this.#secrets = token && basic ? [token, basic] : [];
    const settings = {
      "core.hooksPath": "/dev/null",
      // Repository runs maintenance itself and waits for it, so that no other git program meets its locks.
      "maintenance.auto": "false",
      "gc.autoDetach": "false",
      // The first fetch's pack is already well compressed. Repacking it would take a region's machine minutes.
      "gc.bigPackThreshold": "64m",
      "pack.threads": "1",
      // Compress larger files in pieces and without deltas: a search for deltas takes several times a file's size in
      // memory.
      "core.bigFileThreshold": "4m",
      "pack.windowMemory": "32m",
      "safe.directory": "*",
      // Pass settings in the environment, because every user of the machine can read the command line.
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
      // Never interpret a folder's name as a pattern.
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

  /** Yields the output of git as it arrives. The output is valid only if the generator ends without an error. */
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

  /** Runs git to its end and returns the result. Throws only if the signal has aborted. */
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

  /** @throws ProgramFailed unless git exits with 0 */
  async run(args: readonly string[], run: GitRun = {}): Promise<string> {
    const { stdout, failure } = await this.attempt(args, run);
    if (failure) throw failure;
    return stdout;
  }

  /** Returns true if git exits with 0 and false if it exits with 1. Throws otherwise. */
  async says(args: readonly string[]): Promise<boolean> {
    const { failure } = await this.attempt(args);
    if (failure && !(failure instanceof ProgramFailed && failure.end === 1)) throw failure;
    return failure === undefined;
  }

  /** @throws GitUnreachable unless git exits with 0 */
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

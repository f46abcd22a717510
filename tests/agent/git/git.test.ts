import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Git, type GitOptions, GitUnreachable } from "../../../agent/git/git";

jest.setTimeout(30_000);

const TOKEN = "s3cret-token";
const BASIC = Buffer.from(`agent:${TOKEN}`).toString("base64");

describe("a git process of the agent", () => {
  const folder = mkdtempSync(join(tmpdir(), "git-program-"));
  const path = process.env.PATH;
  afterEach(() => {
    process.env.PATH = path;
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  /** Creates a Git whose program is a script. */
  function git(script: string, options: Partial<GitOptions> = {}): Git {
    writeFileSync(join(folder, "git"), `#!/bin/sh\n${script}\n`);
    chmodSync(join(folder, "git"), 0o755);
    process.env.PATH = `${folder}:${path}`;
    return new Git({ directory: "/clone", url: "https://git.example/flows.git", region: "us-east", ...options });
  }
  const environment = async (options: Partial<GitOptions> = {}, more: Record<string, string> = {}) => {
    const printed = await git("env", options).run([], { environment: more });
    const all = Object.fromEntries(
      printed
        .trim()
        .split("\n")
        .map((line) => /^([^=]+)=(.*)$/.exec(line)?.slice(1) as [string, string]),
    );
    // The shell sets these variables itself.
    for (const name of ["PWD", "_", "SHLVL", "OLDPWD"]) delete all[name];
    return all;
  };
  const settings = (all: Record<string, string>) =>
    Object.fromEntries(
      Array.from({ length: Number(all.GIT_CONFIG_COUNT) }, (_, at) => [
        all[`GIT_CONFIG_KEY_${at}`],
        all[`GIT_CONFIG_VALUE_${at}`],
      ]),
    );

  it("gets only what it needs: no settings of the machine or a user, and no secret of the agent", async () => {
    process.env.AGENT_GIT_TOKEN = TOKEN;
    const all = await environment();
    delete process.env.AGENT_GIT_TOKEN;
    expect(Object.fromEntries(Object.entries(all).filter(([name]) => !/^GIT_CONFIG_(KEY|VALUE)_/.test(name)))).toEqual({
      PATH: `${folder}:${path}`,
      HOME: "/clone",
      LC_ALL: "C",
      GIT_DIR: "/clone",
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_CONFIG_COUNT: "9",
      GIT_TERMINAL_PROMPT: "0",
      GIT_LITERAL_PATHSPECS: "1",
      GIT_AUTHOR_NAME: "langflow-dr us-east",
      GIT_AUTHOR_EMAIL: "us-east@langflow-dr.invalid",
      GIT_COMMITTER_NAME: "langflow-dr us-east",
      GIT_COMMITTER_EMAIL: "us-east@langflow-dr.invalid",
    });
    expect(settings(all)).toEqual({
      "core.hooksPath": "/dev/null",
      "maintenance.auto": "false",
      "gc.autoDetach": "false",
      "gc.bigPackThreshold": "64m",
      "pack.threads": "1",
      "core.bigFileThreshold": "4m",
      "pack.windowMemory": "32m",
      "safe.directory": "*",
      "http.followRedirects": "false",
    });
  });

  it("gets the token only for its own host", async () => {
    expect(settings(await environment({ token: TOKEN }))).toMatchObject({
      "http.https://git.example/flows.git.extraHeader": `Authorization: Basic ${BASIC}`,
    });
  });

  it("gets the environment variables that are given for one call", async () => {
    expect(await environment({}, { GIT_INDEX_FILE: "index-1", LC_ALL: "en" })).toMatchObject({
      GIT_INDEX_FILE: "index-1",
      LC_ALL: "en",
      GIT_DIR: "/clone",
    });
  });

  it("gets the given arguments and input, and its output is returned", async () => {
    const echo = git('printf "%s|" "$@"; cat');
    expect(await echo.run(["a", "b c"], { input: "given" })).toBe("a|b c|given");
    expect(await echo.attempt(["ä"])).toEqual({ stdout: "ä|", stderr: "" });
    expect(await echo.remote(["c"])).toBe("c|");
  });

  it("reports a failure together with the output before the failure", async () => {
    const failing = git("echo out; echo err >&2; exit 3");
    expect(await failing.attempt([])).toEqual({ stdout: "out\n", stderr: "err\n", failure: expect.any(Error) });
    await expect(failing.run(["x"])).rejects.toThrow("git ended with 3: err");
    await expect(failing.remote(["fetch", "x"])).rejects.toThrow(new GitUnreachable("git fetch: err"));
  });

  it("reports why it cannot be started", async () => {
    const missing = git("");
    rmSync(join(folder, "git"));
    process.env.PATH = folder;
    const away = new Git({ directory: "/", url: "", region: "r" });
    expect(await away.attempt([])).toMatchObject({ stderr: "git is not on PATH" });
    expect(missing).toBeInstanceOf(Git);
  });

  it("answers a yes-or-no query by exit code 0 or 1; every other end is an error", async () => {
    expect([await git("exit 0").says([]), await git("exit 1").says([])]).toEqual([true, false]);
    await expect(git("exit 2").says([])).rejects.toThrow("git ended with 2");
    await expect(git("kill -9 $$").says([])).rejects.toThrow("git ended with SIGKILL");
  });

  it("reports the end of its error output, without credentials", async () => {
    const said = `echo '  ${"x".repeat(2_500)} https://me:pw@git.example ${TOKEN} ${BASIC} ${TOKEN}  ' >&2; exit 1`;
    const error = await git(said, { token: TOKEN })
      .remote(["push"])
      .catch((failure: Error) => failure);
    expect(error).toBeInstanceOf(GitUnreachable);
    const { message } = error as Error;
    expect(message).toMatch(
      /^git push: x+ https:\/\/\[credentials\]@git\.example \[credentials\] \[credentials\] \[credentials\]$/,
    );
    expect(message.length).toBeLessThan(2_050);
    expect(message.length).toBeGreaterThan(1_900);
  });

  it("has only credentials in URLs removed from its output if the agent has no token", () => {
    expect(git("").withoutSecrets("a text, and https://a:b@h.org")).toBe("a text, and https://[credentials]@h.org");
  });

  it("reports its progress if a command supports it, without credentials", async () => {
    const lines: string[] = [];
    const telling = git(`echo "at ${TOKEN}" >&2`, { token: TOKEN, onProgress: (line) => lines.push(line) });
    await telling.run(["fetch"]);
    expect(lines).toEqual([]);
    await telling.run(["fetch", "--progress"]);
    expect(lines).toEqual(["at [credentials]"]);
    await expect(git("echo x >&2").run(["--progress"])).resolves.toBe("");
  });

  it("is killed if it takes too long, or if it is silent for too long", async () => {
    const sleeping = git("sleep 20", { silenceMs: 20_000 });
    await expect(sleeping.run([], { limitMs: 100 })).rejects.toThrow("was stopped after 0.1 s without completing");
    await expect(git("sleep 20", { silenceMs: 100 }).run([])).rejects.toThrow("was stopped after 0.1 s without output");
  });

  it("ends on an abort, which is not reported as its own failure", async () => {
    const stop = new AbortController();
    const running = git("sleep 20", { signal: stop.signal });
    const attempt = running.attempt([]);
    setTimeout(() => stop.abort(), 50);
    await expect(attempt).rejects.toThrow("interrupted");
    await expect(running.attempt([])).rejects.toThrow("interrupted");
  });
});

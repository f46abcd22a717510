import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import type { PulumiCommand } from "@pulumi/pulumi/automation/cmd";
import { parse } from "semver";
import { cliIn, engineCache, exclusively, publish } from "../../../fleet/engine/cache";
import { chooseEngine, type EngineSources, ensureEngine } from "../../../fleet/engine/ensureEngine";
import { ENGINE_VERSION, recentEnough, whyGoCannotBuild } from "../../../fleet/engine/pins";
import { run } from "../../../fleet/engine/run";
import { ExitCode } from "../../../model/errors";

const folders: string[] = [];
const temporary = (): string => {
  const folder = mkdtempSync(path.join(tmpdir(), "engine-test-"));
  folders.push(folder);
  return folder;
};
const environment = { ...process.env };
afterEach(() => {
  jest.restoreAllMocks();
  process.env = { ...environment };
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const cli = (version: string): PulumiCommand => ({ command: "pulumi", version: parse(version) }) as PulumiCommand;
const script = (file: string, body: string): void => {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, `#!/bin/sh\n${body}\n`);
  chmodSync(file, 0o755);
};

describe("the search for an engine", () => {
  const unreachable = async (): Promise<void> => {
    throw new Error("get.pulumi.com cannot be reached");
  };

  /** Builds engine sources that have nothing by default, and that record which sources were tried. */
  function sources(have: Partial<EngineSources> & { makes?: PulumiCommand }): EngineSources & { tried: string[] } {
    const tried: string[] = [];
    let made: PulumiCommand | undefined;
    const traced = (name: string, work: (() => Promise<void>) | undefined) => async () => {
      tried.push(name);
      if (work) await work();
      else made = have.makes;
    };
    return {
      tried,
      onPath: have.onPath ?? (async () => undefined),
      cached: have.cached ?? (async () => made),
      exclusively: (work) => work(),
      install: traced("install", have.install),
      build: traced("build", undefined),
    };
  }

  it("uses the CLI on PATH if it is recent enough, and installs nothing", async () => {
    const present = sources({ onPath: async () => cli("3.226.0"), cached: async () => cli(ENGINE_VERSION) });
    await expect(chooseEngine(present, () => undefined)).resolves.toMatchObject({ version: parse("3.226.0") });
    expect(present.tried).toEqual([]);
  });

  it("reports an outdated CLI on PATH and uses the cached engine", async () => {
    const said: string[] = [];
    const old = sources({ onPath: async () => cli("3.225.1"), cached: async () => cli(ENGINE_VERSION) });
    await expect(chooseEngine(old, (message) => said.push(message))).resolves.toMatchObject({
      version: parse(ENGINE_VERSION),
    });
    expect(said.join()).toContain("3.225.1");
    expect(old.tried).toEqual([]);
  });

  it("builds from source only if the official build cannot be downloaded", async () => {
    const online = sources({ makes: cli(ENGINE_VERSION) });
    await chooseEngine(online, () => undefined);
    expect(online.tried).toEqual(["install"]);

    const offline = sources({ makes: cli(ENGINE_VERSION), install: unreachable });
    await chooseEngine(offline, () => undefined);
    expect(offline.tried).toEqual(["install", "build"]);
  });

  it("installs nothing if another process installed the engine during the wait for the lock", async () => {
    let waited = false;
    const late = sources({ cached: async () => (waited ? cli(ENGINE_VERSION) : undefined) });
    late.exclusively = (work) => {
      waited = true;
      return work();
    };
    await chooseEngine(late, () => undefined);
    expect(late.tried).toEqual([]);
  });

  it("starts no build after a cancelled download", async () => {
    const controller = new AbortController();
    const cancelled = sources({
      install: async () => {
        controller.abort();
        throw new Error("aborted");
      },
    });
    await expect(chooseEngine(cancelled, () => undefined, controller.signal)).rejects.toMatchObject({
      exitCode: ExitCode.Cancelled,
    });
    expect(cancelled.tried).toEqual(["install"]);
  });
});

describe("the version requirements", () => {
  it.each([
    ["3.225.9", false],
    ["3.226.0", true],
    ["3.300.0", true],
    ["4.0.0", false],
  ])("decide whether version %s of the Pulumi CLI is accepted: %s", (version, good) => {
    expect(recentEnough(parse(version))).toBe(good);
  });

  it("reject a CLI that does not report its version", () => {
    expect(recentEnough(null)).toBe(false);
  });

  it.each([
    ["go1.26.6", "local"],
    ["go1.27rc1", "local"],
    ["go1.24.0", "auto"],
    ["go1.24.0", "go1.24.0+auto"],
  ])("accept %s with GOTOOLCHAIN=%s for a build", (version, toolchain) => {
    expect(whyGoCannotBuild(version, toolchain)).toBeUndefined();
  });

  it.each([
    ["go1.26.5", "local", "older than 1.26.6"],
    ["go1.20.1", "auto", "older than 1.26.6"],
    ["devel", "auto", "not a version"],
  ])("reject %s with GOTOOLCHAIN=%s for a build, and name the reason", (version, toolchain, reason) => {
    expect(whyGoCannotBuild(version, toolchain)).toContain(reason);
  });
});

describe("the engine's cache", () => {
  it("is in XDG_CACHE_HOME, or in ~/.cache if XDG_CACHE_HOME is unset or relative", () => {
    expect(engineCache({ XDG_CACHE_HOME: "/caches" }, "/home/a")).toBe("/caches/langflow-dr/engine");
    expect(engineCache({}, "/home/a")).toBe("/home/a/.cache/langflow-dr/engine");
    expect(engineCache({ XDG_CACHE_HOME: "caches" }, "/home/a")).toBe("/home/a/.cache/langflow-dr/engine");
  });

  it("contains either a complete engine or none", async () => {
    const cache = temporary();
    const half = publish(cache, "1.0.0", async (folder) => {
      writeFileSync(path.join(folder, "half"), "");
      throw new Error("no space left");
    });
    await expect(half).rejects.toThrow("no space left");
    expect(readdirSync(cache)).toEqual([]);

    await publish(cache, "1.0.0", async (folder) => {
      expect(existsSync(path.join(cache, "1.0.0"))).toBe(false);
      writeFileSync(path.join(folder, "whole"), "");
    });
    expect(readdirSync(path.join(cache, "1.0.0"))).toEqual(["whole"]);
    expect(readdirSync(cache)).toEqual(["1.0.0"]);
  });

  it("is filled by one process at a time, and a waiting process reports that it waits", async () => {
    const cache = temporary();
    const order: string[] = [];
    let second: Promise<void> | undefined;
    await exclusively(cache, async () => {
      order.push("first begins");
      await new Promise<void>((released) => {
        second = exclusively(
          cache,
          async () => {
            order.push("second begins");
          },
          () => {
            order.push("second waits");
            released();
          },
        );
      });
      order.push("first ends");
    });
    await second;
    expect(order).toEqual(["first begins", "second waits", "first ends", "second begins"]);
    expect(readdirSync(cache)).toEqual([]);
  });

  it("takes the lock of a dead process and deletes that process's partial files", async () => {
    const cache = temporary();
    writeFileSync(path.join(cache, ".lock"), "1\n");
    utimesSync(path.join(cache, ".lock"), 0, 0);
    mkdirSync(path.join(cache, ".partial-of-a-dead-process"));
    await exclusively(cache, async () => expect(readdirSync(cache)).toEqual([".lock"]));
    expect(readdirSync(cache)).toEqual([]);
  });

  it("stops waiting for the lock when the run is cancelled", async () => {
    const cache = temporary();
    writeFileSync(path.join(cache, ".lock"), "1\n");
    const controller = new AbortController();
    const waiting = exclusively(
      cache,
      async () => undefined,
      () => controller.abort(),
      controller.signal,
    );
    await expect(waiting).rejects.toMatchObject({ exitCode: ExitCode.Cancelled });
    expect(readdirSync(cache)).toEqual([".lock"]);
  });
});

describe("run", () => {
  it("kills the command and all its children on cancellation", async () => {
    const controller = new AbortController();
    // The grandchild holds the stdout pipe, so run() cannot settle before the grandchild ends.
    const running = run("sh", ["-c", "sleep 600 & echo started >&2; wait"], {
      signal: controller.signal,
      onLine: () => controller.abort(),
    });
    await expect(running).rejects.toMatchObject({ exitCode: ExitCode.Cancelled });
  });

  it("quotes the last lines of stderr if the command fails", async () => {
    await expect(run("sh", ["-c", "echo out; echo no such module >&2; exit 3"])).rejects.toThrow(
      /ended with 3:\nno such module/,
    );
  });
});

describe("ensureEngine on a machine without an engine", () => {
  /** Prepares an empty cache, a PATH with only these tools, and a network in which get.pulumi.com is unreachable. */
  function bareMachine(tools: Record<string, string>): string {
    const home = temporary();
    for (const [name, body] of Object.entries(tools)) script(path.join(home, "bin", name), body);
    process.env.PATH = `${path.join(home, "bin")}:/usr/bin:/bin`;
    process.env.XDG_CACHE_HOME = path.join(home, "cache");
    jest.spyOn(globalThis, "fetch").mockRejectedValue(new Error("fetch failed", { cause: new Error("ENOTFOUND") }));
    return path.join(home, "cache", "langflow-dr", "engine");
  }

  const goThatBuilds = (version: string): string => `
    case "$1" in
      env) printf 'go1.26.8\\nlocal\\n';;
      build)
        for last; do [ "$before" = -o ] && out="$last"; before="$last"; done
        mkdir -p "$(dirname "$out")"
        printf '#!/bin/sh\\necho ${version}\\n' > "$out"; chmod +x "$out";;
    esac`;

  it("builds the engine with Go, reports the phases, and uses the cache the second time", async () => {
    const cache = bareMachine({ go: goThatBuilds(`v${ENGINE_VERSION}`) });
    const said: string[] = [];
    const engine = await ensureEngine((message) => said.push(message));
    expect(engine).toMatchObject({ command: cliIn(path.join(cache, ENGINE_VERSION)), version: parse(ENGINE_VERSION) });
    expect(said.map((message) => message.replace(/ \(0 s\)$/, ""))).toEqual([
      `Pulumi engine ${ENGINE_VERSION}: downloading the official build`,
      "get.pulumi.com cannot be reached (ENOTFOUND): building it from source",
      `Pulumi engine ${ENGINE_VERSION}: fetching Go modules`,
      `Pulumi engine ${ENGINE_VERSION}: compiling, 4 minutes the first time`,
    ]);
    expect(readdirSync(cache)).toEqual([ENGINE_VERSION]);

    said.length = 0;
    await ensureEngine((message) => said.push(message));
    expect(said).toEqual([]);
  });

  it("rejects a build of the wrong version, and keeps none of its files", async () => {
    const cache = bareMachine({ go: goThatBuilds("v3.0.0") });
    await expect(ensureEngine(() => undefined)).rejects.toThrow("reports version v3.0.0");
    expect(readdirSync(cache)).toEqual([]);
  });

  it("lists all three ways to get an engine if Go is missing or too old", async () => {
    const cache = bareMachine({ go: "printf 'go1.22.0\\nlocal\\n'" });
    const failure = await ensureEngine(() => undefined).catch((error: unknown) => error);
    expect(failure).toMatchObject({ isUserError: true, exitCode: ExitCode.Unreachable });
    const { message } = failure as Error;
    for (const way of ["Pulumi CLI 3.226.0", "get.pulumi.com", "Go 1.26.6", "Go 1.22.0 on PATH", "ENOTFOUND"])
      expect(message).toContain(way);
    expect(readdirSync(cache)).toEqual([]);
  });
});

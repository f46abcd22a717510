import { Listr, ListrLogger, type ListrTaskWrapper, ProcessOutput } from "listr2";
import type { Recording } from "../engine/changes";
import { AGAIN } from "../engine/interruption";

/** How often a run that nobody sees in colour says that it still goes on. */
const HEARTBEAT_MS = 10_000;

/** Live lines on stderr, one per stack: stdout is for results. */
export interface Progress {
  /** The stack is at work. */
  begin(stack: string): void;
  /** Something about the stack, or about the whole run, has moved. */
  move(stack: string, recording: Recording): void;
  /** The stack has ended. */
  end(stack: string, outcome: "done" | "failed" | "skipped", said: string): void;
  close(): Promise<void>;
}

/** @param signal aborted: what has begun is finished, and the living lines, which let no other line through, say so */
export function startProgress(
  stacks: readonly string[],
  signal: AbortSignal,
  stream: NodeJS.WriteStream = process.stderr,
): Progress {
  // In a terminal whose size nobody has set, living lines would be one letter wide.
  return stream.isTTY && stream.columns > 0 ? livingLines(stacks, signal, stream) : plainLines(stream);
}

const seconds = (since: number): string => `${((Date.now() - since) / 1000).toFixed(1)} s`;
const counts = ({ done, current }: Recording): string => `${done} resources done${current ? `, ${current}` : ""}`;

function livingLines(stacks: readonly string[], signal: AbortSignal, stream: NodeJS.WriteStream): Progress {
  const lines = new Map<string, { finish: (error?: Error) => void; task?: ListrTaskWrapper<unknown, never, never> }>();
  const began = new Map<string, number>();
  const latest = new Map<string, Recording>();
  const list = new Listr(
    stacks.map((stack) => ({
      title: `${stack}: waiting`,
      task: (_: unknown, task: unknown) =>
        new Promise<void>((resolve, reject) => {
          lines.set(stack, {
            finish: (error) => (error ? reject(error) : resolve()),
            task: task as ListrTaskWrapper<unknown, never, never>,
          });
        }),
    })),
    {
      concurrent: true,
      exitOnError: false,
      // Its own answer to Ctrl-C is to end the process at once.
      registerSignalListeners: false,
      rendererOptions: {
        logger: new ListrLogger({ processOutput: new ProcessOutput(stream, stream) }),
        collapseErrors: false,
        showErrorMessage: false,
        removeEmptyLines: false,
      },
    },
  );
  const shown = list.run();
  const title = (stack: string, text: string) => {
    const task = lines.get(stack)?.task;
    if (task) task.title = `${stack}: ${text}`;
  };
  const clock = setInterval(() => {
    for (const [stack, since] of began) {
      const recording = latest.get(stack);
      const interrupted = signal.aborted ? `interrupted, finishing (${AGAIN}): ` : "";
      title(stack, `${interrupted}${recording ? counts(recording) : "starting"} · ${seconds(since)}`);
    }
  }, 200);
  return {
    begin: (stack) => began.set(stack, Date.now()),
    move: (stack, recording) => latest.set(stack, recording),
    end(stack, outcome, said) {
      const since = began.get(stack);
      began.delete(stack);
      title(stack, since ? `${said} · ${seconds(since)}` : said);
      lines.get(stack)?.finish(outcome === "done" ? undefined : new Error(said));
    },
    async close() {
      clearInterval(clock);
      for (const { finish } of lines.values()) finish();
      await shown;
    },
  };
}

function plainLines(stream: NodeJS.WriteStream): Progress {
  const began = new Map<string, number>();
  const latest = new Map<string, Recording>();
  const say = (stack: string, text: string) => stream.write(`${stack}: ${text}\n`);
  const heartbeat = setInterval(() => {
    for (const [stack, since] of began) {
      const recording = latest.get(stack);
      say(stack, `${recording ? counts(recording) : "starting"} · ${seconds(since)}`);
    }
  }, HEARTBEAT_MS);
  return {
    begin(stack) {
      began.set(stack, Date.now());
      say(stack, "started");
    },
    move: (stack, recording) => latest.set(stack, recording),
    end(stack, _, said) {
      const since = began.get(stack);
      began.delete(stack);
      say(stack, since ? `${said} · ${seconds(since)}` : said);
    },
    async close() {
      clearInterval(heartbeat);
    },
  };
}

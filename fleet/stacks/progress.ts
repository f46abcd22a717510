import { Listr, ListrLogger, type ListrTaskWrapper, ProcessOutput } from "listr2";
import type { Recording } from "../engine/changes";
import { AGAIN } from "../engine/interruption";

/** Interval of progress lines when the output is not a terminal. */
const HEARTBEAT_MS = 10_000;

/** Progress output on stderr, one line per stack. stdout is reserved for results. */
export interface Progress {
  /** Called when work on the stack begins. */
  begin(stack: string): void;
  /** Called when something about the stack or the whole run has changed. */
  move(stack: string, recording: Recording): void;
  /** Called when work on the stack has ended. */
  end(stack: string, outcome: "done" | "failed" | "skipped", said: string): void;
  close(): Promise<void>;
}

/** @param signal when aborted, running stacks are finished; the live lines say so, because they hide other output */
export function startProgress(
  stacks: readonly string[],
  signal: AbortSignal,
  stream: NodeJS.WriteStream = process.stderr,
): Progress {
  // In a terminal without a size, live lines would be one character wide.
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
      // Listr's own Ctrl-C handler would end the process immediately.
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

import { ExitCode } from "../../model/errors";

/** A command line with --json, and its exit code. */
export interface Line {
  readonly words: string;
  readonly args: readonly string[];
  readonly exitCode: ExitCode;
}

/**
 * Command lines with `--local` that need the engine, in the order for one fleet. `json.test.ts` runs them. Each prints
 * a JSON document.
 */
export const ENGINE_LINES: readonly Line[] = [
  { words: "up", args: [], exitCode: ExitCode.Success },
  { words: "deploy", args: ["edge", "--soak", "0"], exitCode: ExitCode.Success },
  { words: "status", args: [], exitCode: ExitCode.Success },
  { words: "preview", args: ["edge"], exitCode: ExitCode.Success },
  { words: "drift", args: ["edge"], exitCode: ExitCode.Success },
  { words: "render", args: ["edge", "--dir", "rendered"], exitCode: ExitCode.Success },
  { words: "prove", args: ["us-east"], exitCode: ExitCode.Success },
  { words: "ready", args: [], exitCode: ExitCode.Success },
  { words: "destroy", args: ["edge", "--yes"], exitCode: ExitCode.Success },
];

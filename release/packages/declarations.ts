import { join, relative } from "node:path";
import ts from "typescript";
import { ROOT } from "./root";
import type { Stage } from "./stage";

/**
 * Writes the type declarations of entry points and of everything that they refer to.
 *
 * @throws Error with the compiler's messages if the types have errors
 */
export function writeDeclarations(entryPoints: readonly string[], stage: Stage): void {
  const { config } = ts.readConfigFile(join(ROOT, "tsconfig.json"), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
  const program = ts.createProgram(
    entryPoints.map((file) => join(ROOT, file)),
    { ...options, types: ["node"], noEmit: false, declaration: true, emitDeclarationOnly: true, rootDir: ROOT },
  );
  const { diagnostics } = program.emit(undefined, (file, text) => stage.write(relative(ROOT, file), text));
  const problems = [...ts.getPreEmitDiagnostics(program), ...diagnostics];
  if (problems.length > 0)
    throw new Error(
      ts.formatDiagnostics(problems, {
        getCanonicalFileName: (file) => file,
        getCurrentDirectory: () => ROOT,
        getNewLine: () => "\n",
      }),
    );
}

/**
 * Lets Node read this project's TypeScript: `node --require ./typescript.cjs program.ts`. Pulumi.yaml and the scripts
 * of package.json do so; docs/decisions/0003-typescript-without-a-build.md says why.
 *
 * It is the first to be read, so it looks at prerequisites.cjs, and is written in what an old Node can read as well.
 * Only our own .ts files pass through it, by the compiler the tests use, and each once: the result is kept in
 * node_modules/.cache by the file's content. Types are checked by `npm run check`, not here.
 * Stack traces under the Pulumi CLI name lines of the .ts files; elsewhere set NODE_OPTIONS=--enable-source-maps.
 */
require("./prerequisites.cjs").check();

const { createHash } = require("node:crypto");
const { mkdirSync, readFileSync, renameSync, writeFileSync } = require("node:fs");
const Module = require("node:module");
const path = require("node:path");

const OPTIONS = {
  swcrc: false,
  sourceMaps: "inline",
  jsc: { target: "es2022", parser: { syntax: "typescript" } },
  module: { type: "commonjs" },
};
const CACHE = path.join(__dirname, "node_modules", ".cache", "langflow-dr");
/** Part of each key: another compiler or other options make other output. */
const COMPILER = JSON.stringify([require("@swc/core/package.json").version, OPTIONS]);

function compiled(filename) {
  const source = readFileSync(filename, "utf8");
  const key = createHash("sha256").update(`${COMPILER}\0${filename}\0${source}`).digest("hex");
  const cached = path.join(CACHE, `${key}.js`);
  try {
    return readFileSync(cached, "utf8");
  } catch {
    const { code } = require("@swc/core").transformSync(source, { ...OPTIONS, filename });
    keep(cached, code);
    return code;
  }
}

function keep(file, code) {
  try {
    mkdirSync(CACHE, { recursive: true });
    const partial = `${file}.${process.pid}`;
    writeFileSync(partial, code);
    renameSync(partial, file);
  } catch {
    // A folder that can't be written to only makes the next start slower.
  }
}

/**
 * A program of the Pulumi CLI has its stack traces rewritten by source maps (source-map-support, on disk beside each
 * file). This gives it ours, and withholds those of Pulumi's own library: they say node_modules/@pulumi/resource.ts,
 * and util.inspect of Node 20.20 looks behind a scope for a second slash until its memory is full: half a minute for
 * each error, a plain complaint about the config included.
 */
function mapStackTraces() {
  const untouched = JSON.stringify({ version: 3, sources: [], names: [], mappings: "" });
  const ours = (file) => Buffer.from(compiled(file).split(";base64,").at(-1), "base64").toString();
  const library = Module.createRequire(require.resolve("@pulumi/pulumi/package.json"));
  library("source-map-support").install({
    retrieveSourceMap: (file) => {
      if (/[\\/]node_modules[\\/]@pulumi[\\/]/.test(file)) return { url: file, map: untouched };
      return file.endsWith(".ts") ? { url: file, map: ours(file) } : null;
    },
  });
}

/**
 * What Pulumi's library reads at its start for functions that become resources (dynamic providers), and never uses here:
 * npm's own tree of packages and TypeScript's compiler, two thirds of the time that reading the library takes. Each is
 * read when somebody does use it.
 */
function postponeUnused() {
  const library = Module.createRequire(require.resolve("@pulumi/pulumi/package.json"));
  for (const unused of ["@npmcli/arborist", "./typescript-shim"]) {
    const file = library.resolve(unused);
    const get = (_, property) => {
      // Asked of each module by whoever imports it.
      if (property === "__esModule") return true;
      if (require.cache[file] === postponed) delete require.cache[file];
      return library(unused)[property];
    };
    const postponed = Object.assign(new Module(file), { exports: new Proxy({}, { get }), loaded: true });
    require.cache[file] = postponed;
  }
}

Module._extensions[".ts"] = (module, filename) => module._compile(compiled(filename), filename);

const [, program = ""] = process.argv;
if (/[\\/]@pulumi[\\/]pulumi[\\/]cmd[\\/]/.test(program)) mapStackTraces();
postponeUnused();

/** Node 22.1 and later also keep what V8 makes of every module; a third of the start of a stack's program. */
if (Module.enableCompileCache) Module.enableCompileCache();

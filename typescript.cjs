/**
 * Lets Node load this project's TypeScript: `node --require ./typescript.cjs program.ts`. Pulumi.yaml and the scripts
 * of package.json use it (docs/decisions/0003-typescript-without-a-build.md).
 *
 * Node loads this file first, so it checks the prerequisites and uses only syntax that an old Node can parse. It
 * compiles our own .ts files with the compiler of the tests, and caches the output in node_modules/.cache by content.
 * The npm package has this file too, for a user's index.ts, with a smaller compiler (release/packages/compiler.cjs).
 * `npm run check` checks the types. Stack traces under the Pulumi CLI refer to the .ts files; elsewhere set
 * NODE_OPTIONS=--enable-source-maps.
 */
require("./prerequisites.cjs").check();

const { createHash } = require("node:crypto");
const { mkdirSync, readFileSync, renameSync, writeFileSync } = require("node:fs");
const Module = require("node:module");
const path = require("node:path");
const compiler = require("./compiler.cjs");

const CACHE = path.join(__dirname, "node_modules", ".cache", "langflow-dr");

function compiled(filename) {
  const source = readFileSync(filename, "utf8");
  const key = createHash("sha256").update(`${compiler.identity}\0${filename}\0${source}`).digest("hex");
  const cached = path.join(CACHE, `${key}.js`);
  try {
    return readFileSync(cached, "utf8");
  } catch {
    const code = compiler.compile(source, filename);
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
    // Without write access to the folder, the next start is only slower.
  }
}

/**
 * Provides source maps for stack traces under the Pulumi CLI, whose runner rewrites them (source-map-support) with the
 * maps that it finds on disk. Hides the source maps of Pulumi's library: they name node_modules/@pulumi/resource.ts, and
 * util.inspect of Node 20.20 searches such a name for a second slash until memory is exhausted, half a minute per error.
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
 * Loads two dependencies of Pulumi's library only when they are used: npm's dependency tree and the TypeScript compiler.
 * The library needs them to serialize functions (dynamic providers), which this project does not do, and they are two
 * thirds of its load time.
 */
function postponeUnused() {
  const library = Module.createRequire(require.resolve("@pulumi/pulumi/package.json"));
  for (const unused of ["@npmcli/arborist", "./typescript-shim"]) {
    const file = library.resolve(unused);
    const get = (_, property) => {
      // Every importer reads this property.
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

/** Node 22.1 and later also cache V8's compiled code, which saves a third of a stack program's start. */
if (Module.enableCompileCache) Module.enableCompileCache();

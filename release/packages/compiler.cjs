/**
 * The compiler of typescript.cjs in the npm package: esbuild, a third of swc's size. It compiles a few files of a user,
 * not a whole repository.
 */
const OPTIONS = {
  loader: "ts",
  format: "cjs",
  platform: "node",
  target: "es2022",
  sourcemap: "inline",
  supported: { "dynamic-import": false },
};

module.exports = {
  identity: JSON.stringify([require("esbuild/package.json").version, OPTIONS]),
  compile: (source, filename) => require("esbuild").transformSync(source, { ...OPTIONS, sourcefile: filename }).code,
};

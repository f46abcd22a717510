/** The compiler of typescript.cjs: swc, like the tests. It is loaded only if a file has changed. */
const OPTIONS = {
  swcrc: false,
  sourceMaps: "inline",
  jsc: { target: "es2022", parser: { syntax: "typescript" } },
  module: { type: "commonjs" },
};

module.exports = {
  /** Part of each cache key, because the output depends on the compiler and its options. */
  identity: JSON.stringify([require("@swc/core/package.json").version, OPTIONS]),
  compile: (source, filename) => require("@swc/core").transformSync(source, { ...OPTIONS, filename }).code,
};

/** Loads the package with Node's own loader, because Jest's loader does not support .mjs files. */
const { runInThisContext } = require("node:vm");

// Node's own `process` exists only outside of the context that Jest creates for a test.
const { createRequire } = runInThisContext('process.getBuiltinModule("node:module")');
module.exports = createRequire(__filename)("httpxy");

/** The package as Node itself loads it: Jest's own loader takes no file named .mjs. */
const { runInThisContext } = require("node:vm");

// Outside the context that Jest makes for a test there is Node's own `process`.
const { createRequire } = runInThisContext('process.getBuiltinModule("node:module")');
module.exports = createRequire(__filename)("httpxy");

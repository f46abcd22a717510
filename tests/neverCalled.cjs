/**
 * Replaces modules that Pulumi's library loads at startup and that no test calls. typescript.cjs lists them with the
 * reasons.
 */
module.exports = new Proxy(
  {},
  {
    get(_, property) {
      if (property === "__esModule") return true;
      throw new Error(`tests/neverCalled.cjs has no ${String(property)}: see jest.config.js`);
    },
  },
);

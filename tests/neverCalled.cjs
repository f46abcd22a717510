/** In place of what Pulumi's library reads at its start and no test calls: typescript.cjs says what, and for what. */
module.exports = new Proxy(
  {},
  {
    get(_, property) {
      if (property === "__esModule") return true;
      throw new Error(`tests/neverCalled.cjs has no ${String(property)}: see jest.config.js`);
    },
  },
);

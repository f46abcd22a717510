const Environment = require("../environment.cjs");

/** Ends a file with its first failure: one is enough to know that a mutant is found, and jest's own bail ends files alone. */
module.exports = class extends Environment {
  #failed = false;

  async handleTestEvent({ name, test }) {
    if (name === "test_done" && test.errors.length > 0) this.#failed = true;
    if (name === "test_start" && this.#failed) test.mode = "skip";
  }
};

/** In which order test files begin. */
const { default: Sequencer } = require("@jest/test-sequencer");

/**
 * Each takes longer than the others of its tier. Where Jest has not run them yet, as on a new machine, it goes by a file's size, and the
 * last of them would run on while a processor has nothing to do.
 */
const LONGEST = [
  "engine/fleet",
  "journeys/canaries",
  "journeys/comments",
  "live/drill",
  "live/rollingUpdate",
  "live/sync",
  "live/fleet",
  "live/observe",
  "live/everyUser",
];

const rankOf = ({ path }) => {
  const rank = LONGEST.findIndex((name) => path.endsWith(`/tests/${name}.test.ts`));
  return rank === -1 ? LONGEST.length : rank;
};

module.exports = class extends Sequencer {
  sort(tests) {
    return super.sort(tests).sort((one, other) => rankOf(one) - rankOf(other));
  }
};

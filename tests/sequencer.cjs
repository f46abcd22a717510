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

/** It takes half of the time that the live tier has in `.ci/run`: where the time is short, it is in turn like others. */
const IN_TURN = "live/rollingUpdate";

const rankOf = ({ path }, isShort) => {
  const rank = LONGEST.findIndex((name) => path.endsWith(`/tests/${name}.test.ts`));
  return rank === -1 || (isShort && LONGEST[rank] === IN_TURN) ? LONGEST.length : rank;
};

const DAY_MS = 86_400_000;

/** Where the time is short (TESTS_UNTIL), other files are the last ones on another day. */
const inTurnByDay = (tests) => {
  const sorted = tests.toSorted((one, other) => one.path.localeCompare(other.path));
  const first = (Math.floor(Date.now() / DAY_MS) * 13) % (sorted.length || 1);
  return [...sorted.slice(first), ...sorted.slice(0, first)];
};

module.exports = class extends Sequencer {
  sort(tests) {
    const isShort = process.env.TESTS_UNTIL !== undefined;
    const others = isShort ? inTurnByDay(tests) : super.sort(tests);
    return others.sort((one, other) => rankOf(one, isShort) - rankOf(other, isShort));
  }
};

/** Determines the order in which test files start. */
const { default: Sequencer } = require("@jest/test-sequencer");

/**
 * Files that take longest in their tier. Before its first run on a machine, Jest orders files by size, and the longest
 * of these could start last and run alone.
 */
const LONGEST = [
  "journeys/canaries",
  "journeys/comments",
  "live/drill",
  "live/rollingUpdate",
  "live/sync",
  "live/fleet",
  "live/observe",
  "live/everyUser",
];

/** Takes half of the live tier's time in `.ci/run`. If time is short, this file has no priority. */
const IN_TURN = "live/rollingUpdate";

const rankOf = ({ path }, isShort) => {
  const rank = LONGEST.findIndex((name) => path.endsWith(`/tests/${name}.test.ts`));
  return rank === -1 || (isShort && LONGEST[rank] === IN_TURN) ? LONGEST.length : rank;
};

const DAY_MS = 86_400_000;

/** With a time limit (TESTS_UNTIL), rotates the order daily, so that different files are last each day. */
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

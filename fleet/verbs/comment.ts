import { neededText } from "../cli/option";
import { JSON_RESULT } from "../cli/sharedOptions";
import { type Given, verb } from "../cli/verb";

const options = {
  json: JSON_RESULT,
  file: neededText("<file>", "what `preview --markdown` wrote"),
  headOwner: neededText("<owner>", "owner of the repository the pull request's branch is in"),
  headBranch: neededText("<branch>", "the pull request's branch"),
  headCommit: neededText("<commit>", "the commit the preview is of"),
  whole: neededText("<url>", "where the whole text is to be had, should it be too long"),
};

export type CommentOptions = Given<typeof options>;

export const comment = verb({
  name: "comment",
  description: "put a preview under its pull request at GitHub",
  options,
  handler: async (given) => (await import("../handlers/comment")).comment(given),
});

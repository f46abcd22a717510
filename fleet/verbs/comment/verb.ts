import { neededText } from "../../cli/option";
import { JSON_RESULT } from "../../cli/sharedOptions";
import { type Given, verb } from "../../cli/verb";

const options = {
  json: JSON_RESULT,
  file: neededText("<file>", "file that `preview --markdown` wrote"),
  headOwner: neededText("<owner>", "owner of the repository with the pull request's branch"),
  headBranch: neededText("<branch>", "branch of the pull request"),
  headCommit: neededText("<commit>", "previewed commit; if the branch has a newer one, nothing is posted"),
  whole: neededText("<url>", "URL of the full text, which a truncated comment links to"),
};

export type CommentOptions = Given<typeof options>;

export const comment = verb("comment", options, async () => (await import("./handler")).comment, {
  description: "post a preview as a pull-request comment, replacing the previous one",
  details: "Needs GITHUB_TOKEN and GITHUB_REPOSITORY. If the file is empty, the previous comment is deleted.",
  page: "docs/ci.md",
  examples: [
    "comment --file comment.md --whole https://github.com/example/fleet/actions/runs/1 --head-owner example --head-branch resize --head-commit 4b825dc",
  ],
});

import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { ExitCode, UserError } from "../../../model/errors";
import { gitHub } from "../../github/client";
import { comment as commentOn, pullRequestOf } from "../../github/pullRequest";
import { asking } from "../../github/refusal";
import { print } from "../../terminal/messages";
import type { CommentOptions } from "./verb";

/**
 * Posts a preview as the only comment on its pull request through GitHub's API. An empty preview removes an earlier
 * comment. Posts nothing if the pull request has a newer commit than the previewed one.
 */
export async function comment(options: CommentOptions): Promise<ExitCode> {
  const text = read(options.file);
  const hub = gitHub();
  const { headOwner: owner, headBranch: branch, headCommit: commit } = options;
  const { pullRequest, done } = await asking("pull-requests: write", async () => {
    const found = await pullRequestOf(hub, { owner, branch, commit });
    return {
      pullRequest: found,
      done: found === undefined ? ("stale" as const) : await commentOn(hub, found, text, options.whole),
    };
  });
  if (options.json) print(JSON.stringify({ verb: "comment", done, pullRequest }, null, 2));
  else if (pullRequest === undefined) print(`no open pull request of ${owner}:${branch} is at ${commit}`);
  else print(`pull request ${pullRequest}: comment ${done}`);
  return ExitCode.Success;
}

/**
 * Reads a file from the pull request's workflow run. Accepts only a regular file, because a link could point to any
 * file on this machine.
 */
function read(file: string): string {
  let handle: number | undefined;
  try {
    handle = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW);
    if (!fstatSync(handle).isFile()) throw new Error("no file");
    return readFileSync(handle, "utf8");
  } catch {
    throw new UserError(`${file} is not a readable file: write it with \`preview --markdown\``, ExitCode.BadInput);
  } finally {
    if (handle !== undefined) closeSync(handle);
  }
}

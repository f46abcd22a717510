import { text } from "../../cli/option";
import { OF_STACKS, silence } from "../../cli/sharedOptions";
import { type Given, verb } from "../../cli/verb";
import { SILENCE } from "../../engine/silence";

const options = {
  ...OF_STACKS,
  silence: silence(SILENCE.looking),
  markdown: text("<file>", "also write the changes to this Markdown file, for `comment`; empty if nothing changes"),
  base: text("<revision>", "compare with this Git revision instead of deployed resources; only with --local"),
};

export type PreviewOptions = Given<typeof options>;

export const preview = verb("preview", options, async () => (await import("./handler")).preview, {
  description: "show what `up` would change and which invariants would break",
  page: "docs/operations/README.md",
  examples: ["preview us-east", "preview --local --base main --markdown comment.md"],
});

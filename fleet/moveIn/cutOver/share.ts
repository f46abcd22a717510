import { isMap, isScalar, parseDocument } from "yaml";
import type { EdgeStackConfig } from "../../../config/schema";
import { ExitCode, UserError } from "../../../model/errors";
import { PROJECT } from "../../../model/names";
import type { Project } from "../../stacks/project";

/** Config file that sets how visitors are divided. */
export const EDGE_FILE = "Pulumi.edge.yaml";

const KEY = `${PROJECT}:movingFrom`;

/** Returns the config of the old LangFlow. @throws UserError exit 2 if the edge stack has none */
export function movingFromOf({ stacks }: Project): NonNullable<EdgeStackConfig["movingFrom"]> {
  const edge = stacks.get("edge");
  const found = edge?.kind === "edge" ? edge.own.movingFrom : undefined;
  if (found) return found;
  throw new UserError(
    `${EDGE_FILE} has no ${KEY}: set it to the old LangFlow's address with share 1, and run \`up edge\` (docs/move-in.md, "The cut-over")`,
    ExitCode.BadInput,
  );
}

/**
 * Sets the share in the text of Pulumi.edge.yaml and leaves the rest of the text unchanged, including whitespace.
 *
 * @param text contents of the whole file
 * @param share from 0 to 1
 * @throws UserError exit 2 if the share is not a plain number in the file
 */
export function withShare(text: string, share: number): string {
  const document = parseDocument(text);
  const [problem] = document.errors;
  if (problem) throw new UserError(`${EDGE_FILE}: ${problem.message}`, ExitCode.BadInput);
  const movingFrom = document.getIn(["config", KEY], true);
  const node = isMap(movingFrom) ? movingFrom.get("share", true) : undefined;
  const [start, end] = (isScalar(node) && node.range) || [];
  if (start === undefined || end === undefined)
    throw new UserError(
      `${KEY}.share in ${EDGE_FILE} is not a plain number: set \`share: ${share}\` by hand, and run \`up edge\``,
      ExitCode.BadInput,
    );
  return `${text.slice(0, start)}${share}${text.slice(end)}`;
}

import { isMap, isScalar, parseDocument, Scalar } from "yaml";
import { ExitCode, UserError } from "../../model/errors";
import { type Image, parseImage } from "../../model/images";
import { PROJECT } from "../../model/names";
import { imageText } from "./targets";

const KEYS = ["image", "agentImage"].map((key) => `${PROJECT}:${key}`);

/** A project file in which one image was moved. */
export interface Pinned {
  readonly key: string;
  /** What was there before. */
  readonly from: Image;
  /** The whole file; the same as before where the image was there already. */
  readonly text: string;
}

/**
 * Writes an image into a Pulumi.yaml, where its repository is named already. Nothing else in the file changes, not a
 * space: the value is replaced in the text, and YAML is only asked where it stands.
 *
 * @param text all of Pulumi.yaml
 * @throws UserError exit 2 where no key, or more than one, holds an image of that repository
 */
export function pinned(text: string, image: Image): Pinned {
  const document = parseDocument(text);
  const [problem] = document.errors;
  if (problem) throw new UserError(`Pulumi.yaml: ${problem.message}`, ExitCode.BadInput);
  const held = KEYS.flatMap((key) => {
    const at = document.getIn(["config", key], true);
    const node = isMap(at) ? at.get("value", true) : at;
    const from = isScalar(node) ? parseImage(String(node.value)) : "is not text";
    // A text over several lines ends in a way of its own; nobody writes an image so.
    const inLine = isScalar(node) && !node.type?.startsWith("BLOCK");
    return inLine && typeof from !== "string" ? [{ key, node, from }] : [];
  });
  const [found, ...more] = held.filter(({ from }) => from.repository === image.repository);
  if (!found || more.length > 0)
    throw new UserError(
      `Pulumi.yaml ${found ? "names" : "does not name"} the repository ${image.repository}${found ? " more than once" : ""} (${held.map(({ key, from }) => `${key}: ${from.repository}`).join(", ")}): set it by hand in exactly one of ${KEYS.join(", ")}`,
      ExitCode.BadInput,
    );
  const { key, node, from } = found;
  const [start, end] = node.range ?? [];
  if (start === undefined || end === undefined) throw new Error(`YAML does not tell where ${key} stands`);
  return { key, from, text: text.slice(0, start) + written(imageText(image), node.type) + text.slice(end) };
}

/** In the quotes the value had. An image has no character that means something to YAML inside them, or without. */
function written(value: string, type: Scalar["type"]): string {
  if (type === Scalar.QUOTE_DOUBLE) return `"${value}"`;
  return type === Scalar.QUOTE_SINGLE ? `'${value}'` : value;
}

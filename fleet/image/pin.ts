import { isMap, isScalar, parseDocument, Scalar } from "yaml";
import { ExitCode, UserError } from "../../model/errors";
import { type Image, parseImage } from "../../model/images";
import { PROJECT } from "../../model/names";
import { imageText } from "./targets";

const KEYS = ["image", "agentImage"].map((key) => `${PROJECT}:${key}`);

/** A project file in which one image was replaced. */
export interface Pinned {
  readonly key: string;
  /** Previous image. */
  readonly from: Image;
  /** Text of the whole file. Unchanged if it already contained the image. */
  readonly text: string;
}

/**
 * Replaces an image in the text of Pulumi.yaml, which must already name its repository. Leaves the rest of the text
 * unchanged, including whitespace: the YAML parser only locates the value.
 *
 * @param text contents of Pulumi.yaml
 * @throws UserError exit 2 unless exactly one key contains an image of this repository
 */
export function pinned(text: string, image: Image): Pinned {
  const document = parseDocument(text);
  const [problem] = document.errors;
  if (problem) throw new UserError(`Pulumi.yaml: ${problem.message}`, ExitCode.BadInput);
  const held = KEYS.flatMap((key) => {
    const at = document.getIn(["config", key], true);
    const node = isMap(at) ? at.get("value", true) : at;
    const from = isScalar(node) ? parseImage(String(node.value)) : "is not text";
    // Ignores block scalars. Their range has a different end, and they are not used for images.
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
  if (start === undefined || end === undefined)
    throw new Error(`internal error: the YAML parser gave no position for ${key}`);
  return { key, from, text: text.slice(0, start) + written(imageText(image), node.type) + text.slice(end) };
}

/**
 * Returns the value in the original quotes. An image contains no characters that YAML would interpret, with or without
 * quotes.
 */
function written(value: string, type: Scalar["type"]): string {
  if (type === Scalar.QUOTE_DOUBLE) return `"${value}"`;
  return type === Scalar.QUOTE_SINGLE ? `'${value}'` : value;
}

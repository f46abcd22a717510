import type { StackConfig } from "../../config/parse";
import { ExitCode } from "../../model/errors";
import { PROJECT } from "../../model/names";
import { broken, type CheckResult, ok, warning } from "../checks/checkResult";
import type { Project } from "../stacks/project";

/** Names and numbers that this repository's files use and that can be nobody's. */
const EXAMPLES = [
  /(^|[/@.])example\.(com|org|net)($|[/:])/,
  /\bexample-org\b/,
  /0123456789abcdef0123456789abcdef/,
  /fedcba9876543210fedcba9876543210/,
  /\b123456789012\b/,
];

/** Whether a value, or any text in it, is one of the repository's examples. */
export function isExample(value: unknown): boolean {
  if (typeof value === "string") return EXAMPLES.some((pattern) => pattern.test(value));
  return typeof value === "object" && value !== null && Object.values(value).some(isExample);
}

/** Keys whose value is still an example, each with its file. */
function exampleKeys(project: Project): { readonly file: string; readonly key: string }[] {
  const found = new Map<string, { file: string; key: string }>();
  const look = (file: string, config: object) => {
    for (const [key, value] of Object.entries(config)) if (isExample(value)) found.set(`${file} ${key}`, { file, key });
  };
  for (const [stack, config] of project.stacks) {
    look("Pulumi.yaml", config.fleet);
    look(`Pulumi.${stack}.yaml`, config.own);
  }
  return [...found.values()];
}

/** Only these can't be known before the foundation is deployed: an image is pushed into a registry it makes. */
const AFTER_FOUNDATION: readonly (keyof StackConfig["fleet"])[] = ["image", "agentImage"];

/** That no example is left of what a deployment must choose itself. */
export function exampleValues(project: Project): CheckResult {
  const left = exampleKeys(project);
  const list = (keys: typeof left) => keys.map(({ file, key }) => `${PROJECT}:${key} (${file})`).join(", ");
  const early = left.filter(({ key }) => !(AFTER_FOUNDATION as readonly string[]).includes(key));
  if (early.length > 0)
    return broken(
      `still has the repository's example values: ${list(left)}`,
      "run `npm run fleet -- init`, or edit them",
      ExitCode.BadInput,
    );
  if (left.length > 0)
    return warning(
      `still has the repository's example values: ${list(left)}`,
      "deploy the foundation, push the images, then set their digests (docs/deploy.md, step 3)",
    );
  return ok("no example values left");
}

import type { StackConfig } from "../../config/parse";
import { ExitCode } from "../../model/errors";
import { PROJECT } from "../../model/names";
import { broken, type CheckResult, ok, warning } from "../checks/checkResult";
import type { Project } from "../stacks/project";

/** Placeholder names and numbers in this repository's files. No real deployment can have them. */
const EXAMPLES = [
  /(^|[/@.])example\.(com|org|net)($|[/:])/,
  /\bexample-org\b/,
  /0123456789abcdef0123456789abcdef/,
  /fedcba9876543210fedcba9876543210/,
  /\b123456789012\b/,
];

/** Whether a value, or any text in it, is one of the repository's placeholders. */
export function isExample(value: unknown): boolean {
  if (typeof value === "string") return EXAMPLES.some((pattern) => pattern.test(value));
  return typeof value === "object" && value !== null && Object.values(value).some(isExample);
}

/** Returns the config keys that still have a placeholder, each with its file. */
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

/**
 * Keys whose values are unknown until the foundation is deployed: it creates the registry that images are pushed to.
 */
const AFTER_FOUNDATION: readonly (keyof StackConfig["fleet"])[] = ["image", "agentImage"];

/** Checks that no config value is still a placeholder. */
export function exampleValues(project: Project): CheckResult {
  const left = exampleKeys(project);
  const list = (keys: typeof left) => keys.map(({ file, key }) => `${PROJECT}:${key} (${file})`).join(", ");
  const early = left.filter(({ key }) => !(AFTER_FOUNDATION as readonly string[]).includes(key));
  if (early.length > 0)
    return broken(
      `these keys still have the repository's example values: ${list(left)}`,
      "run `npm run fleet -- init`, or edit the files",
      ExitCode.BadInput,
    );
  if (left.length > 0)
    return warning(
      `these keys still have the repository's example values: ${list(left)}`,
      "deploy the foundation, push the images, then set their digests (docs/deploy.md, step 3)",
    );
  return ok("no example values left");
}

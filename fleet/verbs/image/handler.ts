import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import pc from "picocolors";
import writeFileAtomic from "write-file-atomic";
import { ExitCode, UserError } from "../../../model/errors";
import { isUserError } from "../../engine/failure";
import { gitHub, runUrl } from "../../github/client";
import { sign as signImage, unsigned } from "../../image/cosign";
import { pinned } from "../../image/pin";
import { type Proposed, propose } from "../../image/pullRequest";
import { type Patience, waitForImage } from "../../image/registry";
import { fleetOf, imageOf, imageText, signerOf, type Target, targetsOf } from "../../image/targets";
import { readProject } from "../../stacks/project";
import { print } from "../../terminal/messages";
import { table } from "../../terminal/table";
import type { LookOptions, PinOptions } from "./verb";

/** Poll interval for a registry. */
const POLL_MS = 5_000;

/** Result for one image in one region. */
interface Finding {
  readonly region: string;
  readonly image: string;
  /** `host/repository@digest`. Absent if the registry did not return it. */
  readonly reference?: string;
  readonly result: "signed" | "signed now" | "failed";
  readonly message?: string;
  readonly exitCode: ExitCode;
}

/**
 * Checks whether every region's registry contains the images with a signature of the workflow that builds them, which a
 * deployment requires. Exit 4: an image is missing or lacks that signature; 9: an image did not arrive in time; 10: a
 * service did not answer.
 */
export async function verify(options: LookOptions, pollMs = POLL_MS): Promise<ExitCode> {
  return look("image verify", { ...options, pollMs }, async (reference, signer) => {
    const found = await unsigned(reference, signer, options.signal);
    if (found === undefined) return "signed";
    throw new UserError(
      `${reference} is not signed by ${signer} (${found}): build it with that workflow, or rerun its failed job`,
      ExitCode.ResourceFailed,
    );
  });
}

/**
 * Signs the images in every region's registry with the identity of the current job. ECR replicates signatures like
 * images, but guarantees no time. Instead of waiting, this command adds a signature to each registry without one.
 *
 * @throws UserError exit 2 outside of a GitHub Actions job, because {@link verify} does not accept a person's signature
 */
export async function sign(options: LookOptions, pollMs = POLL_MS): Promise<ExitCode> {
  if (!process.env.ACTIONS_ID_TOKEN_REQUEST_URL)
    throw new UserError(
      "only a job of the Image workflow can sign images, because signing needs the permission `id-token: write`: run that workflow",
      ExitCode.BadInput,
    );
  return look("image sign", { ...options, pollMs }, async (reference, signer) => {
    if ((await unsigned(reference, signer, options.signal)) === undefined) return "signed";
    await signImage(reference, options.signal);
    return "signed now";
  });
}

/** Updates an image in Pulumi.yaml, either locally or through a pull request. Leaves the rest of the file unchanged. */
export async function pin({ local, json, project, image: text, pullRequest, also }: PinOptions): Promise<ExitCode> {
  refuseLocal(local);
  const image = imageOf(text);
  let done: Proposed | { readonly outcome: "written" | "unchanged" };
  if (pullRequest) {
    const files = changedIn(project, also).map((path) => ({
      path,
      content: readFileSync(join(project, path), "utf8"),
    }));
    done = await propose(gitHub(), { image, files, runUrl: runUrl(process.env) });
  } else {
    if (also.length > 0) throw new UserError("--also needs --pull-request: add it, or omit --also", ExitCode.BadInput);
    const file = join(project, "Pulumi.yaml");
    if (!existsSync(file))
      throw new UserError(`${file} does not exist: pass the project folder with --project`, ExitCode.BadInput);
    const before = readFileSync(file, "utf8");
    const after = pinned(before, image).text;
    if (after !== before) await writeFileAtomic(file, after);
    done = { outcome: after === before ? "unchanged" : "written" };
  }
  const url = "url" in done ? done.url : undefined;
  if (json) print(JSON.stringify({ verb: "image pin", image: imageText(image), ...done }, null, 2));
  else print(`${imageText(image)}: ${done.outcome}${url ? ` ${url}` : ""}`);
  return ExitCode.Success;
}

/**
 * Returns the files in the folders that are modified or untracked, but not ignored. Unchanged files are not part of the
 * pull request, because main may have changed them in the meantime.
 */
function changedIn(project: string, folders: readonly string[]): string[] {
  if (folders.length === 0) return [];
  const args = ["ls-files", "-z", "--modified", "--others", "--exclude-standard", "--", ...folders];
  const listed = execFileSync("git", args, { cwd: project, encoding: "utf8" });
  return [...new Set(listed.split("\0"))].filter(Boolean);
}

/** Runs the same check for every image in every region concurrently. One failure does not hide the others. */
async function look(
  verb: string,
  options: LookOptions & { readonly pollMs: number },
  work: (reference: string, signer: string) => Promise<Finding["result"]>,
): Promise<ExitCode> {
  refuseLocal(options.local);
  const fleet = fleetOf(readProject(options.project));
  const signer = signerOf(fleet);
  const targets = targetsOf(fleet, options.image === undefined ? undefined : imageOf(options.image));
  const { timeout: timeoutSeconds, pollMs, signal } = options;
  const patience = { timeoutSeconds, pollMs, signal };
  const findings = await Promise.all(
    targets.map((target) => finding(target, patience, (reference) => work(reference, signer))),
  );
  const exitCode = findings.find((each) => each.exitCode !== ExitCode.Success)?.exitCode ?? ExitCode.Success;
  if (options.json) print(JSON.stringify({ verb, exitCode, signer, images: findings }, null, 2));
  else {
    const messages = new Set(findings.flatMap(({ message }) => message ?? []));
    print(tableOf(findings), ...[...messages].map((message) => pc.red(message)));
  }
  return exitCode;
}

async function finding(
  target: Target,
  patience: Patience,
  work: (reference: string) => Promise<Finding["result"]>,
): Promise<Finding> {
  const what = { region: target.region.name, image: imageText(target.image) };
  let reference: string | undefined;
  try {
    reference = await waitForImage(target, patience);
    const result = await work(reference);
    process.stderr.write(`${what.region} ${target.image.repository}: ${result}\n`);
    return { ...what, reference, result, exitCode: ExitCode.Success };
  } catch (error) {
    if (!isUserError(error) || error.exitCode === ExitCode.Cancelled) throw error;
    return { ...what, reference, result: "failed", message: error.message, exitCode: error.exitCode };
  }
}

function tableOf(findings: readonly Finding[]): string {
  return table(
    ["region", "image", "registry", "result"],
    findings.map(({ region, image, reference, result }) => [
      region,
      image.replace(/(sha256:.{12}).*/, "$1"),
      reference?.split("/")[0] ?? "–",
      result === "failed" ? pc.red(result) : pc.green(result),
    ]),
  );
}

function refuseLocal(local: boolean): void {
  if (local)
    throw new UserError("the local fleet has no registries and no signed images: omit --local", ExitCode.BadInput);
}

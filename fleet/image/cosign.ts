import { execFile } from "node:child_process";
import { ExitCode, UserError } from "../../model/errors";
import { NO_ANSWER } from "../engine/changes";

/** Issuer of the tokens that GitHub gives to jobs, as Fulcio writes it into certificates. */
const ISSUER = "https://token.actions.githubusercontent.com";

/**
 * How cosign signs in at a registry: as everywhere else, and where that knows no password, with AWS' credentials of the
 * environment. (The flag is named for where it was first needed; its keychain holds AWS' credential helper.)
 */
const SIGN_IN = "--k8s-keychain";

/**
 * Whether the image bears a signature of `signer`, with its entry in the public transparency log.
 *
 * @param reference `host/repository@sha256:…`
 * @param signer identity in the signature's certificate
 * @returns undefined where it does, else what cosign found instead
 * @throws UserError exit 2 without cosign, 3 where the registry refused us, 10 where something did not answer
 */
export async function unsigned(reference: string, signer: string, signal: AbortSignal): Promise<string | undefined> {
  const { code, said } = await cosign(
    ["verify", SIGN_IN, "--certificate-identity", signer, "--certificate-oidc-issuer", ISSUER, reference],
    signal,
  );
  if (code === 0) return undefined;
  refuse(said, reference);
  return said;
}

/**
 * Signs the image with a certificate for the job's own identity. The signature is pushed beside the image, as an artifact
 * that refers to it by digest (OCI 1.1): no tag is made or moved, so repositories whose tags never move take any number.
 *
 * @throws UserError exit 4 where cosign fails otherwise than {@link unsigned} does
 */
export async function sign(reference: string, signal: AbortSignal): Promise<void> {
  const { code, said } = await cosign(["sign", "--yes", SIGN_IN, reference], signal);
  if (code === 0) return;
  refuse(said, reference);
  throw new UserError(`${reference} could not be signed: ${said}`, ExitCode.ResourceFailed);
}

/** Failures that say nothing about the signature. */
function refuse(said: string, reference: string): void {
  if (NO_ANSWER.test(said))
    throw new UserError(`cosign got no answer from the registry of ${reference}: ${said}`, ExitCode.Unreachable);
  if (/UNAUTHORIZED|DENIED|unexpected status code 40[13]|no basic auth credentials/i.test(said))
    throw new UserError(
      `the registry of ${reference} rejected cosign's credentials: ${said}`,
      ExitCode.Unauthenticated,
    );
}

function cosign(args: string[], signal: AbortSignal): Promise<{ code: number; said: string }> {
  return new Promise((resolve, reject) => {
    execFile("cosign", args, { env: process.env, signal, maxBuffer: 64 * 1024 * 1024 }, (error, _stdout, stderr) => {
      if (!error) resolve({ code: 0, said: "" });
      else if (signal.aborted) reject(new UserError("interrupted while cosign was running", ExitCode.Cancelled));
      else if (error.code === "ENOENT")
        reject(
          new UserError("cosign is not on PATH: install version 3 (https://docs.sigstore.dev)", ExitCode.BadInput),
        );
      else if (typeof error.code !== "number") reject(error);
      else resolve({ code: error.code, said: essence(stderr) });
    });
  });
}

/** The first line that says what is wrong; cosign repeats it with where in its code it happened. */
function essence(stderr: string): string {
  const lines = stderr.split("\n").map((line) => line.trim());
  const told = lines.find((line) => /^Error: /.test(line)) ?? lines.find((line) => line !== "");
  return (told ?? "it printed no reason").replace(/^Error: /, "");
}

import { execFile } from "node:child_process";
import { ExitCode, UserError } from "../../model/errors";
import { NO_ANSWER } from "../engine/changes";

/** Issuer of the tokens that GitHub gives to jobs, as it appears in Fulcio's certificates. */
const ISSUER = "https://token.actions.githubusercontent.com";

/**
 * Flag that makes cosign sign in to a registry with the usual credentials, and otherwise with the AWS credentials from
 * the environment. (The flag is named after its first use; its keychain includes AWS' credential helper.)
 */
const SIGN_IN = "--k8s-keychain";

/**
 * Checks that an image has a signature of `signer` with an entry in the public transparency log.
 *
 * @param reference `host/repository@sha256:…`
 * @param signer identity in the signature's certificate
 * @returns undefined if the signature is valid, otherwise cosign's explanation
 * @throws UserError exit 2 without cosign, 3 if the registry rejects the credentials, 10 if a service does not answer
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
 * Signs the image with a certificate for the job's own identity. cosign pushes the signature to the image's repository
 * as an artifact that refers to the image by digest (OCI 1.1). It creates and moves no tag, so it works with immutable
 * tags and any number of signatures.
 *
 * @throws UserError exit 4 if cosign fails for a reason other than those of {@link unsigned}
 */
export async function sign(reference: string, signal: AbortSignal): Promise<void> {
  const { code, said } = await cosign(["sign", "--yes", SIGN_IN, reference], signal);
  if (code === 0) return;
  refuse(said, reference);
  throw new UserError(`${reference} could not be signed: ${said}`, ExitCode.ResourceFailed);
}

/** Throws if a failure says nothing about the signature. */
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

/** Returns the first line that contains the error. cosign repeats the error with its location in the code. */
function essence(stderr: string): string {
  const lines = stderr.split("\n").map((line) => line.trim());
  const told = lines.find((line) => /^Error: /.test(line)) ?? lines.find((line) => line !== "");
  return (told ?? "it printed no reason").replace(/^Error: /, "");
}

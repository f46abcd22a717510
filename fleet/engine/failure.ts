import { ExitCode, UserError } from "../../model/errors";
import { NO_ANSWER, nameOf, type Recording, shortType, typeOf } from "./changes";
import { EngineFailed } from "./processGroup";

/**
 * How the Kubernetes provider ends what it says of a cluster that does not answer. Followed, it drops from the state what
 * may well be there: left out.
 */
const DROP_FROM_STATE = /\s*If the cluster (has been|was) deleted, you can .*/;

/** An error as it is told: in words, with the exit code that stands for it. */
export interface Failure {
  readonly message: string;
  readonly exitCode: ExitCode;
}

/**
 * How Pulumi and the clouds' libraries say that they were given no credentials at all, which is not that some were refused:
 * Pulumi's backend, the AWS SDK for Go (versions 1 and 2) and the AWS provider.
 */
const NO_CREDENTIALS =
  /PULUMI_ACCESS_TOKEN must be set|NoCredentialProviders|no valid credential sources|no EC2 IMDS role found|failed to (retrieve|refresh cached) credentials/i;

const NO_ACCOUNT =
  "no cloud credentials found: add --local to use the local fleet, or run `pulumi login` and set credentials (docs/deploy.md)";

/** How the engine says that what encrypted the state's secrets is not what it was given now. */
const WRONG_PASSPHRASE = /incorrect passphrase/;

const PASSPHRASE_SOUGHT =
  "wrong passphrase for this state's secrets: restore PULUMI_CONFIG_PASSPHRASE or, for the local fleet, the file `passphrase` in its folder. If it is lost, delete the local fleet with `destroy --local --with-data`";

/** How an engine that could not write its state says so; the error names the stack's file. */
const DISK_FULL = /no space left on device|disk quota exceeded/i;

/** What the clouds' errors look like, by what they mean to the caller; the first match decides. */
const MEANINGS: readonly (readonly [RegExp, ExitCode])[] = [
  [NO_ANSWER, ExitCode.Unreachable],
  [
    /ExpiredToken|InvalidClientTokenId|UnrecognizedClient|Authentication error|401 Unauthorized/i,
    ExitCode.Unauthenticated,
  ],
  [/is protected|marked for protection|protected and can ?not be deleted/i, ExitCode.Refused],
  [/The config of stack \S+ is invalid/, ExitCode.BadInput],
];

/**
 * What went wrong in a run of one stack.
 *
 * @param error what the run threw
 * @param recording what its engine said meanwhile
 * @param signal aborted: the user asked for the end
 */
export function failureOf(error: unknown, recording?: Recording, signal?: AbortSignal): Failure {
  if (isUserError(error)) return { message: error.message, exitCode: error.exitCode };
  if (signal?.aborted)
    return { message: "interrupted; the state is consistent. Run `up` to resume", exitCode: ExitCode.Cancelled };
  // The engine works on many resources at once: the order of what they say means nothing, and changes each time.
  const said = [...new Set([...(recording?.errors ?? [])].map(essence))].filter(Boolean).sort();
  const thrown = error instanceof Error ? error.message : String(error);
  const message = said.length > 0 ? inShort(said) : thrown;
  if (NO_CREDENTIALS.test(message)) return { message: NO_ACCOUNT, exitCode: ExitCode.Unauthenticated };
  if (WRONG_PASSPHRASE.test(message)) return { message: PASSPHRASE_SOUGHT, exitCode: ExitCode.Unauthenticated };
  if (DISK_FULL.test(message))
    return {
      message: `the disk is full, so the state was not written: free some space, then run this again\n${message}`,
      exitCode: ExitCode.ResourceFailed,
    };
  const meaning = MEANINGS.find(([pattern]) => pattern.test(message))?.[1];
  if (meaning !== undefined) return { message, exitCode: meaning };
  if (!(error instanceof EngineFailed)) return { message, exitCode: ExitCode.Failure };
  const known = error.code >= ExitCode.BadInput && error.code <= ExitCode.TimedOut;
  return { message, exitCode: known ? error.code : ExitCode.ResourceFailed };
}

/** So many resources without an answer are named one by one; of more, it is their cloud that does not answer. */
const NAMED = 3;

function inShort(said: readonly string[]): string {
  const [first = ""] = said;
  if (said.length <= NAMED || !said.every((text) => NO_ANSWER.test(text))) return said.join("\n");
  return `${first} (and ${said.length - 1} more without an answer)`;
}

export function isUserError(error: unknown): error is UserError {
  return error instanceof UserError || (error as { isUserError?: unknown } | null)?.isUserError === true;
}

/** How the engine refuses to delete what is protected, at such length that the resource is lost in it. */
const PROTECTED = /resource "(urn:\S+)" cannot be deleted\s+because it is protected/;

/** An engine's error without what surrounds it: the frames of the program's stack, the path an output took to fail. */
function essence(text: string): string {
  const [, urn] = PROTECTED.exec(text) ?? [];
  if (urn) return `${shortType(typeOf(urn))} ${nameOf(urn)} is protected and cannot be deleted (${urn})`;
  return text
    .split("\n")
    .filter((line) => !/^\s+at /.test(line) && !/^(update|preview|destroy|refresh) failed$/.test(line))
    .map((line) => line.replace(DROP_FROM_STATE, ""))
    .map((line) => line.replace(/^(Unhandled exception: |Error: |error serializing property "[^"]*": )+/, ""))
    .join("\n");
}

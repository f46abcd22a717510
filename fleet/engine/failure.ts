import { ExitCode, UserError } from "../../model/errors";
import { NO_ANSWER, nameOf, type Recording, shortType, typeOf } from "./changes";
import { EngineFailed } from "./processGroup";

/**
 * Advice that the Kubernetes provider appends if a cluster does not answer. It is removed from messages, because
 * following the advice would drop resources from the state that may still exist.
 */
const DROP_FROM_STATE = /\s*If the cluster (has been|was) deleted, you can .*/;

/** An error message with its exit code. */
export interface Failure {
  readonly message: string;
  readonly exitCode: ExitCode;
}

/**
 * Errors of Pulumi's backend, the AWS SDK for Go (versions 1 and 2) and the AWS provider that mean missing credentials,
 * as opposed to rejected ones.
 */
const NO_CREDENTIALS =
  /PULUMI_ACCESS_TOKEN must be set|NoCredentialProviders|no valid credential sources|no EC2 IMDS role found|failed to (retrieve|refresh cached) credentials/i;

const NO_ACCOUNT =
  "no cloud credentials found: add --local to use the local fleet, or run `pulumi login` and set credentials (docs/deploy.md)";

/** The engine's error if the passphrase does not decrypt the state's secrets. */
const WRONG_PASSPHRASE = /incorrect passphrase/;

const PASSPHRASE_SOUGHT =
  "wrong passphrase for this state's secrets: restore PULUMI_CONFIG_PASSPHRASE or, for the local fleet, the file `passphrase` in its folder. If it is lost, delete the local fleet with `destroy --local --with-data`";

/** Errors of an engine that could not write its state. They name the stack's file. */
const DISK_FULL = /no space left on device|disk quota exceeded/i;

/** Patterns of errors with their exit codes. The first match decides. */
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
 * Returns the failure of one stack's run.
 *
 * @param error the error that the run threw
 * @param recording events of the run's engine
 * @param signal aborted if the user interrupted the run
 */
export function failureOf(error: unknown, recording?: Recording, signal?: AbortSignal): Failure {
  if (isUserError(error)) return { message: error.message, exitCode: error.exitCode };
  if (signal?.aborted)
    return { message: "interrupted; the state is consistent. Run `up` to resume", exitCode: ExitCode.Cancelled };
  // Sorted, because the engine works on many resources concurrently and reports their errors in random order.
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

/**
 * Maximum number of unanswered resources that are listed individually. With more, the cause is probably their cloud.
 */
const NAMED = 3;

function inShort(said: readonly string[]): string {
  const [first = ""] = said;
  if (said.length <= NAMED || !said.every((text) => NO_ANSWER.test(text))) return said.join("\n");
  return `${first} (and ${said.length - 1} more without an answer)`;
}

export function isUserError(error: unknown): error is UserError {
  return error instanceof UserError || (error as { isUserError?: unknown } | null)?.isUserError === true;
}

/** The engine's error for deleting a protected resource, which is too long to show in full. */
const PROTECTED = /resource "(urn:\S+)" cannot be deleted\s+because it is protected/;

/** Reduces an engine's error to its essence, without stack frames and wrapper messages. */
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

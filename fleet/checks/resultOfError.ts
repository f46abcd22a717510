import { ExitCode } from "../../model/errors";
import { isUserError } from "../engine/failure";
import { broken, type CheckResult, warning } from "./checkResult";

/** Names of AWS errors for an unknown caller (AWS Common Errors; `AuthFailure` is EC2's). */
const UNKNOWN_CALLER =
  /^(CredentialsProviderError|TokenProviderError|ExpiredToken(Exception)?|InvalidClientTokenId|UnrecognizedClientException|SignatureDoesNotMatch|InvalidAccessKeyId|AuthFailure|IncompleteSignature)$/;
/** Names of AWS errors for a known caller without the permission. */
const REFUSED = /^(AccessDenied(Exception)?|UnauthorizedOperation|Forbidden|403)$/;
/** Node's error codes, which a wrapper may have put into a message, and the clients' own error names. */
const NO_ANSWER =
  /\b(ECONN(REFUSED|RESET|ABORTED)|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EPIPE)\b|^(TimeoutError|APIConnection)/;

const SERVER_ERROR = 500;

interface Thrown {
  readonly name?: string;
  readonly code?: string;
  readonly message?: string;
  /** HTTP status; the Cloudflare client sets it. */
  readonly status?: number;
  readonly cause?: Thrown;
  readonly constructor?: { readonly name: string };
  /** The AWS clients set it. */
  readonly $metadata?: { readonly httpStatusCode?: number };
}

/**
 * Returns the check result for an error that the check did not handle.
 *
 * A refused call is only a warning: the caller of a check may have fewer permissions than the deployment role.
 */
export function resultOfError(error: unknown): CheckResult {
  if (isUserError(error)) return broken(error.message, "see the finding", error.exitCode);
  const { name = "", code = "", message = String(error), cause, status, $metadata } = (error ?? {}) as Thrown;
  const names = [name, code, cause?.code ?? "", cause?.name ?? "", (error as Thrown)?.constructor?.name ?? ""];
  const is = (pattern: RegExp) => names.some((each) => pattern.test(each));
  if (is(UNKNOWN_CALLER))
    return broken(
      `AWS refuses the credentials: ${message}`,
      "log in again: `aws sso login` or new keys",
      ExitCode.Unauthenticated,
    );
  const answered = status ?? $metadata?.httpStatusCode;
  if (is(NO_ANSWER) || NO_ANSWER.test(message) || (answered !== undefined && answered >= SERVER_ERROR))
    return broken(
      `no usable answer: ${cause?.message ?? message}`,
      "check the network, the proxy and the provider's status page, then run the command again",
      ExitCode.Unreachable,
    );
  if (status === 401) return broken(`refused: ${message}`, "make a new token", ExitCode.Unauthenticated);
  if (is(REFUSED) || answered === 403)
    return warning(`may not be looked at with these credentials: ${message}`, "allow the call, or look yourself");
  return broken(message, "look at the message; if it makes no sense, report it", ExitCode.Failure);
}

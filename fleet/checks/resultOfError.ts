import { ExitCode } from "../../model/errors";
import { isUserError } from "../engine/failure";
import { broken, type CheckResult, warning } from "./checkResult";

/** Names of AWS errors for rejected credentials (AWS Common Errors; `AuthFailure` is EC2's). */
const UNKNOWN_CALLER =
  /^(CredentialsProviderError|TokenProviderError|ExpiredToken(Exception)?|InvalidClientTokenId|UnrecognizedClientException|SignatureDoesNotMatch|InvalidAccessKeyId|AuthFailure|IncompleteSignature)$/;
/** Names of AWS errors for an authenticated caller without the permission. */
const REFUSED = /^(AccessDenied(Exception)?|UnauthorizedOperation|Forbidden|403)$/;
/** Node's error codes, which a wrapper may have put into a message, and the SDK clients' error names. */
const NO_ANSWER =
  /\b(ECONN(REFUSED|RESET|ABORTED)|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EPIPE)\b|^(TimeoutError|APIConnection)/;

const SERVER_ERROR = 500;

interface Thrown {
  readonly name?: string;
  readonly code?: string;
  readonly message?: string;
  /** HTTP status, as the Cloudflare client reports it. */
  readonly status?: number;
  readonly cause?: Thrown;
  readonly constructor?: { readonly name: string };
  /** Response metadata, as the AWS clients report it. */
  readonly $metadata?: { readonly httpStatusCode?: number };
}

/**
 * Returns the check result for an error that the check did not handle.
 *
 * A denied call is only a warning: the user may have fewer permissions than the deployment role.
 */
export function resultOfError(error: unknown): CheckResult {
  if (isUserError(error))
    return broken(error.message, "fix what the finding names, then run the command again", error.exitCode);
  const { name = "", code = "", message = String(error), cause, status, $metadata } = (error ?? {}) as Thrown;
  const names = [name, code, cause?.code ?? "", cause?.name ?? "", (error as Thrown)?.constructor?.name ?? ""];
  const is = (pattern: RegExp) => names.some((each) => pattern.test(each));
  if (is(UNKNOWN_CALLER))
    return broken(
      `AWS rejects the credentials: ${message}`,
      "log in again with `aws sso login`, or create new access keys",
      ExitCode.Unauthenticated,
    );
  const answered = status ?? $metadata?.httpStatusCode;
  if (is(NO_ANSWER) || NO_ANSWER.test(message) || (answered !== undefined && answered >= SERVER_ERROR))
    return broken(
      `no valid response: ${cause?.message ?? message}`,
      "check the network, the proxy and the provider's status page, then run the command again",
      ExitCode.Unreachable,
    );
  if (status === 401)
    return broken(`the service rejects the API token: ${message}`, "create a new API token", ExitCode.Unauthenticated);
  if (is(REFUSED) || answered === 403)
    return warning(
      `these credentials lack a permission that this check needs: ${message}`,
      "grant the permission, or check it by hand",
    );
  return broken(
    message,
    "fix the cause that the message names; if the message is unclear, report a bug",
    ExitCode.Failure,
  );
}

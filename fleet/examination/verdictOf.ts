import { ExitCode } from "../../model/errors";
import { isUserError } from "../engine/failure";
import { broken, type Verdict, warning } from "./finding";

/** Names of errors by which AWS says that it does not know the caller (Common Errors; EC2's own is AuthFailure). */
const UNKNOWN_CALLER =
  /^(CredentialsProviderError|TokenProviderError|ExpiredToken(Exception)?|InvalidClientTokenId|UnrecognizedClientException|SignatureDoesNotMatch|InvalidAccessKeyId|AuthFailure|IncompleteSignature)$/;
/** Those by which it knows the caller and says no. */
const REFUSED = /^(AccessDenied(Exception)?|UnauthorizedOperation|Forbidden|403)$/;
/** Node's codes, which some wrapper may have made part of a message, and the clients' own names. */
const NO_ANSWER =
  /\b(ECONN(REFUSED|RESET|ABORTED)|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EPIPE)\b|^(TimeoutError|APIConnection)/;

const SERVER_ERROR = 500;

interface Thrown {
  readonly name?: string;
  readonly code?: string;
  readonly message?: string;
  /** Of the Cloudflare client. */
  readonly status?: number;
  readonly cause?: Thrown;
  readonly constructor?: { readonly name: string };
  /** Of an AWS client. */
  readonly $metadata?: { readonly httpStatusCode?: number };
}

/**
 * What an error says about the set-up, where the check had no better word for it.
 *
 * A refused call is a warning and breaks nothing: who looks may be allowed less than who deploys.
 */
export function verdictOf(error: unknown): Verdict {
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
      "look at the network, the proxy and the provider's status page, then run doctor again",
      ExitCode.Unreachable,
    );
  if (status === 401) return broken(`refused: ${message}`, "make a new token", ExitCode.Unauthenticated);
  if (is(REFUSED) || answered === 403)
    return warning(`may not be looked at with these credentials: ${message}`, "allow the call, or look yourself");
  return broken(message, "look at the message; if it makes no sense, report it", ExitCode.Failure);
}

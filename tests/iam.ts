import type { Statement } from "../model/policies/document";

/** A call as IAM evaluates it. A missing context key is absent from the request. */
export interface Request {
  readonly action: string;
  readonly resource: string;
  readonly context?: Readonly<Record<string, string | readonly string[]>>;
}

const list = (value: string | readonly string[]) => (typeof value === "string" ? [value] : value);

function like(pattern: string, value: string): boolean {
  const escaped = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${escaped}$`, "s").test(value);
}

const among = (values: readonly string[], actual: string) => values.includes(actual);
const alike = (values: readonly string[], actual: string) => values.some((value) => like(value, actual));

/**
 * Evaluates one operator for one key (IAM user guide, "Condition operators"). Negated operators also match an absent
 * key.
 */
function holds(operator: string, values: readonly string[], actual: string | readonly string[] | undefined): boolean {
  if (operator === "Null") return values.includes(String(actual === undefined));
  if (operator === "ForAnyValue:StringEquals") return list(actual ?? []).some((one) => among(values, one));
  if (operator === "StringNotEquals") return actual === undefined || !among(values, String(actual));
  if (operator === "ArnNotEquals") return actual === undefined || !alike(values, String(actual));
  if (actual === undefined) return false;
  switch (operator) {
    case "StringEquals":
    case "Bool":
      return among(values, String(actual));
    case "StringLike":
    case "ArnLike":
      return alike(values, String(actual));
    case "NumericLessThan":
      return values.some((value) => Number(actual) < Number(value));
    default:
      throw new Error(`the evaluator does not know ${operator}`);
  }
}

function applies({ Action, Resource, NotResource, Condition = {} }: Statement, request: Request): boolean {
  if (!alike(list(Action), request.action)) return false;
  if (Resource !== undefined && !alike(list(Resource), request.resource)) return false;
  if (NotResource !== undefined && alike(list(NotResource), request.resource)) return false;
  return Object.entries(Condition).every(([operator, keys]) =>
    Object.entries(keys).every(([key, values]) => holds(operator, list(values), request.context?.[key])),
  );
}

/** Returns whether these statements alone allow a call: at least one allows it, and none denies it. */
export function allows(statements: readonly Statement[], request: Request): boolean {
  const effects = statements.filter((statement) => applies(statement, request)).map(({ Effect }) => Effect);
  return effects.includes("Allow") && !effects.includes("Deny");
}

/** Returns whether one of these statements denies a call, even if others allow it. */
export function denies(statements: readonly Statement[], request: Request): boolean {
  return statements.some((statement) => statement.Effect === "Deny" && applies(statement, request));
}

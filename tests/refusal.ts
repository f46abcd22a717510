import type { UserError } from "../model/errors";

const nothing = () => new Error("nothing was refused");

/** Returns the error with which a promise rejects. */
export function refusal(work: Promise<unknown>): Promise<UserError> {
  return work.then(
    () => Promise.reject(nothing()),
    (error) => error,
  );
}

/** Returns the error that a function throws. */
export function thrown(work: () => unknown): UserError {
  try {
    work();
  } catch (error) {
    return error as UserError;
  }
  throw nothing();
}

import { isText } from "../../agent/flows/canonicalJson";
import { messageOf } from "../rehearsal/outcome";
import { type Answer, asObject, type RehearsedLangFlow } from "../rehearsal/rehearsedLangFlow";
import { failed, passed, type StepEnd } from "./steps";

/** An old and a new LangFlow on the same database, as during a rolling upgrade. */
export interface Both {
  readonly old: Asked;
  readonly new: Asked;
}

type Asked = Pick<RehearsedLangFlow, "ask" | "headers" | "signInRefusal">;

const WAYS = [
  ["old", "new"],
  ["new", "old"],
] as const;

/** Checks that each version accepts the other's sessions, and that users can sign in to both. */
export async function sessionsInBoth(both: Both): Promise<StepEnd> {
  for (const [from, to] of WAYS) {
    const { status, body } = await both[to].ask("GET", "/api/v1/users/whoami", undefined, both[from].headers);
    if (status !== 200)
      return failed(`a session of the ${from} one is refused by the ${to} one: ${told(status, body)}`);
  }
  for (const which of ["old", "new"] as const) {
    const refusal = await both[which].signInRefusal();
    if (refusal !== undefined) return failed(`the ${which} one lets nobody sign in any more: ${refusal}`);
  }
  return passed("a session of the one is good in the other, and both let users sign in");
}

/** Checks that each version can change a flow that the other saved, and that the other reads the change. */
export async function savesInBoth(both: Both): Promise<StepEnd> {
  for (const [writer, reader] of WAYS) {
    const { headers } = both[writer];
    const name = `Saved by the ${writer} one`;
    const made = await both[writer].ask("POST", "/api/v1/flows/", { name, data: { nodes: [], edges: [] } }, headers);
    const { id } = asObject(made.body);
    if (made.status !== 201 || !isText(id))
      return failed(`the ${writer} one does not save a flow: ${told(made.status, made.body)}`);
    const path = `/api/v1/flows/${id}`;
    const description = `Changed by the ${reader} one`;
    const changed = await both[reader].ask("PATCH", path, { description }, headers);
    if (changed.status !== 200)
      return failed(
        `what the ${writer} one saves, the ${reader} one does not change: ${told(changed.status, changed.body)}`,
      );
    const back = await both[writer].ask("GET", path, undefined, headers);
    if (back.status !== 200 || asObject(back.body).description !== description)
      return failed(`what the ${reader} one changes, the ${writer} one does not read: ${told(back.status, back.body)}`);
  }
  return passed("what the one saves is changed in the other, and read as it was changed");
}

const told = (status: number, body: Answer["body"]): string =>
  status === 200 ? "it is as it was before" : `${status === 0 ? "" : `status ${status}: `}${messageOf(body)}`;

import { isText } from "../../formats/flows/canonicalJson";
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
      return failed(`the ${to} version rejects a session of the ${from} version: ${told(status, body)}`);
  }
  for (const which of ["old", "new"] as const) {
    const refusal = await both[which].signInRefusal();
    if (refusal !== undefined) return failed(`users can no longer sign in to the ${which} version: ${refusal}`);
  }
  return passed("each version accepts the other's sessions, and users can sign in to both");
}

/** Checks that each version can change a flow that the other saved, and that the other reads the change. */
export async function savesInBoth(both: Both): Promise<StepEnd> {
  for (const [writer, reader] of WAYS) {
    const { headers } = both[writer];
    const name = `Saved by the ${writer} one`;
    const made = await both[writer].ask("POST", "/api/v1/flows/", { name, data: { nodes: [], edges: [] } }, headers);
    const { id } = asObject(made.body);
    if (made.status !== 201 || !isText(id))
      return failed(`the ${writer} version cannot save a flow: ${told(made.status, made.body)}`);
    const path = `/api/v1/flows/${id}`;
    const description = `Changed by the ${reader} one`;
    const changed = await both[reader].ask("PATCH", path, { description }, headers);
    if (changed.status !== 200)
      return failed(
        `the ${reader} version cannot change a flow of the ${writer} version: ${told(changed.status, changed.body)}`,
      );
    const back = await both[writer].ask("GET", path, undefined, headers);
    if (back.status !== 200 || asObject(back.body).description !== description)
      return failed(
        `the ${writer} version cannot read a change of the ${reader} version: ${told(back.status, back.body)}`,
      );
  }
  return passed("each version can change the other's flows, and the other reads the change");
}

const told = (status: number, body: Answer["body"]): string =>
  status === 200 ? "the flow is unchanged" : `${status === 0 ? "" : `status ${status}: `}${messageOf(body)}`;

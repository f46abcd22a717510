import type { Answer } from "../../../fleet/rehearsal/rehearsedLangFlow";
import { savesInBoth, sessionsInBoth } from "../../../fleet/upgrade/bothVersions";
import type { JsonObject } from "../../../formats/flows/canonicalJson";

type Which = "old" | "new";
interface Question {
  readonly to: Which;
  readonly as: string;
  readonly line: string;
}

/** Fakes two LangFlows that share a table of flows. `spoiled` can override the answer of either. */
function both(spoiled: (question: Question) => Answer | undefined = () => undefined, shut?: Which) {
  const flows = new Map<string, JsonObject>();
  const langflow = (which: Which) => ({
    headers: { authorization: which },
    signInRefusal: async () => (which === shut ? "status 401" : undefined),
    async ask(
      method: string,
      path: string,
      body?: JsonObject,
      headers: Readonly<Record<string, string>> = {},
    ): Promise<Answer> {
      const line = `${method} ${path.replace(/[^/]+$/, "")}`;
      const told = spoiled({ to: which, as: headers.authorization ?? which, line });
      if (told) return told;
      if (method === "GET" && path.endsWith("whoami")) return { status: 200, body: {} };
      if (method === "POST") {
        const id = `${flows.size}`;
        flows.set(id, { ...body, id });
        return { status: 201, body: { id } };
      }
      const id = path.split("/").at(-1) ?? "";
      if (method === "PATCH") flows.set(id, { ...flows.get(id), ...body });
      return { status: 200, body: flows.get(id) ?? null };
    },
  });
  return { old: langflow("old"), new: langflow("new") };
}
const refuses =
  (to: Which, as: Which, method: string): Parameters<typeof both>[0] =>
  (question) =>
    question.to === to && question.as === as && question.line.startsWith(method)
      ? { status: 500, body: { detail: "no such column" } }
      : undefined;

describe("the checks of an old and a new LangFlow on one database", () => {
  it("pass if users and their saved flows work in both", async () => {
    expect(await sessionsInBoth(both())).toMatchObject({ result: "passed" });
    expect(await savesInBoth(both())).toMatchObject({ result: "passed" });
  });

  it.each<[Which, Which]>([
    ["new", "old"],
    ["old", "new"],
  ])("fail if the %s LangFlow rejects a session of the %s LangFlow", async (to, as) => {
    expect(await sessionsInBoth(both(refuses(to, as, "GET")))).toEqual({
      result: "failed",
      said: `the ${to} version rejects a session of the ${as} version: status 500: no such column`,
    });
  });

  it.each<Which>(["old", "new"])("fail if users cannot sign in to the %s LangFlow", async (which) => {
    expect(await sessionsInBoth(both(undefined, which))).toEqual({
      result: "failed",
      said: `users can no longer sign in to the ${which} version: status 401`,
    });
  });

  it.each<[string, Which, Which, string, RegExp]>([
    ["saves", "old", "old", "POST", /^the old version cannot save a flow: status 500: no such column$/],
    ["changes", "old", "new", "PATCH", /^the old version cannot change a flow of the new version: /],
    ["reads", "new", "new", "GET", /^the new version cannot read a change of the old version: /],
  ])("fail if either LangFlow no longer %s flows", async (_, to, as, method, said) => {
    expect(await savesInBoth(both(refuses(to, as, method)))).toEqual({
      result: "failed",
      said: expect.stringMatching(said),
    });
  });

  it("fail if a flow that one LangFlow changed is unchanged in the other", async () => {
    const lost: Parameters<typeof both>[0] = ({ to, line }) =>
      to === "old" && line.startsWith("PATCH") ? { status: 200, body: {} } : undefined;
    expect(await savesInBoth(both(lost))).toEqual({
      result: "failed",
      said: "the new version cannot read a change of the old version: the flow is unchanged",
    });
  });
});

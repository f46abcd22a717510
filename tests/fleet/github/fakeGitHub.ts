import Fastify, { type FastifyInstance } from "fastify";

interface Stored {
  id: number;
  body: string;
  user: { type: "Bot" | "User" };
}
interface Issue extends Stored {
  number: number;
  title: string;
  state: string;
  labels: string[];
  comments: Stored[];
}

/** As much of GitHub's API as our workflows use, kept in memory; it records every call that changes something. */
export class FakeGitHub {
  readonly issues: Issue[] = [];
  /** Comments a pull request, by its number. */
  readonly comments = new Map<number, Stored[]>();
  /** Open pull requests: number, `owner:branch`, commit. */
  readonly pullRequests: { number: number; head: string; sha: string }[] = [];
  /** Deployments, newest first, with the states each went through. */
  readonly deployments: { id: number; sha: string; states: string[]; workflow?: string }[] = [];
  readonly calls: string[] = [];
  /** What every request was authorised with. */
  readonly tokens = new Set<string | undefined>();
  private readonly server: FastifyInstance = Fastify();
  private next = 1;

  async start(): Promise<void> {
    const { server } = this;
    server.addHook("onRequest", async ({ method, url, headers }) => {
      this.tokens.add(headers.authorization);
      if (method !== "GET") this.calls.push(`${method} ${url.replace("/repos/example-org/langflow-dr/", "")}`);
    });
    const repositoryPath = "/repos/example-org/langflow-dr";
    server.get<{ Querystring: { head: string } }>(`${repositoryPath}/pulls`, async ({ query }) =>
      this.pullRequests.filter(({ head }) => head === query.head).map(({ number, sha }) => ({ number, head: { sha } })),
    );
    server.get<{ Querystring: { labels: string } }>(`${repositoryPath}/issues`, async ({ query }) =>
      this.issues.filter(({ state, labels }) => state === "open" && labels.includes(query.labels)),
    );
    server.post<{ Body: Omit<Issue, "id"> }>(`${repositoryPath}/issues`, async ({ body }, reply) => {
      const id = this.next++;
      const issue: Issue = { ...body, id, number: id, state: "open", user: { type: "Bot" }, comments: [] };
      this.issues.push(issue);
      return reply.code(201).send(issue);
    });
    server.patch<{ Params: { number: string }; Body: Partial<Issue> }>(
      `${repositoryPath}/issues/:number`,
      async (request) => Object.assign(this.issue(request.params.number) ?? {}, request.body),
    );
    server.get<{ Params: { number: string } }>(`${repositoryPath}/issues/:number/comments`, async ({ params }) =>
      this.commentsOf(params.number),
    );
    server.post<{ Params: { number: string }; Body: { body: string } }>(
      `${repositoryPath}/issues/:number/comments`,
      async ({ params, body }, reply) => {
        const made: Stored = { id: this.next++, body: body.body, user: { type: "Bot" } };
        this.commentsOf(params.number).push(made);
        return reply.code(201).send(made);
      },
    );
    server.patch<{ Params: { id: string }; Body: { body: string } }>(
      `${repositoryPath}/issues/comments/:id`,
      async ({ params, body }) => Object.assign(this.comment(params.id) ?? {}, body),
    );
    server.delete<{ Params: { id: string } }>(`${repositoryPath}/issues/comments/:id`, async ({ params }, reply) => {
      for (const list of this.comments.values()) {
        const at = list.findIndex(({ id }) => String(id) === params.id);
        if (at >= 0) list.splice(at, 1);
      }
      return reply.code(204).send();
    });
    server.get(`${repositoryPath}/deployments`, async () => this.deployments.map(({ id, sha }) => ({ id, sha })));
    server.get<{ Params: { id: string } }>(`${repositoryPath}/deployments/:id/statuses`, async ({ params }) =>
      (this.deployments.find(({ id }) => String(id) === params.id)?.states ?? []).map((state) => ({
        state,
        log_url: `https://github.com/example-org/langflow-dr/actions/runs/${params.id}/job/1`,
      })),
    );
    server.get<{ Params: { id: string } }>(`${repositoryPath}/actions/runs/:id`, async ({ params }) => {
      const workflow = this.deployments.find(({ id }) => String(id) === params.id)?.workflow ?? "deploy.yml";
      return { id: Number(params.id), path: `.github/workflows/${workflow}` };
    });
    await server.listen({ host: "127.0.0.1", port: 0 });
  }

  /** What a workflow's environment says. */
  get environment() {
    return {
      GITHUB_TOKEN: "a-workflows-token",
      GITHUB_REPOSITORY: "example-org/langflow-dr",
      GITHUB_API_URL: this.server.listeningOrigin,
      GITHUB_SERVER_URL: "https://github.com",
      GITHUB_RUN_ID: "7",
    };
  }

  /** A comment that was there before. */
  seed(pullRequest: number, body: string, type: "Bot" | "User" = "Bot"): void {
    this.commentsOf(String(pullRequest)).push({ id: this.next++, body, user: { type } });
  }

  stop(): Promise<void> {
    return this.server.close();
  }

  private issue(number: string): Issue | undefined {
    return this.issues.find((each) => String(each.number) === number);
  }

  private comment(id: string): Stored | undefined {
    return [...this.comments.values()].flat().find((each) => String(each.id) === id);
  }

  private commentsOf(number: string): Stored[] {
    const issue = this.issue(number);
    if (issue) return issue.comments;
    const list = this.comments.get(Number(number)) ?? [];
    this.comments.set(Number(number), list);
    return list;
  }
}

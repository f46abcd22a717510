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

/** Newest commit on main. */
const HEAD = "f".repeat(40);

interface Run {
  readonly id?: number;
  readonly run_attempt?: number;
  readonly head_sha: string;
  readonly status: string;
  readonly conclusion: string | null;
  readonly event: string;
  readonly path: string;
  readonly head_branch: string;
  readonly run_started_at: string;
  readonly repository: { readonly id: number };
  readonly head_repository: { readonly id: number };
}

/** Returns a successful run of the Deploy workflow on main, with these changes. */
export const runOf = (head_sha: string, more: Partial<Run> = {}): Run => ({
  head_sha,
  status: "completed",
  conclusion: "success",
  event: "push",
  path: ".github/workflows/deploy.yml",
  head_branch: "main",
  run_started_at: "2026-01-01T00:00:00Z",
  repository: { id: 1 },
  head_repository: { id: 1 },
  ...more,
});

/**
 * A fake of the GitHub API that our workflows use. It keeps its data in memory and records every request that changes
 * data.
 */
export class FakeGitHub {
  readonly issues: Issue[] = [];
  /** Comments by pull request number. */
  readonly comments = new Map<number, Stored[]>();
  /** Open pull requests: number, `owner:branch` and head commit. */
  readonly pullRequests: { number: number; head: string; sha: string }[] = [];
  /** Runs of the Deploy workflow, newest first. */
  readonly runs: Run[] = [];
  /** Earlier attempts of runs that were re-run, by run id and attempt number. */
  readonly formerAttempts = new Map<string, Run>();
  readonly tags: string[] = [];
  /** Commits on main. */
  readonly main = new Set<string>();
  readonly calls: string[] = [];
  /** Authorization headers of all requests. */
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
    // GitHub filters by branch name only, and includes branches of that name in forks.
    server.get<{ Querystring: { branch: string } }>(
      `${repositoryPath}/actions/workflows/deploy.yml/runs`,
      async ({ query }) => {
        const runs = this.runs.filter(({ head_branch }) => head_branch === query.branch);
        return { total_count: runs.length, workflow_runs: runs };
      },
    );
    server.get<{ Params: { id: string; attempt: string } }>(
      `${repositoryPath}/actions/runs/:id/attempts/:attempt`,
      async ({ params }) => this.formerAttempts.get(`${params.id} ${params.attempt}`),
    );
    server.get(`${repositoryPath}/git/matching-refs/:ref`, async () =>
      this.tags.filter((tag) => tag.startsWith("main")).map((tag) => ({ ref: `refs/tags/${tag}` })),
    );
    server.get(`${repositoryPath}/branches/main`, async () => ({ name: "main", commit: { sha: HEAD } }));
    server.get<{ Params: { basehead: string } }>(`${repositoryPath}/compare/:basehead`, async ({ params }) => {
      const [base = "", head] = params.basehead.split("...");
      if (head !== HEAD) return { status: "diverged" };
      return { status: this.main.has(base) ? "ahead" : "diverged" };
    });
    await server.listen({ host: "127.0.0.1", port: 0 });
  }

  /** Environment variables that GitHub Actions sets for a workflow. */
  get environment() {
    return {
      GITHUB_TOKEN: "a-workflows-token",
      GITHUB_REPOSITORY: "example-org/langflow-dr",
      GITHUB_API_URL: this.server.listeningOrigin,
      GITHUB_SERVER_URL: "https://github.com",
      GITHUB_RUN_ID: "7",
    };
  }

  /** Adds a commit on main with a successful deployment, older than all previous ones. */
  deployed(sha: string): void {
    this.main.add(sha);
    this.runs.push(runOf(sha));
  }

  /** Adds an existing comment. */
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

import { createHash } from "node:crypto";
import type { AddressInfo } from "node:net";
import Fastify, { type FastifyInstance } from "fastify";

type Files = Readonly<Record<string, string>>;

interface Commit {
  readonly sha: string;
  readonly tree: string;
  readonly parents: readonly string[];
  readonly message: string;
  readonly author: string;
  readonly committer: string;
}

interface PullRequest {
  readonly number: number;
  readonly head: string;
  readonly base: string;
  state: string;
  title: string;
  body: string;
}

const BOT = "github-actions[bot]";

/**
 * A fake GitHub repository with Git objects, branches, tags, pull requests and releases. It implements the part of the
 * API that we use.
 */
export class FakeRepository {
  readonly refs = new Map<string, string>();
  readonly commits = new Map<string, Commit>();
  readonly pullRequests: PullRequest[] = [];
  readonly releases: { tag_name: string; name: string; body: string }[] = [];
  /** All requests that change data. */
  readonly calls: string[] = [];
  /** Status of every response, if set. */
  refusal: number | undefined;
  /** Called before a branch is moved, to simulate a concurrent change. */
  meanwhile: () => void = () => undefined;
  private readonly trees = new Map<string, Files>();
  private readonly annotated = new Map<string, string>();
  private readonly server: FastifyInstance = Fastify();

  async start(): Promise<void> {
    const { server } = this;
    server.addHook("onRequest", async ({ method, url }, reply) => {
      if (this.refusal) return reply.code(this.refusal).send({ message: "Resource not accessible by integration" });
      if (method !== "GET") this.calls.push(`${method} ${url.replace("/repos/example-org/langflow-dr/", "")}`);
    });
    server.register(async (routes) => this.gitRoutes(routes), { prefix: "/repos/example-org/langflow-dr" });
    server.register(async (routes) => this.otherRoutes(routes), { prefix: "/repos/example-org/langflow-dr" });
    await server.listen({ host: "127.0.0.1", port: 0 });
  }

  stop(): Promise<void> {
    return this.server.close();
  }

  /** Environment variables that GitHub Actions sets for a workflow. */
  get environment() {
    return {
      GITHUB_TOKEN: "a-workflows-token",
      GITHUB_REPOSITORY: "example-org/langflow-dr",
      GITHUB_API_URL: `http://127.0.0.1:${(this.server.server.address() as AddressInfo).port}`,
      GITHUB_SERVER_URL: "https://github.com",
      GITHUB_RUN_ID: "7",
    };
  }

  /** Commits `change` to a branch as this author. Returns the commit's SHA. */
  commit(branch: string, change: Files, who: Partial<Pick<Commit, "message" | "author" | "committer">> = {}): string {
    const before = this.refs.get(`heads/${branch}`);
    const files = { ...(before && this.filesOf(before)), ...change };
    const sha = this.keep(this.tree(files), before ? [before] : [], { message: "a change", author: "ann", ...who });
    this.refs.set(`heads/${branch}`, sha);
    return sha;
  }

  /** Returns the files of a branch, tag or commit. */
  filesOf(ref: string): Files {
    const commit = this.commits.get(this.refs.get(ref) ?? ref);
    return this.trees.get(commit?.tree ?? "") ?? {};
  }

  /** Creates an annotated tag on a commit. */
  annotate(tag: string, commit: string): void {
    const sha = hash(`${tag} ${commit}`);
    this.annotated.set(sha, commit);
    this.refs.set(`tags/${tag}`, sha);
  }

  private tree(files: Files): string {
    const sorted = Object.fromEntries(Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1)));
    const sha = hash(JSON.stringify(sorted));
    this.trees.set(sha, sorted);
    return sha;
  }

  private keep(
    tree: string,
    parents: readonly string[],
    { message = "", author = BOT, committer = author }: Partial<Commit>,
  ): string {
    const sha = hash(`${this.commits.size} ${tree} ${parents} ${message}`);
    this.commits.set(sha, { sha, tree, parents, message, author, committer });
    return sha;
  }

  /** Returns a commit and all its ancestors. */
  private history(sha: string): Set<string> {
    const seen = new Set<string>();
    const visit = (each: string) => {
      if (seen.has(each)) return;
      seen.add(each);
      this.commits.get(each)?.parents.forEach(visit);
    };
    visit(sha);
    return seen;
  }

  private resolve = (name: string) => this.refs.get(`heads/${name}`) ?? this.refs.get(`tags/${name}`) ?? name;

  private async gitRoutes(routes: FastifyInstance): Promise<void> {
    routes.get<{ Params: { ref: string } }>("/git/matching-refs/:ref", async ({ params }) =>
      [...this.refs]
        .filter(([ref]) => ref.startsWith(params.ref))
        .map(([ref, sha]) => ({
          ref: `refs/${ref}`,
          object: { sha, type: this.annotated.has(sha) ? "tag" : "commit" },
        })),
    );
    routes.get<{ Params: { sha: string } }>("/git/tags/:sha", async ({ params }) => ({
      object: { sha: this.annotated.get(params.sha), type: "commit" },
    }));
    routes.get<{ Params: { sha: string } }>("/git/commits/:sha", async ({ params }) => {
      const commit = this.commits.get(params.sha);
      return { sha: commit?.sha, tree: { sha: commit?.tree } };
    });
    routes.post<{ Body: { base_tree: string; tree: { path: string; content: string }[] } }>(
      "/git/trees",
      async ({ body }, reply) => {
        const change = Object.fromEntries(body.tree.map(({ path, content }) => [path, content]));
        return reply.code(201).send({ sha: this.tree({ ...this.trees.get(body.base_tree), ...change }) });
      },
    );
    routes.post<{ Body: { message: string; tree: string; parents: string[] } }>(
      "/git/commits",
      async ({ body: { message, tree, parents } }, reply) =>
        reply.code(201).send({ sha: this.keep(tree, parents, { message }) }),
    );
    routes.post<{ Body: { ref: string; sha: string } }>("/git/refs", async ({ body }, reply) => {
      this.meanwhile();
      const ref = body.ref.replace("refs/", "");
      if (this.refs.has(ref)) return reply.code(422).send({ message: "Reference already exists" });
      this.refs.set(ref, body.sha);
      return reply.code(201).send({ ref: body.ref });
    });
    routes.patch<{ Params: { ref: string }; Body: { sha: string; force: boolean } }>(
      "/git/refs/:ref",
      async ({ params, body }, reply) => {
        this.meanwhile();
        const forward = this.history(body.sha).has(this.refs.get(params.ref) ?? "");
        if (!forward && !body.force) return reply.code(422).send({ message: "Update is not a fast forward" });
        this.refs.set(params.ref, body.sha);
        return { ref: params.ref };
      },
    );
  }

  private async otherRoutes(routes: FastifyInstance): Promise<void> {
    routes.get("/", async () => ({ default_branch: "main" }));
    routes.get<{ Params: { path: string }; Querystring: { ref: string } }>(
      "/contents/:path",
      async ({ params, query }, reply) => {
        const text = this.filesOf(query.ref)[params.path];
        if (text === undefined) return reply.code(404).send({ message: "Not Found" });
        return { type: "file", content: Buffer.from(text).toString("base64") };
      },
    );
    routes.get<{ Params: { range: string }; Querystring: { page?: number; per_page?: number } }>(
      "/compare/:range",
      async ({ params, query: { page = 1, per_page = 30 } }) => {
        const [base = "", head = ""] = params.range.split("...").map(this.resolve);
        const [old, now] = [this.history(base), this.history(head)];
        const commits = [...this.commits.values()].filter(({ sha }) => now.has(sha) && !old.has(sha));
        const apart = old.has(head) ? "behind" : "diverged";
        const differs = now.has(base) ? "ahead" : apart;
        const status = base === head ? "identical" : differs;
        const shown = commits.slice((page - 1) * per_page, page * per_page).map((commit) => ({
          sha: commit.sha,
          commit: { message: commit.message },
          author: { login: commit.author },
          committer: { login: commit.committer },
        }));
        return { status, total_commits: commits.length, commits: shown };
      },
    );
    routes.get<{ Querystring: { head: string; base: string; state: string } }>("/pulls", async ({ query }) =>
      this.pullRequests
        .filter((each) => `example-org:${each.head}` === query.head && each.base === query.base)
        .filter(({ state }) => state === query.state)
        .map((each) => ({ ...each, html_url: urlOf(each) })),
    );
    routes.post<{ Body: Omit<PullRequest, "number" | "state"> }>("/pulls", async ({ body }, reply) => {
      const made = { ...body, number: this.pullRequests.length + 1, state: "open" };
      this.pullRequests.push(made);
      return reply.code(201).send({ ...made, html_url: urlOf(made) });
    });
    routes.patch<{ Params: { number: string }; Body: { title: string; body: string } }>(
      "/pulls/:number",
      async ({ params, body }) =>
        Object.assign(this.pullRequests.find(({ number }) => String(number) === params.number) ?? {}, body),
    );
    routes.get("/releases", async () => this.releases);
    routes.post<{ Body: { tag_name: string; name: string; body: string } }>("/releases", async ({ body }, reply) => {
      this.releases.push(body);
      return reply.code(201).send(body);
    });
  }
}

const hash = (text: string): string => createHash("sha1").update(text).digest("hex");
const urlOf = ({ number }: { number: number }) => `https://github.com/example-org/langflow-dr/pull/${number}`;

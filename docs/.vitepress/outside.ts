import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import type { MarkdownRenderer } from "vitepress";
import { DOCS } from "./pages";

/** The repository. */
const ROOT = join(DOCS, "..");

/** @returns a rule for markdown-it: links to files outside the docs lead to the repository's host */
export function linkOutside(markdown: MarkdownRenderer): void {
  const repository = repositoryUrl();
  markdown.core.ruler.push("outside", ({ tokens, env }) => {
    for (const token of tokens.flatMap(({ children }) => children ?? [])) {
      const href = token.type === "link_open" ? token.attrGet("href") : null;
      if (href === null || /^([a-z]+:|#|\/)/.test(href)) continue;
      const [path = "", anchor] = href.split("#");
      const file = relative(ROOT, join(DOCS, dirname(String(env.relativePath)), path));
      if (file.startsWith("docs/")) continue;
      if (!existsSync(join(ROOT, file))) throw new Error(`docs/${env.relativePath}: ${href} does not exist`);
      token.attrSet("href", `${repository}/blob/main/${file}${anchor ? `#${anchor}` : ""}`);
    }
  });
}

/** Of the checkout's `origin`, without credentials; in a checkout without one, links lead to GitHub's front page. */
function repositoryUrl(): string {
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: name } = process.env;
  if (server && name) return `${server}/${name}`;
  try {
    const origin = execFileSync("git", ["remote", "get-url", "origin"], { cwd: ROOT, encoding: "utf8", stdio: "pipe" });
    const [, host, path] =
      /^(?:https:\/\/(?:[^@/]*@)?|git@|ssh:\/\/git@)([^/:]+)[/:](.+?)(?:\.git)?\s*$/.exec(origin) ?? [];
    return host ? `https://${host}/${path}` : "https://github.com";
  } catch {
    return "https://github.com";
  }
}

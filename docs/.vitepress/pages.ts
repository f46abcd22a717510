import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The folder of the docs. */
export const DOCS = join(import.meta.dirname, "..");

interface Page {
  readonly text: string;
  readonly link: string;
}

interface Group {
  readonly text: string;
  readonly items: Page[];
  readonly collapsed?: boolean;
}

/**
 * The sidebar: the lists of `docs/README.md`, then the decisions in order.
 *
 * @throws for a page that neither names, so that no page is out of reach
 */
export function sidebar(): Group[] {
  const groups: Group[] = [];
  for (const line of readFileSync(join(DOCS, "README.md"), "utf8").split("\n")) {
    const [, group] = /^## (.+)$/.exec(line) ?? [];
    if (group !== undefined) groups.push({ text: group, items: [] });
    const [, text = "", link = ""] = /^- \[(.+?)\]\((.+?\.md)\)/.exec(line) ?? [];
    if (link !== "") groups.at(-1)?.items.push({ text, link: pathOf(link) });
  }
  const decisions = pagesIn("decisions/").map((file) => ({ text: titleOf(file), link: pathOf(file) }));
  groups.push({ text: "Decisions", items: decisions, collapsed: true });
  const listed = new Set(groups.flatMap(({ items }) => items.map(({ link }) => link)));
  const missing = [...pagesIn(""), ...pagesIn("operations/")].filter(
    (file) => file !== "README.md" && !listed.has(pathOf(file)),
  );
  if (missing.length > 0) throw new Error(`docs/README.md does not list ${missing.join(", ")}: add each to its group`);
  return groups;
}

const pagesIn = (folder: string): string[] =>
  readdirSync(join(DOCS, folder))
    .filter((name) => name.endsWith(".md"))
    .sort()
    .map((name) => `${folder}${name}`);

const pathOf = (file: string): string => `/${file.replace(/(README)?\.md$/, "")}`;

function titleOf(file: string): string {
  const [, title = file] = /^# (.+)$/m.exec(readFileSync(join(DOCS, file), "utf8")) ?? [];
  return title.replaceAll("`", "");
}

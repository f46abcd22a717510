import { defineConfig } from "vitepress";
import { linkOutside } from "./outside";
import { sidebar } from "./pages";

export default defineConfig({
  title: "LangFlow DR",
  description: "Multi-region LangFlow on AWS with automatic failover",
  base: process.env.DOCS_BASE ?? "/",
  outDir: "../out/docs",
  rewrites: { "README.md": "index.md", "operations/README.md": "operations/index.md" },
  srcExclude: ["node_modules/**"],
  cleanUrls: true,
  markdown: {
    // What GitHub shows as text, such as `<region>` outside of code, is text.
    html: false,
    config: (markdown) => {
      linkOutside(markdown);
      const fence = markdown.renderer.rules.fence;
      markdown.renderer.rules.fence = (tokens, index, ...rest) => {
        const { info = "", content = "" } = tokens[index] ?? {};
        if (info.trim() === "mermaid") return `<Diagram source="${encodeURIComponent(content)}" />`;
        return fence?.(tokens, index, ...rest) ?? "";
      };
    },
  },
  themeConfig: {
    sidebar: sidebar(),
    outline: [2, 3],
    search: { provider: "local" },
  },
});

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { EXIT_CODES, exitCodes } from "../../../fleet/cli/exitCodes";
import { readmeWithVerbs, referencePage } from "../../../fleet/reference/document";
import { commandLine } from "../../../fleet/verbs/commandLine";
import { ExitCode } from "../../../model/errors";
import { verbs } from "../verbs/verbs";

const page = (file: string): string => readFileSync(join(__dirname, "../../..", file), "utf8");
const fleet = commandLine({ signal: new AbortController().signal, ended: () => undefined });
const CODES = Object.values(ExitCode).filter((code) => typeof code === "number");
const VERBS = verbs(fleet);

/** Returns the output of `fleet --help`. */
function help(): string {
  let printed = "";
  fleet.configureOutput({ writeOut: (text) => (printed += text) });
  fleet.outputHelp();
  return printed;
}

describe("docs/cli.md", () => {
  const text = page("docs/cli.md");

  it("matches the output of `npm run reference`", () => {
    expect(text).toBe(referencePage(fleet));
  });

  it("has every verb with every visible option and an example", () => {
    expect(VERBS.length).toBeGreaterThan(20);
    for (const [words, { options }] of VERBS) {
      const [, section = ""] = new RegExp(`^#{3,4} ${words}$([\\s\\S]*?)(?=^#|(?![\\s\\S]))`, "m").exec(text) ?? [];
      expect(section).toContain(`npm run fleet -- ${words}`);
      for (const { long, hidden } of options)
        if (!hidden) expect([words, long, section.includes(`\`${long}`)]).toEqual([words, long, true]);
    }
  });

  it("has every exit code with its meaning", () => {
    for (const code of CODES) expect(text).toContain(`\n- \`${code}\`: ${EXIT_CODES[code]}\n`);
  });
});

describe("the README", () => {
  it("has the verbs that `npm run reference` writes", () => {
    expect(page("README.md")).toBe(readmeWithVerbs(page("README.md"), fleet));
  });

  it.each(["README.md", "README.zh-CN.md"])("lists every verb in %s", (file) => {
    const named = [...page(file).matchAll(/^ {2}- `([\w-]+)`/gm)].map(([, name]) => name);
    expect(named).toEqual(fleet.commands.map((each) => each.name()));
  });

  it("is rejected without a marker for the verbs", () => {
    expect(() => readmeWithVerbs("# A page\n", fleet)).toThrow("the README has no <!-- verbs");
  });
});

describe("fleet --help", () => {
  it("lists every verb and every exit code, and refers to the reference page", () => {
    const text = help();
    for (const each of fleet.commands) expect(text).toMatch(new RegExp(`^ {2}${each.name()} `, "m"));
    expect(exitCodes().map(([code]) => code)).toEqual([...CODES].sort((one, other) => one - other));
    for (const [code, meaning] of exitCodes()) expect(text).toContain(`\n  ${String(code).padEnd(4)}${meaning}\n`);
    expect(text).toContain("docs/cli.md");
  });
});

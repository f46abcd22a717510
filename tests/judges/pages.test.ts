import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { reportHtml } from "../../fleet/drill/report/html";
import { launchChromium } from "../chromium";
import { pastDrills, sampleReport } from "../fleet/drill/sampleReport";

jest.setTimeout(300_000);

const ROOT = join(__dirname, "../..");
const AXE = require.resolve("axe-core/axe.min.js");

interface Look {
  readonly width: number;
  readonly colorScheme: "light" | "dark";
}
/** A telephone and a desk. */
const LOOKS: readonly Look[] = [360, 1280].flatMap((width) =>
  (["light", "dark"] as const).map((colorScheme) => ({ width, colorScheme })),
);

describe("in a browser", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser?.close());

  const opened = async (html: string, { width, colorScheme }: Look) => {
    const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
    const troubles: string[] = [];
    page.on("console", (message) => troubles.push(message.text()));
    page.on("pageerror", (error) => troubles.push(error.message));
    page.on("request", (request) => troubles.push(`asks for ${request.url()}`));
    await page.setContent(html);
    return { page, troubles };
  };

  describe.each(LOOKS)("$width pixels wide and $colorScheme, the report of a drill", (look) => {
    it("asks for nothing, is as wide as the window, and breaks no short word", async () => {
      const { page, troubles } = await opened(reportHtml(sampleReport(), pastDrills()), look);
      expect(troubles).toEqual([]);
      expect(await widthOf(page)).toBe(look.width);
      expect(await brokenWordsOf(page)).toEqual([]);
    });

    it("is read without a fault by axe, WCAG 2.2 AA and its good practice", async () => {
      const { page } = await opened(reportHtml(sampleReport(), pastDrills()), look);
      expect(await faultsOf(page)).toEqual({ faults: [], checked: true });
    });
  });

  it("axe finds what is wrong: grey on white, a picture without a name", async () => {
    const page = await browser.newPage();
    await page.setContent('<p style="color: #bbb">grey</p><img src="data:,">');
    const { faults } = await faultsOf(page);
    expect(faults.map(({ rule }) => rule)).toEqual(expect.arrayContaining(["color-contrast", "image-alt"]));
  });

  it("the README's terminal has each column under its heading", async () => {
    const page = await browser.newPage();
    await page.setContent(readFileSync(join(ROOT, "docs/images/terminal.svg"), "utf8"));
    const lines = await page.$$eval("text", (texts) =>
      texts.map((each) => {
        const text = each as SVGTextElement;
        return { written: text.textContent.length, drawn: text.getNumberOfChars() };
      }),
    );
    expect(lines.length).toBeGreaterThan(40);
    expect(lines.filter(({ written, drawn }) => written !== drawn)).toEqual([]);
  });
});

/** What the page takes, pixels. */
const widthOf = (page: Page): Promise<number> => page.evaluate(() => document.documentElement.scrollWidth);

/** Words of up to 15 letters that a line ends within. */
const brokenWordsOf = (page: Page): Promise<string[]> =>
  page.evaluate(() => {
    const broken: string[] = [];
    const texts = document.createTreeWalker(document.querySelector("main") as Node, NodeFilter.SHOW_TEXT);
    for (let text = texts.nextNode(); text; text = texts.nextNode())
      for (const { 0: word, index } of (text.textContent ?? "").matchAll(/\p{L}{2,15}/gu)) {
        const range = document.createRange();
        range.setStart(text, index);
        range.setEnd(text, index + word.length);
        if (!text.parentElement?.closest("svg") && range.getClientRects().length > 1) broken.push(word);
      }
    return broken;
  });

async function faultsOf(page: Page) {
  await page.addScriptTag({ path: AXE });
  return page.evaluate(async () => {
    // biome-ignore lint/suspicious/noExplicitAny: put there by the script above
    const { violations, passes } = await (globalThis as any).axe.run();
    const faults = violations.map(({ id, nodes }: { id: string; nodes: { html: string }[] }) => ({
      rule: id,
      where: nodes.slice(0, 3).map(({ html }) => html.slice(0, 200)),
    }));
    return { faults: faults as { rule: string; where: string[] }[], checked: passes.length > 10 };
  });
}

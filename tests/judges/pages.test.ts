import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { reportOf } from "../../fleet/drill/report/chapters";
import { seriesReport } from "../../fleet/drill/series/chapters";
import { seriesOf } from "../../fleet/drill/series/series";
import { rehearsalReport } from "../../fleet/moveIn/rehearsalReport";
import { html as asHtml } from "../../fleet/report/html";
import { upgradeReport } from "../../fleet/upgrade/report";
import { launchChromium } from "../chromium";
import { pastDrills, sampleReport } from "../fleet/drill/sampleReport";
import { sampleSeries } from "../fleet/drill/series/sampleSeries";
import { sampleRehearsal } from "../fleet/moveIn/sampleRehearsal";
import { DIFFERING, STARTER, sampleUpgrade } from "../fleet/upgrade/sampleUpgrade";

jest.setTimeout(300_000);

const ROOT = join(__dirname, "../..");
const AXE = require.resolve("axe-core/axe.min.js");
const IN_PAGE = join(__dirname, "inPage.js");

interface Look {
  readonly width: number;
  readonly colorScheme: "light" | "dark";
}
const DESK: Look = { width: 1280, colorScheme: "light" };
/** Phone and desktop width, each in light and dark mode. */
const LOOKS: readonly Look[] = [360, DESK.width].flatMap((width) =>
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
    for (const path of [AXE, IN_PAGE]) await page.addScriptTag({ path });
    return { page, troubles };
  };

  describe.each(LOOKS)("$width pixels wide and $colorScheme, a drill report", (look) => {
    it("loads no external resource, fits the window, breaks no short word and clips no label", async () => {
      const { page, troubles } = await opened(asHtml(reportOf(sampleReport(), pastDrills())), look);
      expect(troubles).toEqual([]);
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(look.width);
      expect(await page.evaluate("brokenWords()")).toEqual([]);
      expect(await page.evaluate("clippedTexts()")).toEqual([]);
    });

    it("has no violations of WCAG 2.2 AA or best practices according to axe", async () => {
      const { page } = await opened(asHtml(reportOf(sampleReport(), pastDrills())), look);
      expect(await page.evaluate("accessibilityFaults()")).toEqual({ faults: [], checked: true });
    });
  });

  const PAGES = [
    ["a rehearsal of 100 flows", asHtml(rehearsalReport(sampleRehearsal(), "2026-11-29"))],
    ["a rehearsal of an upgrade", asHtml(upgradeReport(sampleUpgrade([DIFFERING, STARTER]), "2026-11-29"))],
    // Opens the details of each drill, so that the checks cover them.
    [
      "a series of drills",
      asHtml(seriesReport(seriesOf(sampleSeries()), sampleSeries(), "2026-11-29")).replaceAll(
        "<details>",
        "<details open>",
      ),
    ],
  ] as const;
  describe.each(LOOKS)("$width pixels wide and $colorScheme", (look) => {
    it.each(PAGES)(
      "the page for %s loads no external resource, fits the window, breaks no short word and has no axe violations",
      async (_, html) => {
        const { page, troubles } = await opened(html, look);
        expect(troubles).toEqual([]);
        expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(look.width);
        expect(await page.evaluate("brokenWords()")).toEqual([]);
        expect(await page.evaluate("accessibilityFaults()")).toEqual({ faults: [], checked: true });
      },
    );
  });

  it("axe detects low contrast and an image without a name", async () => {
    const { page } = await opened('<p style="color: #bbb">grey</p><img src="data:,">', DESK);
    const { faults } = await page.evaluate<{ faults: { rule: string }[] }>("accessibilityFaults()");
    expect(faults.map(({ rule }) => rule)).toEqual(expect.arrayContaining(["color-contrast", "image-alt"]));
  });

  it("the terminal image in the README has each column below its heading", async () => {
    const { page } = await opened(readFileSync(join(ROOT, "docs/images/terminal.svg"), "utf8"), DESK);
    const lines = await page.evaluate<{ written: number; drawn: number }[]>("drawnTexts()");
    expect(lines.length).toBeGreaterThan(40);
    expect(lines.filter(({ written, drawn }) => written !== drawn)).toEqual([]);
  });
});

import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { promisify } from "node:util";
import type { Browser, Page } from "playwright-core";
import { launchChromium } from "../chromium";
import { scripts } from "../workflows/workflow";

const ROOT = join(__dirname, "../..");
const SITE = join(ROOT, "out/docs");
const BUILT_WITHIN_MS = 900_000;
const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".woff2": "font/woff2",
};

let server: Server;
let browser: Browser;

beforeAll(async () => {
  const build = scripts().get(["docs.yml", "build", "Build"].join("/"))?.run ?? "exit 1";
  await promisify(execFile)("sh", ["-ec", build], { cwd: ROOT, timeout: BUILT_WITHIN_MS });
  server = createServer((request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url ?? "/", "http://site").pathname));
    const file = ["", ".html", "index.html"]
      .map((end) => join(SITE, path + end))
      .find((each) => extname(each) && existsSync(each));
    if (file) response.setHeader("content-type", TYPES[extname(file)] ?? "application/octet-stream");
    response.writeHead(file ? 200 : 404).end(file && readFileSync(file));
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  browser = await launchChromium();
}, BUILT_WITHIN_MS);

afterAll(async () => {
  await browser?.close();
  server?.close();
});

const address = (path: string): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;

async function pageOf(width: number, path: string): Promise<{ page: Page; problems: string[] }> {
  const page = await browser.newPage({ viewport: { width, height: 800 } });
  const problems: string[] = [];
  page.on("pageerror", ({ message }) => problems.push(message));
  page.on(
    "response",
    (response) => response.status() >= 400 && problems.push(`${response.status()} ${response.url()}`),
  );
  await page.goto(address(path), { waitUntil: "networkidle" });
  return { page, problems };
}

describe("the documentation site", () => {
  it('finds the page on restoring data when a reader searches for "restore"', async () => {
    const { page, problems } = await pageOf(1280, "/");
    await page.keyboard.press("Control+k");
    await page.getByRole("searchbox").fill("restore");
    await page.locator(".results a", { hasText: "Restore" }).first().waitFor();
    const found = await page
      .locator(".results a")
      .evaluateAll((links) => links.map((link) => link.getAttribute("href") ?? ""));
    expect(found.some((link) => link.includes("operations/restore-data"))).toBe(true);
    await page.locator('.results a[href*="operations/restore-data"]').first().click();
    await page.waitForURL(/operations\/restore-data/);
    expect(problems).toEqual([]);
    await page.close();
  });

  it.each([1280, 390])("renders its diagrams and never scrolls sideways at a width of %d pixels", async (width) => {
    for (const path of ["/", "/architecture", "/drill", "/operations/alerts", "/costs"]) {
      const { page, problems } = await pageOf(width, path);
      if (path === "/architecture") await page.locator(".diagram svg").first().waitFor();
      const pageWidth = await page.evaluate("document.documentElement.scrollWidth");
      expect({ path, pageWidth, problems }).toEqual({ path, pageWidth: width, problems: [] });
      await page.close();
    }
  });

  it("lists its groups of pages in the sidebar", async () => {
    const { page } = await pageOf(1280, "/");
    const groups = await page.locator(".VPSidebar h2, .VPSidebar .text").allTextContents();
    for (const group of ["Start", "Operate", "Recover", "Understand", "Reference", "Decisions"])
      expect(groups).toContain(group);
    await page.close();
  });
});

import { setTimeout as sleep } from "node:timers/promises";
import type { Browser, Page, Response } from "playwright-core";
import { launchChromium } from "../chromium";
import { near } from "./langflowApi";

/** How often she writes something. */
const EDIT_MS = 4_000;
/** How long she waits for LangFlow's own saving, which it begins a second after the last key. */
const PATIENCE_MS = 30_000;
const SYSTEM_MESSAGE = "textarea_str_system_message";

/** One edit of hers, and what became of its saving. */
interface Edit {
  readonly text: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Of the answer to LangFlow's own saving of it; absent where none came while she waited. */
  readonly status?: number;
}

/** A user with LangFlow's own pages open in a browser, who edits a flow all the while and never opens or reloads another page. */
export class BrowserUser {
  readonly edits: Edit[] = [];
  /** Every page that she was led to, in order. */
  private readonly pages: string[] = [];
  private signedInAfter = 0;
  private stopped = false;
  private pausing = false;
  private editing: Promise<void> = Promise.resolve();

  private constructor(
    private readonly browser: Browser,
    private readonly page: Page,
  ) {}

  /**
   * Signs in on LangFlow's own page, and opens a flow that has one component with a system message.
   *
   * @param url the public name
   * @param awsRegion whose side she comes from
   */
  static async signIn(url: string, awsRegion: string, username: string, password: string): Promise<BrowserUser> {
    const browser = await launchChromium();
    const context = await browser.newContext({
      viewport: { width: 1280, height: 800 },
      extraHTTPHeaders: near(awsRegion),
    });
    const page = await context.newPage();
    const user = new BrowserUser(browser, page);
    page.on("framenavigated", (frame) => {
      if (frame === page.mainFrame()) user.pages.push(new URL(frame.url()).pathname);
    });
    await page.goto(url);
    await page.getByPlaceholder("Username").fill(username);
    await page.getByPlaceholder("Password").fill(password);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.waitForURL(/\/(home|all|flows)/);
    user.signedInAfter = user.pages.length;
    return user;
  }

  /** Opens a flow and edits it from now on. */
  async edit(flow: string): Promise<void> {
    await this.page.goto(new URL(`/flow/${flow}`, this.page.url()).href);
    await this.page.getByTestId(SYSTEM_MESSAGE).waitFor();
    this.editing = this.write(flow);
  }

  /** Pages that ask her to sign in, to which she was led since she did. */
  signInsAsked(): string[] {
    return this.pages.slice(this.signedInAfter).filter((path) => path.startsWith("/login"));
  }

  /** Writes until an edit was saved after this moment; its text. */
  async saved(): Promise<string> {
    const since = Date.now();
    for (;;) {
      const found = this.edits.find(({ at, status }) => at > since && status === 200);
      if (found) return found.text;
      if (Date.now() > since + 180_000) throw new Error(`nothing is saved: ${JSON.stringify(this.edits.slice(-5))}`);
      await sleep(500);
    }
  }

  /** Stops typing, or goes on. */
  pause(pausing: boolean): void {
    this.pausing = pausing;
  }

  async close(): Promise<void> {
    this.stopped = true;
    await this.editing.catch(() => undefined);
    await this.browser.close();
  }

  private async write(flow: string): Promise<void> {
    const isSaving = (answer: Response) =>
      answer.request().method() === "PATCH" && answer.url().endsWith(`/api/v1/flows/${flow}`);
    for (let count = 1; !this.stopped; count++) {
      while (this.pausing && !this.stopped) await sleep(100);
      const [at, text] = [Date.now(), `edit ${count} of hers`];
      const answer = this.page.waitForResponse(isSaving, { timeout: PATIENCE_MS }).catch(() => undefined);
      await this.page.getByTestId(SYSTEM_MESSAGE).fill(text);
      const status = (await answer)?.status();
      this.edits.push({ text, at, ...(status !== undefined && { status }) });
      await sleep(Math.max(0, at + EDIT_MS - Date.now()));
    }
  }
}

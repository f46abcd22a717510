import { setTimeout as sleep } from "node:timers/promises";
import type { Browser, Page, Response } from "playwright-core";
import { launchChromium } from "../chromium";
import { near } from "./langflowApi";

/** Interval between two edits, in milliseconds. */
const EDIT_MS = 4_000;
/** Timeout for LangFlow's autosave, which begins one second after the last key press, in milliseconds. */
const PATIENCE_MS = 30_000;
const SYSTEM_MESSAGE = "textarea_str_system_message";

/** An edit of the user and the result of its autosave. */
interface Edit {
  readonly text: string;
  /** Time of the edit, in milliseconds since 1970. */
  readonly at: number;
  /** HTTP status of the autosave. Absent if no response arrived before the timeout. */
  readonly status?: number;
}

/** A user who continuously edits a flow in LangFlow's own web interface, without ever opening or reloading a page. */
export class BrowserUser {
  readonly edits: Edit[] = [];
  /** Paths of all pages that the browser showed, in order. */
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
   * Signs in on LangFlow's own login page.
   *
   * @param url the public URL
   * @param awsRegion near which the user is located
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

  /** Opens a flow that has a component with a system message, and starts to edit it continuously. */
  async edit(flow: string): Promise<void> {
    await this.page.goto(new URL(`/flow/${flow}`, this.page.url()).href);
    await this.page.getByTestId(SYSTEM_MESSAGE).waitFor();
    this.editing = this.write(flow);
  }

  /** Returns the login pages that the browser showed after the user had signed in. */
  signInsAsked(): string[] {
    return this.pages.slice(this.signedInAfter).filter((path) => path.startsWith("/login"));
  }

  /** Waits until an edit that was made after this call is saved, and returns its text. */
  async saved(): Promise<string> {
    const since = Date.now();
    for (;;) {
      const found = this.edits.find(({ at, status }) => at > since && status === 200);
      if (found) return found.text;
      if (Date.now() > since + 180_000) throw new Error(`nothing is saved: ${JSON.stringify(this.edits.slice(-5))}`);
      await sleep(500);
    }
  }

  /** Pauses or resumes the edits. */
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

import { setTimeout as sleep } from "node:timers/promises";
import { BoundProcess, type Launch } from "./boundProcess";
import { lastLine } from "./container";

const RESTART_MS = 1_000;

/** A server that is restarted whenever it ends, until it is stopped. */
export abstract class KeptServer {
  state: "stopped" | "starting" | "ready" | "failed" = "stopped";
  restarts = 0;
  message: string | undefined;
  protected process: BoundProcess | undefined;
  protected wanted = false;

  get pid(): number | undefined {
    return this.process?.pid;
  }

  /** Kills the process, as a crash would. The server restarts. */
  crash(): void {
    this.process?.kill();
  }

  /** Command that starts the server. */
  protected abstract readonly invocation: Launch;
  /** Resolves once the server answers. Rejects if it cannot start. */
  protected abstract untilReady(): Promise<void>;

  protected launch(): void {
    this.state = "starting";
    const { invocation } = this;
    const launched = BoundProcess.start(invocation);
    this.process = launched;
    void launched.ended.then(async ({ said }) => {
      if (!this.wanted || this.process !== launched) return;
      this.state = "starting";
      this.message = `${said}: ${lastLine(invocation.log)}`;
      await sleep(RESTART_MS);
      if (!this.wanted || this.process !== launched) return;
      this.restarts++;
      this.launch();
      await this.untilReady().then(
        () => this.answers(),
        () => undefined,
      );
    });
  }

  protected answers(): void {
    this.state = "ready";
    this.message = undefined;
  }
}

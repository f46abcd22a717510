import { request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { percentile } from "../../model/percentile";
import { near } from "./langflowApi";

const ANSWER_TIMEOUT_MS = 60_000;

export interface Heard {
  readonly status: number;
  readonly text: string;
  readonly ms: number;
}

export interface Said {
  readonly method?: "GET" | "POST";
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** A synthetic visitor with a separate loopback address: 127.0.0.2 and so on. */
export class Visitor {
  /** @param awsRegion near which the visitor is located */
  constructor(
    readonly url: string,
    readonly address: string,
    readonly awsRegion: string,
  ) {}

  ask({ method = "GET", path, headers = {}, body }: Said): Promise<Heard> {
    const began = performance.now();
    return new Promise((resolve, reject) => {
      const all = { ...near(this.awsRegion), connection: "close", ...headers };
      const options = { method, localAddress: this.address, agent: false, timeout: ANSWER_TIMEOUT_MS, headers: all };
      const asked = request(this.url + path, options, (answer) => {
        const parts: Buffer[] = [];
        answer.on("data", (part: Buffer) => parts.push(part));
        answer.on("error", reject);
        answer.on("end", () => {
          const text = Buffer.concat(parts).toString();
          resolve({ status: answer.statusCode ?? 0, text, ms: performance.now() - began });
        });
      });
      asked.on("timeout", () => asked.destroy(new Error(`no answer: ${path}`)));
      asked.on("error", reject);
      asked.end(body);
    });
  }

  signIn(
    username: string,
    password: string,
    { path = "/api/v1/login", headers = {} }: { path?: string; headers?: Readonly<Record<string, string>> } = {},
  ): Promise<Heard> {
    const body = new URLSearchParams({ username, password }).toString();
    const form = { "content-type": "application/x-www-form-urlencoded", "content-length": `${body.length}` };
    return this.ask({ method: "POST", path, headers: { ...form, ...headers }, body });
  }
}

/** Result of a login, and which server decided it. */
export type SignInAnswer = "in" | "wrong" | "limited by LangFlow" | "limited by Cloudflare" | "other";

export function signInAnswer({ status, text }: Pick<Heard, "status" | "text">): SignInAnswer {
  if (status === 200) return "in";
  if (status === 401 && text.includes("Incorrect username or password")) return "wrong";
  if (status !== 429) return "other";
  return text === "error code: 1015\n" ? "limited by Cloudflare" : "limited by LangFlow";
}

/**
 * Guesses passwords at a given rate, at every region in turn, with a forged address in every header that a server might
 * trust.
 *
 * @returns the number of responses of each kind
 */
export async function guess(
  visitors: readonly Visitor[],
  { perMinute, seconds }: { perMinute: number; seconds: number },
): Promise<Record<SignInAnswer, number>> {
  const counts = { in: 0, wrong: 0, "limited by LangFlow": 0, "limited by Cloudflare": 0, other: 0 };
  const total = Math.round((perMinute / 60) * seconds);
  const began = performance.now();
  const sent: Promise<void>[] = [];
  for (let index = 0; index < total; index += 1) {
    await sleep(Math.max(0, began + (index * 60_000) / perMinute - performance.now()));
    const forged = `10.${index >> 8}.${index & 255}.1`;
    const headers = { "x-forwarded-for": forged, "cf-connecting-ip": forged, "x-real-ip": forged };
    const answer = visitors[index % visitors.length]?.signIn("admin", `guess ${index}`, { headers });
    if (answer) sent.push(answer.then((heard) => void counts[signInAnswer(heard)]++));
  }
  await Promise.all(sent);
  return counts;
}

/** A user with a password, an API key and a flow. */
export interface Worker {
  readonly username: string;
  readonly password: string;
  readonly flow: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Signs in and then runs a flow repeatedly until `isOver` returns true. */
export async function work(visitor: Visitor, worker: Worker, isOver: () => boolean): Promise<Heard[]> {
  const { username, password, flow, headers } = worker;
  const heard = [await visitor.signIn(username, password)];
  const body = JSON.stringify({ input_value: "hello", input_type: "chat", output_type: "chat" });
  const own = { ...headers, "content-type": "application/json", "content-length": `${body.length}` };
  do {
    heard.push(await visitor.ask({ method: "POST", path: `/api/v1/run/${flow}?stream=false`, headers: own, body }));
    await sleep(PAUSE_MS);
  } while (!isOver());
  return heard;
}
const PAUSE_MS = 500;

export const p95 = (heard: readonly Heard[]): number =>
  Math.round(
    percentile(
      heard.map(({ ms }) => ms),
      95,
    ),
  );

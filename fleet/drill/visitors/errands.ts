import type { Errand } from "./exchange";

const JSON_BODY = { "content-type": "application/json" };

/** Duration of a streamed run, in seconds. */
const STREAM_SECONDS = 30;
/** Model of the drill's flow (`flows/default/Mock_LLM.json`), which needs no provider. */
const MODEL = "MockLLM-mock1";

/** LangFlow's health check. */
export const HEALTH: Errand = {
  method: "GET",
  path: "/healthz",
  judge: (body) => (fieldOf(body, "status") === "ok" ? "good" : "wrong"),
};

/** Returns a request for the user of a session. */
export function whoami(headers: Readonly<Record<string, string>>, userId: string): Errand {
  return {
    method: "GET",
    path: "/api/v1/users/whoami",
    headers,
    judge: (body) => (fieldOf(body, "id") === userId ? "good" : "wrong"),
  };
}

/**
 * Returns a streamed run of the drill's flow that outputs one word per second.
 *
 * @param question part of the expected answer, so that the answer of a different run does not match
 * @param seconds duration of the run
 */
export function streamedRun(flowId: string, apiKey: string, question: string, seconds = STREAM_SECONDS): Errand {
  const words = Array.from({ length: seconds }, (_, index) => index + 1).join(" ");
  const model = { latency_seconds: seconds, template: `{input} ${words}` };
  return {
    method: "POST",
    path: `/api/v1/run/${flowId}?stream=true`,
    headers: { ...JSON_BODY, "x-api-key": apiKey },
    body: JSON.stringify({
      input_value: question,
      input_type: "chat",
      output_type: "chat",
      tweaks: { [MODEL]: model },
    }),
    judge: (body) => judgeStream(body, `${question} ${words}`),
  };
}

interface StreamEvent {
  readonly event: string;
  readonly data?: { result?: { outputs?: { outputs?: { results?: { message?: { text?: string } } }[] }[] } };
}

/**
 * Judges a stream of one JSON event per line. The last event is `end` and contains the whole answer. A stream without
 * `end` was cut, even if its connection closed cleanly.
 */
function judgeStream(body: string, wanted: string): "good" | "cut" | "wrong" {
  const events = body.split("\n").flatMap((line) => parsed(line) ?? []) as StreamEvent[];
  if (events.some(({ event }) => event === "error")) return "cut";
  const end = events.find(({ event }) => event === "end");
  if (!end) return "cut";
  return end.data?.result?.outputs?.[0]?.outputs?.[0]?.results?.message?.text === wanted ? "good" : "wrong";
}

/** @param acknowledged called with the file that LangFlow acknowledged */
export function upload(
  apiKey: string,
  { name, contents }: { readonly name: string; readonly contents: string },
  acknowledged: (file: { id: string; path: string }) => void,
): Errand {
  const body = new FormData();
  body.append("file", new Blob([contents]), name);
  return {
    method: "POST",
    path: "/api/v2/files/",
    headers: { "x-api-key": apiKey },
    body,
    judge: (answer) => {
      const { id, path, size } = (parsed(answer) ?? {}) as { id?: string; path?: string; size?: number };
      if (id === undefined || path === undefined || size !== contents.length) return "wrong";
      acknowledged({ id, path });
      return "good";
    },
  };
}

function fieldOf(body: string, name: string): unknown {
  const value = parsed(body);
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

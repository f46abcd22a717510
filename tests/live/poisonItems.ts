import { createCipheriv, randomBytes } from "node:crypto";
import { Envelope } from "../../agent/accounts/envelope";
import { RandomText } from "../formats/flows/secretKinds";
import { largeGraph } from "./largeGraph";

/** A table's column. */
export type RowPlace =
  | "flow.data"
  | "flow.description"
  | "flow.name"
  | "flow.updated_at"
  | "user.username"
  | "user.optins"
  | "user.create_at"
  | "variable.value"
  | "variable.default_fields"
  | "variable.name"
  | "message.text"
  | "message.content_blocks"
  | "message.timestamp"
  | "mcp_server.config"
  | "mcp_server.name";
export type Place = RowPlace | "Git file" | "bucket part";

/**
 * Unusual data that a user creates, or that is written where only agents write, and that must not affect other users.
 */
export interface PoisonItem {
  readonly name: string;
  readonly place: Place;
  /**
   * Returns the content: the value of a column (JSON columns: its text), a file's content, or the object of a segment.
   */
  readonly contents: (of: PartOf) => string | Buffer | Promise<Buffer>;
}

/** Key of a segment, and ids for its rows. */
export interface PartOf {
  readonly id: string;
  readonly key: string;
  readonly userId: string;
  readonly envelope: Envelope;
}

type Make = (random: RandomText, bytes: number) => string;

/** Generators of texts with the requested size. */
const LARGE_JSON: Readonly<Record<string, Make>> = {
  "many nodes": (_, bytes) => largeGraph("nodes", bytes),
  "a large text": (_, bytes) => largeGraph("text", bytes),
  "a large wide text": (_, bytes) => largeGraph("wide text", bytes),
  "a large text that nothing makes smaller": (random, bytes) => inGraph(noise(random, bytes)),
  "quotes alone": (_, bytes) => inGraph('\\"'.repeat(bytes / 2)),
};
const LARGE_TEXTS: Readonly<Record<string, Make>> = {
  "a large text": (_, bytes) => largeGraph("wide text", bytes),
  "a large text that nothing makes smaller": (random, bytes) => noise(random, bytes),
};

const JSON_TEXTS: Readonly<Record<string, Make>> = {
  escapes: (random) => inGraph("\\u4e2d".repeat(50_000 + random.below(300_000))),
  NULs: (random) => inGraph("\\u0000".repeat(1 + random.below(500_000))),
  "backslashes and a NUL": (random) => inGraph(`${"\\\\".repeat(random.below(300_000))}\\u0000`),
  "first halves of characters": (random) => inGraph("\\ud83d".repeat(1 + random.below(40_000))),
  "second halves of characters": (random) => inGraph("\\ude00".repeat(1 + random.below(40_000))),
  "whole characters and a NUL": (random) => inGraph(`${"\\ud83d\\ude00".repeat(random.below(40_000))}\\u0000`),
  "100,000 levels": () => `{"nodes":[],"edges":[],"x":${"[".repeat(100_000)}${"]".repeat(100_000)}}`,
  "some thousand levels": (random) => deep(300 + random.below(5_000)),
  "1e400": () => '{"nodes":[],"edges":[],"x":[1e400,-1e400,1e-400]}',
  "many infinite numbers": (random) =>
    `{"nodes":[],"edges":[],"x":[${"1e99999,".repeat(random.below(2_000))}1e99999999999]}`,
  "a number of many digits": (random) => `{"nodes":[],"edges":[],"x":${"7".repeat(400 + random.below(200_000))}}`,
  "20,000 keys": (random) =>
    `{"nodes":[],"edges":[],${Array.from({ length: 20_000 }, (_, n) => `"${random.below(9)} ${n}":${n}`).join(",")}}`,
  "a key of a megabyte": () => `{"nodes":[],"edges":[],"${"k".repeat(1_000_000)}":1}`,
  "keys twice, empty, and of prototypes": () =>
    '{"nodes":[],"edges":[],"x":1,"x":2,"":{"":""},"__proto__":{"x":1},"constructor":null}',
  "no object": () => "[1,null,true]",
  null: () => "null",
};
const TEXTS: Readonly<Record<string, Make>> = {
  quotes: (random) => '"'.repeat(1 + random.below(500_000)),
  "control characters": (random) => "\u0001\u001f\u007f\u0085\u2028".repeat(1 + random.below(100_000)),
  "what looks like what stands for large values": () => `@5000000 ${"0".repeat(64)}`,
  "a character that is none": () => "\uffff\ufffe\u{10ffff}",
};

const NAMES: Readonly<Record<string, Make>> = {
  "500 characters": (random) => random.text(500),
  "500 wide characters": () => "\u{1f600}".repeat(500),
  "2,600 characters": (random) => random.text(2_600),
  "Ä, decomposed": () => "A\u0308rger",
  "Ä, composed": () => "\u00c4rger",
  "a dotted İ": () => "\u0130stanbul",
  "a final ς": () => "\u0391\u03a3",
  dots: () => "..",
  "a way out": () => "a/../../b",
  "right to left": () => "\u202eevil",
  "a device": () => "CON",
  "control characters": () => "a\u0001\u0007b\nc",
  "blanks alone": () => "  \t ",
};

const TIMES = [
  "0002-01-01 BC",
  "0001-01-01 BC",
  "1969-12-31",
  "9999-12-31 23:59:59.999999",
  "294276-01-01",
  "infinity",
];

const inGraph = (text: string): string => `{"nodes":[],"edges":[],"x":"${text}"}`;
const deep = (levels: number): string => `{"nodes":[],"edges":[],"x":${"[".repeat(levels)}${"]".repeat(levels)}}`;
const noise = (random: RandomText, bytes: number): string =>
  noiseBytes(random.text(32), Math.ceil((bytes * 3) / 4)).toString("base64");
const noiseBytes = (seed: string, bytes: number): Buffer =>
  createCipheriv("aes-256-ctr", Buffer.from(seed), Buffer.alloc(16)).update(Buffer.alloc(bytes));

function files(seed: number, bytes: number): PoisonItem[] {
  const file = (name: string, contents: PoisonItem["contents"]): PoisonItem => ({ name, place: "Git file", contents });
  const flow =
    (data: string, more = "") =>
    (part: PartOf) =>
      `{"id":"${part.id}","name":"Pushed ${part.id}","data":${data}${more}}`;
  return [
    file("broken UTF-8", ({ id }) => Buffer.concat([Buffer.from(`{"id":"${id}","name":"`), BROKEN, Buffer.from('"}')])),
    file("bytes", () => noiseBytes("n".repeat(32), 100_000)),
    file("NULs", () => Buffer.alloc(1_000_000)),
    file("no JSON", ({ id }) => `{"id":"${id}",`),
    file("escapes, no end", () => `"${"\\u4e2d".repeat(3_000_000)}`),
    file("100,000 levels", flow(`${"[".repeat(100_000)}${"]".repeat(100_000)}`)),
    file("251 levels", flow(deep(251))),
    file("1e400", flow('{"nodes":[],"edges":[],"x":1e400}')),
    file("a NUL", flow(inGraph("\\u0000"))),
    file("half a character", flow(inGraph("\\ud83d"))),
    file(
      "20,000 keys",
      ({ id }) => `{"id":"${id}","name":"Keys","data":${JSON_TEXTS["20,000 keys"]?.(new RandomText(seed), 0)}}`,
    ),
    file("a name of 501 characters", ({ id }) => `{"id":"${id}","name":"${"n".repeat(501)}","data":null}`),
    file("a name that leads out", ({ id }) => `{"id":"${id}","name":"../../x","data":null}`),
    file("an endpoint with blanks", flow("null", ',"endpoint_name":"a b"')),
    file("a large text", flow(largeGraph("wide text", bytes))),
    file("a text that nothing makes smaller", flow(inGraph(noise(new RandomText(seed), bytes)))),
    file("no object", () => "[]"),
    file("nothing", () => ""),
  ];
}

const BROKEN = Buffer.from([0xc3, 0x28, 0xff, 0xfe, 0xed, 0xa0, 0x80, 0xf8, 0x88]);
/** The last timestamp that a JavaScript number represents exactly. */
const LAST_STAMP = Number.MAX_SAFE_INTEGER;

function parts(bytes: number): PoisonItem[] {
  const message = ({ id }: PartOf, text: string) => ({
    id,
    timestamp: "2026-01-01T00:00:00+00:00",
    sender: "User",
    sender_name: "Eve",
    session_id: "s",
    text,
    error: false,
    edit: false,
    files: [],
    properties: {},
    category: "message",
    content_blocks: [],
    is_output: false,
  });
  const row = (part: PartOf, made: unknown, text = "x") => {
    const cells = Object.entries(message(part, text)).map(([column, value]) => [column, JSON.stringify(value)]);
    return { table: "message", id: part.id, made, cells: Object.fromEntries(cells) };
  };
  const head = (rows: number) => JSON.stringify({ form: 1, completes: false, rows, at: Date.now() * 1000 });
  const part = (name: string, contents: PoisonItem["contents"]): PoisonItem => ({
    name,
    place: "bucket part",
    contents,
  });
  const lines = (name: string, rows: (of: PartOf) => readonly string[]) =>
    part(name, (of) => of.envelope.seal([[head(1), ...rows(of)].join("\n")], of.key));
  const made = (name: string, at: unknown, text?: string) => lines(name, (of) => [JSON.stringify(row(of, at, text))]);
  const now = () => Date.now() * 1000;
  return [
    part("bytes", () => randomBytes(100_000)),
    part("many bytes", () => randomBytes(bytes)),
    part("nothing", () => Buffer.alloc(0)),
    part("cut", async (of) => (await of.envelope.seal([head(0)], of.key)).subarray(0, -3)),
    part("from elsewhere", (of) => of.envelope.seal([head(0)], `${of.key}0`)),
    part("under another key", (of) => new Envelope("another").seal([head(0)], of.key)),
    part("270 MB of blanks", (of) => of.envelope.seal(Array(270).fill(" ".repeat(1_000_000)), of.key)),
    part("no lines", (of) => of.envelope.seal([""], of.key)),
    part("a form to come", (of) => of.envelope.seal(['{"form":2,"rows":0}'], of.key)),
    lines("fewer rows than it says", () => []),
    lines("no JSON", () => ["{"]),
    lines("100,000 levels", () => [`${"[".repeat(100_000)}${"]".repeat(100_000)}`]),
    lines("a row of no table", (of) => [JSON.stringify({ ...row(of, now()), table: "of nobody" })]),
    lines("20,000 columns that nobody has", (of) => {
      const { cells, ...rest } = row(of, now());
      const more = Array.from({ length: 20_000 }, (_, n) => [`column ${n}`, "1"]);
      return [JSON.stringify({ ...rest, cells: { ...cells, ...Object.fromEntries(more) } })];
    }),
    lines("a value that is no JSON", (of) => [JSON.stringify(row(of, now())).replace('"\\"x\\""', '"nope"')]),
    lines("a value with a NUL", (of) => [JSON.stringify(row(of, now(), "\u0000"))]),
    lines("a value with half a character", (of) => [JSON.stringify(row(of, now(), "\ud83d"))]),
    made("the time 0", 0),
    made("the time -1", -1),
    made("the last time", LAST_STAMP),
    made("a time beyond", 2 ** 60),
    made("half a microsecond", 0.5),
    lines("an infinite time", (of) => [JSON.stringify(row(of, 7)).replace('"made":7', '"made":1e400')]),
    made("a time that is a text", "NaN"),
    made("a large text", 1_700_000_000_000_000, largeGraph("text", bytes)),
    part("broken UTF-8", (of) => {
      const [start, end] = JSON.stringify(row(of, now(), "here")).split("here");
      const text = Buffer.concat([Buffer.from(`${head(1)}\n${start}`), BROKEN, Buffer.from(end ?? "")]);
      return of.envelope.seal(text as unknown as Iterable<string>, of.key);
    }),
  ];
}

/** Generators by place. */
type Makes = Readonly<Partial<Record<RowPlace, Readonly<Record<string, Make>>>>>;

const AT_TIMES = Object.fromEntries(TIMES.map((time) => [time, () => time]));
const LARGE: Makes = {
  "flow.data": LARGE_JSON,
  "flow.description": pick(LARGE_TEXTS, 0),
  "variable.value": pick(LARGE_TEXTS, 0),
  "variable.default_fields": pick(LARGE_JSON, 3),
  "message.text": LARGE_TEXTS,
  "message.content_blocks": pick(LARGE_JSON, 4),
  "mcp_server.config": pick(LARGE_JSON, 1),
  "user.optins": pick(LARGE_JSON, 2),
};
const SMALL: Makes = {
  "flow.data": JSON_TEXTS,
  "flow.description": TEXTS,
  "flow.name": NAMES,
  "flow.updated_at": AT_TIMES,
  "user.username": NAMES,
  "user.optins": JSON_TEXTS,
  "user.create_at": AT_TIMES,
  "variable.value": TEXTS,
  "variable.default_fields": JSON_TEXTS,
  "variable.name": NAMES,
  "message.text": TEXTS,
  "message.content_blocks": JSON_TEXTS,
  "message.timestamp": AT_TIMES,
  "mcp_server.config": JSON_TEXTS,
  "mcp_server.name": NAMES,
};

function pick(makes: Readonly<Record<string, Make>>, at: number): Readonly<Record<string, Make>> {
  return Object.fromEntries(Object.entries(makes).slice(at, at + 1));
}

/**
 * Returns items from a seed in random order: all large ones, and as many others as requested.
 *
 * @param bytes size of a large item
 */
export function poisonItems(seed: number, count: number, bytes: number): PoisonItem[] {
  const random = new RandomText(seed);
  const made = (makes: Makes): PoisonItem[] =>
    Object.entries(makes).flatMap(([place, all]) =>
      Object.entries(all).map(([name, make]) => {
        const own = random.below(2 ** 31);
        return { name, place: place as RowPlace, contents: () => make(new RandomText(own), bytes) };
      }),
    );
  const shuffled = (items: readonly PoisonItem[]) =>
    items
      .map((item) => [random.below(2 ** 31), item] as const)
      .sort(([one], [other]) => one - other)
      .map(([, item]) => item);
  const large = made(LARGE);
  const others = shuffled([...made(SMALL), ...files(random.below(2 ** 31), bytes), ...parts(bytes)]);
  return shuffled([...large, ...others.slice(0, Math.max(0, count - large.length))]);
}

import fc from "fast-check";
import {
  canonicalJson,
  canonicalPieces,
  isDeeperThan,
  isObject,
  isText,
  type Json,
  numbersAsIn,
  parseJson,
} from "../../../formats/flows/canonicalJson";

/**
 * Numbers and how Python 3's `json.dumps(json.loads(text))` prints them. Instead of Python's `Infinity`, the expected
 * text is JSON that Python reads as infinity.
 */
const PYTHON_NUMBERS = [
  ["1", "1"],
  ["-7", "-7"],
  ["1.0", "1.0"],
  ["0.0", "0.0"],
  ["-0.0", "-0.0"],
  ["0.1", "0.1"],
  ["1e5", "100000.0"],
  ["1E+2", "100.0"],
  ["1e16", "1e+16"],
  ["123456789012345.6", "123456789012345.6"],
  ["1234567890123456789", "1234567890123456789"],
  ["1.5e300", "1.5e+300"],
  ["0.0001", "0.0001"],
  ["0.00012345", "0.00012345"],
  ["0.00001", "1e-05"],
  ["1.25e-7", "1.25e-07"],
  ["5e-324", "5e-324"],
  ["0", "0"],
  ["-0", "0"],
  ["10", "10"],
  ["-0.5", "-0.5"],
  ["0e5", "0.0"],
  ["-0e0", "-0.0"],
  ["1e0", "1.0"],
  ["1.50", "1.5"],
  ["1e15", "1000000000000000.0"],
  ["1.5e15", "1500000000000000.0"],
  ["-1e16", "-1e+16"],
  ["1e22", "1e+22"],
  ["1e100", "1e+100"],
  ["-0.0001", "-0.0001"],
  ["-0.00001", "-1e-05"],
  ["0.00099999999999999994", "0.001"],
  ["123456789012345", "123456789012345"],
  ["1234567890123456", "1234567890123456"],
  ["-12345678901234567890", "-12345678901234567890"],
  ["1e400", "1e999"],
  ["-1e400", "-1e999"],
  ["1e999", "1e999"],
  ["1e-400", "0.0"],
  ["-1e-400", "-0.0"],
  ["1".repeat(400), "1".repeat(400)],
] as const;

describe("the canonical text of a JSON value", () => {
  it.each(PYTHON_NUMBERS)("formats the number %s as Python does: %s", (written, expected) => {
    expect(canonicalJson(parseJson(written))).toBe(expected);
  });

  it("distinguishes 1 from 1.0, which JavaScript's own JSON does not", () => {
    expect(canonicalJson(parseJson('{"x":1}'))).not.toBe(canonicalJson(parseJson('{"x":1.0}')));
  });

  it("has its keys sorted by code point at every depth, including numeric keys", () => {
    expect(canonicalJson(parseJson('{"b":{"10":1,"9":2},"a":[],"\u{1F600}":{},"\uFFFD":0}'), 0)).toBe(
      '{"a":[],"b":{"10":1,"9":2},"\uFFFD":0,"\u{1F600}":{}}',
    );
  });

  it("keeps a key named __proto__ as data", () => {
    expect(canonicalJson(parseJson('{"__proto__":{"x":1}}'), 0)).toBe('{"__proto__":{"x":1}}');
  });

  it("is the same for equal values, however they were written", () => {
    fc.assert(
      fc.property(fc.json({ noUnicodeString: false }), fc.nat(4), (text, indent) => {
        const spread = JSON.stringify(JSON.parse(text), null, indent);
        expect(canonicalJson(parseJson(spread))).toBe(canonicalJson(parseJson(JSON.stringify(JSON.parse(text)))));
      }),
    );
  });

  it("is read back as the value that it was written from", () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        const value: Json = parseJson(text);
        expect(canonicalJson(parseJson(canonicalJson(value)))).toBe(canonicalJson(value));
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(text));
      }),
    );
  });

  it("leaves texts and keys unchanged that merely look like numbers", () => {
    for (const text of ['"1.0"', '"a\\"1.0"', '"\\\\"', '["1.0",1.0,"\\\\",2.0]', '{"1.0":"2.0"}', '"-1e5"'])
      expect(canonicalJson(parseJson(text), 0)).toBe(text);
  });

  it.each(["01", "1.", ".5", "-", "1e", "+1", "1.0.0", "--1", "1 2", "0x1", "1e5.0"])(
    "cannot be created from the invalid number %s",
    (text) => {
      expect(() => parseJson(text)).toThrow(SyntaxError);
    },
  );

  it("is indented by level with empty collections on one line, or is a single line", () => {
    const value = parseJson('{"b":[],"a":{"d":[1,[2.0]],"c":{}}}');
    expect(canonicalJson(value)).toBe(
      '{\n  "a": {\n    "c": {},\n    "d": [\n      1,\n      [\n        2.0\n      ]\n    ]\n  },\n  "b": []\n}',
    );
    expect(canonicalJson(value, 1)).toBe(
      '{\n "a": {\n  "c": {},\n  "d": [\n   1,\n   [\n    2.0\n   ]\n  ]\n },\n "b": []\n}',
    );
    expect(canonicalJson(value, 0)).toBe('{"a":{"c":{},"d":[1,[2.0]]},"b":[]}');
    expect([null, true, false, "x", "ä\n", [], {}].map((each) => canonicalJson(each))).toEqual([
      "null",
      "true",
      "false",
      '"x"',
      '"ä\\n"',
      "[]",
      "{}",
    ]);
  });

  it.each(["1e400", "-1e400", "[1E+99999]", "-0.0", "1e-400", `[${"9".repeat(400)}]`])(
    "is JSON with the same meaning as the original: %s",
    (written) => {
      expect(JSON.parse(canonicalJson(parseJson(written)))).toEqual(JSON.parse(written));
    },
  );

  it.each([
    ["escapes in a string", `["${"\\u4e2d".repeat(3_400_000)}"]`],
    ["quotes in a string", `["${'\\"'.repeat(4_000_000)}"]`],
    ["digits", `[${"1".repeat(4_000_000)}]`],
    ["fractions", `[0.${"1".repeat(4_000_000)}]`],
    ["numbers", `[${"1.5,".repeat(300_000)}1]`],
  ])("can be created from a value with millions of %s", (_, text) => {
    expect(JSON.parse(canonicalJson(parseJson(text)))).toEqual(JSON.parse(text));
  });

  it("cannot be created from JSON with a million unterminated strings", () => {
    expect(() => parseJson('"\\'.repeat(1_000_000))).toThrow(SyntaxError);
  });

  it("cannot be created from invalid JSON", () => {
    expect(() => parseJson('{"a":')).toThrow(SyntaxError);
  });

  it("can be created from a value of any depth", () => {
    const deep = `${'{"a":['.repeat(100_000)}${"]}".repeat(100_000)}`;
    expect(canonicalJson(parseJson(deep), 0)).toBe(deep);
  });
});

it("isDeeperThan() measures how deep a value nests, whatever its depth", () => {
  expect(isDeeperThan("x", 0)).toBe(false);
  expect(isDeeperThan([], 0)).toBe(true);
  expect(isDeeperThan({ a: [1, { b: {} }] }, 4)).toBe(false);
  expect(isDeeperThan({ a: [1, { b: {} }] }, 3)).toBe(true);
  expect(isDeeperThan(parseJson("[".repeat(100_000) + "]".repeat(100_000)), 99_999)).toBe(true);
});

it("isObject() accepts only objects", () => {
  expect([{}, { a: 1 }].map((value) => isObject(value as Json))).toEqual([true, true]);
  expect([undefined, null, [], "x", 1, true].some(isObject)).toBe(false);
});

it("isText() distinguishes a text from a number that is stored as text", () => {
  expect(isText(parseJson("1.0"))).toBe(false);
  expect(isText(parseJson('"1.0"'))).toBe(true);
});

describe("numbers in the notation of an earlier value", () => {
  const asIn = (other: string, value: string) => canonicalJson(numbersAsIn(parseJson(other), parseJson(value)), 0);

  it.each([
    ["1e+308", `1${"0".repeat(308)}`],
    ["1.5e+300", `15${"0".repeat(299)}`],
    ["-1.25e+16", "-12500000000000000"],
    ["-0.0", "0.0"],
    ["1.25e-07", "0.000000125"],
    ["-1e-05", "-0.00001"],
    ["5e-324", `0.${"0".repeat(323)}5`],
  ])("become %s again if jsonb has rewritten them", (written, through) => {
    expect(asIn(written, through)).toBe(written);
    expect(asIn(`{"a":[{"b":${written}}]}`, `{"a":[{"b":${through},"c":2.5}]}`)).toBe(
      `{"a":[{"b":${written},"c":2.5}]}`,
    );
    expect(asIn(through, written)).toBe(canonicalJson(parseJson(through)));
  });

  it.each([
    ["1", "1.0"],
    ["1.0", "1"],
    ["1e+16", "10000000000000001"],
    ["1e+16", "-10000000000000000"],
    ["1e999999999", "1e99999999"],
    ['"1e+16"', "10000000000000000"],
    ["[1e+16]", '{"0":10000000000000000}'],
    ["{}", '{"__proto__":10000000000000000}'],
  ])("do not become the earlier value's %s if they are %s, which is a different value or type", (other, value) => {
    expect(asIn(other, value)).toBe(canonicalJson(parseJson(value), 0));
  });
});

describe("a large text", () => {
  it("with millions of escapes is parsed, and the numbers next to it keep their form", () => {
    const escaped = `"${'\\u0416\\"\\\\'.repeat(2_000_000)}"`;
    const value = parseJson(`{"a":1.50,"b":${escaped},"c":[-0.0]}`);
    expect(canonicalJson(value, 0) === `{"a":1.5,"b":${JSON.stringify(JSON.parse(escaped))},"c":[-0.0]}`).toBe(true);
  });

  it("is written in pieces that add up to the same text and split no character", () => {
    const pair = "\u{1f600}";
    for (const before of ["", "x"]) {
      const text = before + pair.repeat(40_000);
      const pieces = [...canonicalPieces({ text, after: text }, 0)];
      expect(pieces.join("")).toBe(`{"after":${JSON.stringify(text)},"text":${JSON.stringify(text)}}`);
      expect(pieces.map((piece) => Buffer.from(piece).toString()).join("")).toBe(pieces.join(""));
      expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThan(100_000);
    }
  });
});

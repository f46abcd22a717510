import fc from "fast-check";
import { postgresText } from "../../../agent/moveIn/postgresText";

const TYPES = ["uuid", "text", "json", "jsonb", "boolean", "integer", "timestamp without time zone", "bytea"];
const held = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.integer(),
  fc.bigInt(),
  fc.uint8Array(),
  fc.constantFrom(null, undefined, "a\0b"),
);

describe("a value from SQLite, converted for PostgreSQL,", () => {
  it("is null only if it was null before, and never contains NUL", () => {
    fc.assert(
      fc.property(held, fc.constantFrom(...TYPES), (value, type) => {
        const text = postgresText(value, type);
        expect(text === null).toBe(value === null || value === undefined);
        expect(text ?? "").not.toContain("\0");
      }),
    );
  });

  it("is true in a boolean column for every number except 0, and is the number itself in other columns", () => {
    fc.assert(
      fc.property(fc.oneof(fc.integer(), fc.bigInt()), (number) => {
        expect(postgresText(number, "boolean")).toBe(Number(number) === 0 ? "false" : "true");
        expect(postgresText(number, "integer")).toBe(String(number));
      }),
    );
  });

  it("has the same meaning in jsonb as in json, except that NUL becomes U+FFFD", () => {
    fc.assert(
      fc.property(fc.json({ stringUnit: fc.constantFrom("\0", "\\", "u0000", "ü", '"') }), (text) => {
        expect(postgresText(text, "json")).toBe(text);
        const said = postgresText(text, "jsonb") ?? "";
        const expected = JSON.parse(text, (_, value) =>
          typeof value === "string" ? value.replaceAll("\0", "\uFFFD") : value,
        );
        expect(renamed(JSON.parse(said))).toEqual(renamed(expected));
      }),
    );
  });

  it("stays binary in a bytea column, and becomes text in other columns", () => {
    const bytes = new TextEncoder().encode("grün");
    expect(postgresText(bytes, "bytea")).toBe("\\x6772c3bc6e");
    expect(postgresText(bytes, "text")).toBe("grün");
  });
});

/** Replaces NUL in the names of fields too, which a reviver does not see. */
const renamed = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value).replaceAll(/(?<!\\)((?:\\\\)*)\\u0000/g, "$1\uFFFD"));

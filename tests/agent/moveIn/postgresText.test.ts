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

describe("what SQLite holds, as PostgreSQL reads it", () => {
  it("is null where it is null, and never has a character that PostgreSQL has no room for", () => {
    fc.assert(
      fc.property(held, fc.constantFrom(...TYPES), (value, type) => {
        const text = postgresText(value, type);
        expect(text === null).toBe(value === null || value === undefined);
        expect(text ?? "").not.toContain("\0");
      }),
    );
  });

  it("is true for every number but 0 where the column is of truth values, and the number elsewhere", () => {
    fc.assert(
      fc.property(fc.oneof(fc.integer(), fc.bigInt()), (number) => {
        expect(postgresText(number, "boolean")).toBe(Number(number) === 0 ? "false" : "true");
        expect(postgresText(number, "integer")).toBe(String(number));
      }),
    );
  });

  it("says in jsonb what it says in json, but for NUL, which becomes U+FFFD", () => {
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

  it("is bytes where the column is of bytes, and their text elsewhere", () => {
    const bytes = new TextEncoder().encode("grün");
    expect(postgresText(bytes, "bytea")).toBe("\\x6772c3bc6e");
    expect(postgresText(bytes, "text")).toBe("grün");
  });
});

/** With NUL in names of fields replaced too, which a reviver does not see. */
const renamed = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value).replaceAll(/(?<!\\)((?:\\\\)*)\\u0000/g, "$1\uFFFD"));

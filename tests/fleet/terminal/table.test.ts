import { stripVTControlCharacters } from "node:util";
import fc from "fast-check";
import { table, withoutMiddle, wrapped } from "../../../fleet/terminal/table";

const HOST = "k8s-langflow-langflow-0123456789-0123456789abcdef.elb.us-east-1.amazonaws.com";
const lines = (text: string) => stripVTControlCharacters(text).trimEnd().split("\n");

describe("a table", () => {
  it("has one line per row, without separator lines or trailing blanks", () => {
    const shown = lines(
      table(
        ["stack", "result"],
        [
          ["foundation", "done"],
          ["us-east", "failed"],
        ],
      ),
    );
    expect(shown).toEqual(["stack       result", "foundation  done", "us-east     failed"]);
  });

  it.each([80, 100, 120])("fits into %d columns by shortening host names in the middle", (width) => {
    const shown = lines(
      table(
        ["stack", "result", "resources", "changes", "seconds", "endpoint"],
        [["us-east", "done", "161", "161 created", "7.1", HOST]],
        { width },
      ),
    );
    expect(shown).toHaveLength(2);
    expect(Math.max(...shown.map(({ length }) => length))).toBeLessThanOrEqual(width);
    expect(shown[1]).toMatch(/us-east +done +161 +161 created +7\.1 +k8s-lang.*….*\.com$/);
  });

  it("does not break a long word of a sentence, and keeps the other columns aligned", () => {
    const path = `/root/${"x".repeat(60)}`;
    const rows = [
      ["a check", "broken", "langflow-dr:flowRepository.url is that of an example", `look whether ${path} is there`],
      ["another", "broken", "it is not there", "lorem ipsum dolor sit amet consectetur ".repeat(4).trim()],
    ];
    const shown = lines(table(["check", "result", "finding", "fix"], rows, { width: 80 }));
    expect(shown.filter(({ length }) => length > 80)).toEqual([expect.stringContaining(path)]);
    expect(shown.join("\n")).toContain("langflow-dr:flowRepository.url");
  });

  it("may have narrow columns if it contains only sentences and numbers", () => {
    const head = [
      "region",
      "detection",
      "RTO",
      "RPO of flows",
      "RPO of accounts",
      "RPO of files",
      "RPO of database",
      "last",
    ];
    const row = ["us-east", "55 s", "55 s", ...Array.from({ length: 4 }, () => "not known"), "29 Nov 2026"];
    expect(Math.max(...lines(table(head, [row], { width: 80 })).map(({ length }) => length))).toBeLessThanOrEqual(80);
  });

  it("is complete in a terminal whose width is reported as 0", () => {
    const { columns } = process.stdout;
    process.stdout.columns = 0;
    expect(table(["endpoint"], [[HOST]])).toContain(HOST);
    process.stdout.columns = columns;
  });

  it("is complete if the output is not a terminal", () => {
    expect(table(["endpoint"], [[HOST]], { width: Number.POSITIVE_INFINITY })).toContain(HOST);
  });

  it("wraps a sentence once, at the sentence limit or at the column's width if that is smaller", () => {
    const row = ["a check", "broken", "lorem ipsum dolor sit amet consectetur ".repeat(8).trim()];
    const head = ["check", "result", "finding"];
    expect(table(head, [row], { width: 60, sentence: 60 })).toBe(table(head, [row], { width: 60 }));
    const piped = lines(table(head, [row], { width: Number.POSITIVE_INFINITY, sentence: 60 }));
    expect(Math.max(...piped.map((line) => line.slice("a check  broken  ".length).length))).toBe(60);
  });

  it("fits into any width that leaves its columns wide enough, and loses no word of a sentence", () => {
    const letter = fc.constantFrom(..."abcxyz");
    const word = fc.string({ unit: letter, minLength: 1, maxLength: 12 });
    const sentence = fc.array(word, { minLength: 2, maxLength: 30 }).map((words) => words.join(" "));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(word, sentence, sentence), { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 60, max: 140 }),
        (rows, width) => {
          const shown = lines(table(["one", "two", "three"], rows, { width }));
          expect(Math.max(...shown.map(({ length }) => length))).toBeLessThanOrEqual(width);
          const words = (text: string) => text.split(/\s+/).filter(Boolean).sort();
          expect(words(shown.slice(1).join(" "))).toEqual(words(rows.flat().join(" ")));
        },
      ),
    );
  });

  it("shortens a word in its middle to the given width", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(..."abc.-"), minLength: 13, maxLength: 80 }),
        fc.integer({ min: 12, max: 79 }),
        (word, width) => {
          if (word.length <= width) return;
          const short = withoutMiddle(word, width);
          const [begin = "", end = ""] = short.split("…");
          expect([short.length, word.startsWith(begin), word.endsWith(end)]).toEqual([width, true, true]);
        },
      ),
    );
  });

  it("wraps only at blanks, so that long words can be copied", () => {
    expect(wrapped(`see ${HOST} for more of it`, 20)).toBe(`see\n${HOST}\nfor more of it`);
  });
});

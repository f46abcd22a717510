import fc from "fast-check";
import { Keywords } from "../../../formats/flows/keywords";

const found = (words: readonly string[], text: string) => {
  const all: string[] = [];
  new Keywords(words).find(text, (word, end) => all.push(`${word}@${end}`));
  return all.sort();
};

describe("the search for keywords", () => {
  it("finds keywords in any case, within each other and at both ends of a text", () => {
    expect(found(["sk-", "key", "eyj"], "SK-key EYJ keyj")).toEqual(["0@3", "1@14", "1@6", "2@10", "2@15"]);
    expect(found(["he", "she", "hers"], "ushers")).toEqual(["0@4", "1@4", "2@6"]);
    expect(found(["key"], "kéy k\0ey")).toEqual([]);
  });

  it("finds exactly what a separate search for each keyword finds", () => {
    const letters = fc.string({ unit: fc.constantFrom("a", "b", "B", "-", "é", " "), minLength: 1, maxLength: 12 });
    const words = fc.uniqueArray(fc.string({ unit: fc.constantFrom("a", "b", "-"), minLength: 1, maxLength: 4 }), {
      minLength: 1,
      maxLength: 6,
    });
    fc.assert(
      fc.property(words, letters, (each, text) => {
        const expected = each.flatMap((word, at) =>
          [...text].flatMap((_, start) =>
            text.toLowerCase().startsWith(word, start) ? [`${at}@${start + word.length}`] : [],
          ),
        );
        expect(found(each, text)).toEqual(expected.sort());
      }),
    );
  });
});

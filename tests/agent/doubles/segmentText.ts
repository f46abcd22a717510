import type { Stamp } from "../../../agent/accounts/row";
import { type ReadSegment, readSegment, type Segment, writeSegment } from "../../../agent/accounts/segment";

/** Returns the text of a segment, with the contents of its large values inserted. */
export async function textOfPart(
  part: Segment,
  at: Stamp,
  large: ReadonlyMap<string, Buffer> = new Map(),
): Promise<string> {
  const contentOf = async function* (value: string) {
    const content = large.get(value);
    if (!content) throw new Error("no large value is known");
    // PostgreSQL also splits a value in the middle of a character.
    for (let at = 0; at < content.length; at += 999_999) yield content.subarray(at, at + 999_999);
  };
  let text = "";
  for await (const some of writeSegment(part, at, contentOf)) text += some;
  return text;
}

/** Splits a text into chunks. @param cut returns the size of the next chunk in bytes */
async function* chunksOf(text: string, cut: () => number): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; ) {
    const end = at + Math.max(1, cut());
    yield bytes.subarray(at, end);
    at = end;
  }
}

export const partOfText = (text: string, cut = () => 65_536): Promise<ReadSegment> =>
  readSegment({ [Symbol.asyncIterator]: () => chunksOf(text, cut) });

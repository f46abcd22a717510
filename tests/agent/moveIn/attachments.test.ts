import { portableAttachments } from "../../../agent/moveIn/attachments";

const UPLOADS = new Set(["a1/report.pdf", "b2/a plan – 2.png"]);

describe("a message's files", () => {
  it.each([
    ["of a disk", '["/app/data/.cache/langflow/a1/report.pdf"]', '["a1/report.pdf"]'],
    ["of Windows", '["C:\\\\Users\\\\bea\\\\langflow\\\\b2\\\\a plan – 2.png"]', '["b2/a plan – 2.png"]'],
    [
      "one of which was not imported",
      '["/data/a1/report.pdf", "/data/a1/lost.pdf"]',
      '["a1/report.pdf","/data/a1/lost.pdf"]',
    ],
  ])("%s are matched by the last two parts of their paths: the user or flow, and the name", (_, before, after) => {
    expect(portableAttachments(before, UPLOADS)).toBe(after);
  });

  it.each([
    ["that are already correct", '[ "a1/report.pdf" ]'],
    ["that were not imported", '[ "/data/c3/report.pdf" ]'],
    ["that are not a list of strings", '[ {"path": "/data/a1/report.pdf"}, 1, null ]'],
    ["that are not a list", "null"],
    ["that are in deeper folders than LangFlow's", '[ "/data/a1/deep/report.pdf" ]'],
  ])("%s stay unchanged, character by character", (_, files) => {
    expect(portableAttachments(files, UPLOADS)).toBe(files);
  });
});

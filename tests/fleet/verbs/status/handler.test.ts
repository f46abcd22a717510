import { age } from "../../../../fleet/verbs/status/handler";

describe("age", () => {
  const at = Date.parse("2026-11-26T12:00:00Z");
  it.each([
    ["2026-11-26T11:59:30Z", "just now"],
    ["2026-11-26T11:58:59Z", "1 min ago"],
    ["2026-11-26T09:00:00Z", "3 h ago"],
    ["2026-11-20T11:00:00Z", "6 d ago"],
    [undefined, "–"],
  ])("formats %s as %s", (time, told) => {
    expect(age(time, at)).toBe(told);
  });
});

import { CHECKS } from "../../../fleet/ready/checks";
import { pageRows } from "../../pageTable";

describe("docs/ready.md", () => {
  it("lists each check with its points, why it counts and what to do, in order, and no other", () => {
    const rows = pageRows("ready.md", /^\| .* \| (region|fleet) +\|/);
    expect(rows).toEqual(CHECKS.map(({ name, of, weight, why, fix }) => [name, of, `${weight}`, why, fix]));
  });
});

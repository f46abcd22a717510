import { CHECKS } from "../../../fleet/ready/checks";
import { pageRows } from "../../pageTable";

describe("docs/ready.md", () => {
  it("lists every check in order, with its points, its reason and its fix, and nothing else", () => {
    const rows = pageRows("ready.md", /^\| .* \| (region|fleet) +\|/);
    expect(rows).toEqual(CHECKS.map(({ name, of, weight, why, fix }) => [name, of, `${weight}`, why, fix]));
  });
});

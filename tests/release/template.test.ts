import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { version } from "../../package.json";

const ROOT = join(__dirname, "../..");
const read = (file: string) => readFileSync(join(ROOT, file), "utf8");

describe("the template of a fleet's repository", () => {
  it.each(["Pulumi.yaml", "Pulumi.us-east.yaml", "Pulumi.eu-west.yaml", "Pulumi.edge.yaml"])(
    "has the settings of this repository, with their comments: %s",
    (file) => {
      const ours = read(file);
      const theirs = read(`template/${file}`);
      expect(parse(theirs).config).toEqual(parse(ours).config);
      const settings = (text: string) => text.slice(text.indexOf("\nconfig:"));
      expect(settings(theirs)).toBe(settings(ours));
    },
  );

  it("has the versions of this repository", () => {
    const { dependencies, devDependencies } = JSON.parse(read("template/package.json"));
    expect([dependencies["langflow-dr"], devDependencies["@langflow-dr/local"]]).toEqual([version, version]);
    const tags = [...read("template/.github/workflows/fleet.yml").matchAll(/\.yml@v(\S+)/g)].map(([, tag]) => tag);
    expect(tags).toEqual(Array.from({ length: 5 }, () => version));
  });
});

/** `npm run schema:plugin`: writes schema.json anew, in the form the project's formatter gives it. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { generateSchema } from "./packageSchema";

const FILE = join(__dirname, "schema.json");

generateSchema().then((schema) => {
  writeFileSync(FILE, JSON.stringify(schema));
  execFileSync(join(__dirname, "../node_modules/.bin/biome"), ["format", "--write", FILE]);
});

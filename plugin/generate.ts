/** Implements `npm run schema:plugin`: regenerates schema.json and formats it with the project's formatter. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { generateSchema } from "./packageSchema";

const FILE = join(__dirname, "schema.json");

generateSchema().then((schema) => {
  writeFileSync(FILE, JSON.stringify(schema));
  execFileSync(join(__dirname, "../node_modules/.bin/biome"), ["format", "--write", FILE]);
});

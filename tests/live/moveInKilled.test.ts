import { randomBytes, randomInt } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { SecretKey } from "../../formats/encryption/secretKey";
import { KilledRegions, preparedPostgres, SHARE, STAGES, WHAT } from "./killedRegions";
import { Scratch } from "./scratch";

/** Number of random kill points, for manual runs: `MOVE_IN_KILLS=20`. `MOVE_IN_SEED` repeats the same points. */
const KILLS = Number(process.env.MOVE_IN_KILLS ?? 0);
/**
 * Number of killed imports into the same region before the final complete one. Each continues from the state that the
 * previous one left.
 */
const KILLS_IN_A_ROW = 4;
const SEED = Number(process.env.MOVE_IN_SEED ?? randomInt(2 ** 31));
const A_RUN_MS = 60_000;
jest.setTimeout((12 + 3 * KILLS) * A_RUN_MS);

const OLD_KEY = randomBytes(32).toString("base64url");
const USERS = ["ada", "bea", "cem"];
const idOf = (name: string) => `${Buffer.from(name.padEnd(4, "_")).toString("hex")}-0000-4000-8000-000000000000`;
const FILES_OF_EACH = 8;

/**
 * Returns statements for three users with thirty flows of several KB, five hundred messages, variables and projects.
 */
function rowsOfSource(): string[] {
  const secret = new SecretKey(OLD_KEY, "the source's").encrypt("a key of theirs");
  const id = (of: string) => `md5('${of}' || u.username || n)::uuid`;
  const each = (most: number) => `"user" u, generate_series(1, ${most}) AS n WHERE NOT u.is_superuser`;
  const graph = `json_build_object('nodes', '[]'::json, 'edges', '[]'::json, 'text', repeat(md5(n::text), 200))`;
  return [
    ...USERS.map(
      (name) => `INSERT INTO "user" (id, username, password, is_active, is_superuser, create_at, updated_at)
        VALUES ('${idOf(name)}', '${name}', 'hash', true, false, now(), now())`,
    ),
    `INSERT INTO folder (id, name, user_id) SELECT ${id("folder")}, 'project ' || n, u.id FROM ${each(4)}`,
    `INSERT INTO variable (id, name, value, type, user_id) SELECT ${id("variable")}, 'KEY ' || n, '${secret}', 'Credential', u.id FROM ${each(5)}`,
    `INSERT INTO flow (id, name, data, user_id, folder_id) SELECT ${id("flow")}, 'Flow ' || n, ${graph}, u.id,
      md5('folder' || u.username || (1 + n % 4))::uuid FROM ${each(10)}`,
    `INSERT INTO message (id, session_id, text, timestamp, sender, sender_name, error, edit, files, properties, category, content_blocks, flow_id)
      SELECT ${id("message")}, 's', 'said ' || n, '2026-11-01 12:00:00.123456', 'User', u.username, false, false, '[]', '{}', 'message', '[]',
      md5('flow' || u.username || (1 + n % 10))::uuid FROM ${each(167)}`,
  ];
}

let scratch: Scratch;
let regions: KilledRegions;

beforeAll(async () => {
  process.stderr.write(`seed ${SEED}\n`);
  scratch = await Scratch.make();
  const old = await scratch.postgres("old", join(__dirname, "migrated-1.12.8.sql"));
  for (const sql of rowsOfSource()) await old.query("old", sql);
  const config = join(scratch.folder, "source");
  for (const name of USERS) mkdirSync(join(config, idOf(name)), { recursive: true });
  writeFileSync(join(config, "secret_key"), OLD_KEY);
  for (const name of USERS)
    for (let n = 0; n < FILES_OF_EACH; n += 1)
      writeFileSync(join(config, idOf(name), `notes-${n}.txt`), `notes ${n} of ${name}\n`.repeat(100));
  const servers = { postgres: await preparedPostgres(scratch), s3: await scratch.s3() };
  regions = await KilledRegions.make(scratch, servers, { from: old.url("old"), config });
  expect(regions.whole.state.uploads).toHaveLength(USERS.length * FILES_OF_EACH);
}, 4 * A_RUN_MS);
afterAll(() => scratch.end());

// Leaves out migrate-newest, except in manual runs: a kill there leaves the same state as one in migrate-source or
// load, and takes a quarter of the time.
const ONE_BY_ONE = STAGES.filter((stage) => stage !== "migrate-newest");

it("an import that is killed once in each stage and repeated has the same result as an import that was never killed", async () => {
  await regions.killInEachStage(ONE_BY_ONE, SEED);
});

(KILLS === 0 ? it.skip : it)(
  `an import that is killed at ${KILLS} random points has the same result as one that was never killed`,
  async () => {
    const point = fc.record({ stage: fc.constantFrom(...STAGES), share: SHARE, what: WHAT });
    const all = fc.sample(point, { seed: SEED, numRuns: KILLS });
    for (let at = 0; at < all.length; at += KILLS_IN_A_ROW) {
      const points = all.slice(at, at + KILLS_IN_A_ROW);
      const place = await regions.freshRegion(`random_${at}`);
      for (const each of points)
        process.stderr.write(`${each.what} at ${each.stage} after ${(await regions.killed(place, each)).afterMs} ms; `);
      expect({ points, state: await regions.repeated(place) }).toEqual({ points, state: regions.whole.state });
      process.stderr.write("repeated: the same\n");
    }
  },
);

import { Client } from "pg";
import { prepareAccounts } from "../../agent/accounts/schema";
import { TABLES } from "../../formats/tables/tables";
import { regionsOfFile, rounds } from "./accountsRegion";
import { until } from "./langflowApi";

jest.setTimeout(120_000);

const region = regionsOfFile();

const MESSAGE = `INSERT INTO message (id, timestamp, sender, sender_name, session_id, text, error, edit, files, properties, category, content_blocks)
  SELECT gen_random_uuid(), now(), 'User', 'User', $1, n::text, false, false, '[]', '{}', 'message', '[]' FROM generate_series(1, $2::int) AS n`;
const MESSAGES = "SELECT id, text FROM message ORDER BY id";

it("users can write while the agent registers rows that existed before its triggers", async () => {
  const [us, eu] = await region.pair();
  await us.query("DROP TRIGGER langflow_dr_account ON message");
  await us.query(MESSAGE, ["before", 7_000]);
  const [{ id }] = (await us.query<{ id: string }>("SELECT max(id::text) AS id FROM message")) as [{ id: string }];
  // A concurrent transaction writes the same entry, so the agent waits for that row.
  await us.client.query("BEGIN");
  await us.client.query("INSERT INTO langflow_dr.account_row (table_name, row_id, made_at) VALUES ('message', $1, 1)", [
    id,
  ]);
  const agent = new Client({ connectionString: region.postgres().url(us.database) });
  await agent.connect();
  const prepared = prepareAccounts(agent, TABLES);
  await until(
    "it waits for that row",
    async () => (await us.query("SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'")).length > 0,
    30_000,
  );
  await us.query(MESSAGE, ["meanwhile", 3]);
  await us.query("UPDATE message SET text = 'edited' WHERE text = '1'");
  await us.client.query("ROLLBACK");
  await prepared;
  await agent.end();
  await rounds(us, eu);
  expect(await eu.query(MESSAGES)).toEqual(await us.query(MESSAGES));
});

it("registration continues where a killed agent stopped, and starts again if the triggers were missing", async () => {
  const [us, eu] = await region.pair();
  const killed = async (after: number) => {
    const looked: number[] = [];
    const agent = new Client({ connectionString: region.postgres().url(us.database) });
    await agent.connect();
    const progress = (_: string, rows: number) => {
      looked.push(rows);
      if (looked.length === after) throw new Error("killed");
    };
    await prepareAccounts(agent, TABLES, progress).catch(() => undefined);
    await agent.end();
    return looked;
  };
  await us.query("DROP TRIGGER langflow_dr_account ON message");
  await us.query(MESSAGE, ["before", 13_000]);
  expect(await killed(1)).toEqual([5_000]);
  await us.query("COMMENT ON TABLE langflow_dr.account_row IS NULL");
  expect(await killed(1)).toEqual([5_000]);
  expect((await killed(9)).at(-1) ?? 0).toBeLessThan(5_000);
  await us.query("DROP TRIGGER langflow_dr_account ON message");
  await us.query(MESSAGE, ["unseen", 2_000]);
  expect((await killed(9)).at(-1)).toBe(15_000);
  await rounds(us, eu);
  expect(await eu.query(MESSAGES)).toEqual(await us.query(MESSAGES));
});

it("registration dates a row between 1970 and now, whatever timestamp the row has", async () => {
  const [us, eu] = await region.pair();
  await us.query("DROP TRIGGER langflow_dr_account ON message");
  await us.query(MESSAGE, ["times", 6]);
  for (const [text, time] of [
    ["1", "0001-01-01 BC"],
    ["2", "9999-12-31"],
    ["3", "infinity"],
    ["4", "-infinity"],
    ["5", "1970-01-01"],
  ])
    await us.query("UPDATE message SET timestamp = $2 WHERE text = $1", [text, time]);
  const [told, came] = await rounds(us, eu);
  expect([told?.waiting, came?.waiting, came?.broken]).toEqual([[], [], new Map()]);
  const times = "SELECT text, timestamp::text FROM message ORDER BY text";
  expect(await eu.query(times)).toEqual(await us.query(times));
});

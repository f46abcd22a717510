import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { DEFAULT_PROJECT } from "../formats/flows/defaultProject";
import { EAST, type LiveBench, type RegionName, timed, WEST } from "./liveBench";

/**
 * Creates users, each with the default project, as LangFlow writes them. Inserts them into one region's database,
 * because
 * LangFlow's API needs a second of bcrypt for each. These users cannot log in.
 *
 * @returns the user ids, once the other region has the users too
 */
export async function makeUsers(fleet: LiveBench, count: number): Promise<readonly string[]> {
  const ids = Array.from({ length: count }, () => randomUUID());
  await fleet.query(
    EAST,
    `WITH made AS (
       INSERT INTO public."user" (id, username, password, is_active, is_superuser, create_at, updated_at)
       SELECT id, name, '!', true, false, now(), now() FROM unnest($1::uuid[], $2::text[]) AS u (id, name) RETURNING id
     )
     INSERT INTO public.folder (id, name, user_id, is_personal) SELECT gen_random_uuid(), $3, id, false FROM made`,
    [ids, ids.map((_, index) => `team-${index}`), DEFAULT_PROJECT],
  );
  const arrived = async () => {
    const [found] = await fleet.query(WEST, 'SELECT count(*)::int AS users FROM public."user" WHERE id = ANY($1)', [
      ids,
    ]);
    return found?.users;
  };
  while ((await arrived()) !== count) await sleep(500);
  return ids;
}

/** Measures the seconds from an edit in a workspace until the other region has it, for randomly chosen workspaces. */
export async function edits(
  fleet: LiveBench,
  userIds: readonly string[],
  samples: number,
  intervalSeconds: number,
): Promise<number[]> {
  const rest = [...userIds];
  const chosen = Array.from(
    { length: samples },
    () => rest.splice(Math.floor(Math.random() * rest.length), 1)[0] ?? "",
  );
  const call = (region: RegionName, userId: string, method: string, path: string, body?: object) =>
    fleet.call(region, method, `/api/v1/flows/${path}`, body, userId) as Promise<
      { id: string; description: string } | undefined
    >;
  const seconds: number[] = [];
  for (const userId of chosen) {
    process.stderr.write(`edit of ${userId}\n`);
    const data = { nodes: [], edges: [] };
    const id = (await call(EAST, userId, "POST", "", { name: "Edited", description: "", data }))?.id ?? "";
    const arrival = async (description: string): Promise<void> => {
      while ((await call(WEST, userId, "GET", id))?.description !== description) await sleep(50);
    };
    await arrival("");
    await sleep(Math.random() * intervalSeconds * 1000);
    const description = `edit ${randomUUID()}`;
    await call(EAST, userId, "PATCH", id, { description });
    seconds.push(await timed(() => arrival(description)));
  }
  return seconds;
}

import { createHash, randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { DEFAULT_PROJECT } from "../agent/flows/layout";
import { madeUp } from "../fleet/local/localProject";
import { HERE, type Keys, keyName, type LiveBench, type Place, THERE, timed } from "./liveBench";

/**
 * Users with a key and the project that every user has, in both regions, as LangFlow writes them: it knows a key by its
 * SHA-256 alone. Made in the database, because its API takes a second of bcrypt for each; nobody can log in as one of
 * them.
 *
 * @returns their keys by region and folder
 */
export async function makeUsers(fleet: LiveBench, count: number): Promise<Record<Place, Keys>> {
  const make = async (place: Place): Promise<Keys> => {
    const users = Array.from({ length: count }, (_, index) => ({
      id: randomUUID(),
      folder: `team-${index}`,
      key: madeUp(keyName(place, `team-${index}`)),
    }));
    const column = (of: (user: (typeof users)[number]) => string) => users.map(of);
    const hash = (key: string) => createHash("sha256").update(key).digest("hex");
    await fleet.query(
      place,
      `WITH made AS (
         INSERT INTO public."user" (id, username, password, is_active, is_superuser, create_at, updated_at)
         SELECT id, name, '!', true, false, now(), now() FROM unnest($1::uuid[], $2::text[]) AS u (id, name) RETURNING id
       ), projects AS (
         INSERT INTO public.folder (id, name, user_id, is_personal) SELECT gen_random_uuid(), $4, id, false FROM made
       )
       INSERT INTO public.apikey (id, name, api_key, api_key_hash, user_id, is_active, total_uses)
       SELECT gen_random_uuid(), 'sync', k.hash, k.hash, made.id, true, 0
       FROM made JOIN unnest($1::uuid[], $3::text[]) AS k (id, hash) ON k.id = made.id`,
      [column(({ id }) => id), column(({ folder }) => folder), column(({ key }) => hash(key)), DEFAULT_PROJECT],
    );
    return Object.fromEntries(users.map(({ folder, key }) => [folder, key]));
  };
  return { [HERE]: await make(HERE), [THERE]: await make(THERE) };
}

/** Seconds from an edit in a workspace to its being in the other region, for some of them by chance. */
export async function edits(
  fleet: LiveBench,
  keys: Readonly<Record<Place, Keys>>,
  samples: number,
  intervalSeconds: number,
): Promise<number[]> {
  const rest = Object.keys(keys[HERE]);
  const folders = Array.from(
    { length: samples },
    () => rest.splice(Math.floor(Math.random() * rest.length), 1)[0] ?? "",
  );
  const call = (place: Place, folder: string, method: string, path: string, body?: object) =>
    fleet.call(place, method, `/api/v1/flows/${path}`, body, keys[place][folder]) as Promise<
      { id: string; description: string } | undefined
    >;
  const seconds: number[] = [];
  for (const folder of folders) {
    process.stderr.write(`edit in ${folder}\n`);
    const data = { nodes: [], edges: [] };
    const id = (await call(HERE, folder, "POST", "", { name: "Edited", description: "", data }))?.id ?? "";
    const arrival = async (description: string): Promise<void> => {
      while ((await call(THERE, folder, "GET", id))?.description !== description) await sleep(50);
    };
    await arrival("");
    await sleep(Math.random() * intervalSeconds * 1000);
    const description = `edit ${randomUUID()}`;
    await call(HERE, folder, "PATCH", id, { description });
    seconds.push(await timed(() => arrival(description)));
  }
  return seconds;
}

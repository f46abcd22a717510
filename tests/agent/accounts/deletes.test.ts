import { contentsOf, idsIn, regionWith, round } from "../doubles/accountRounds";

const pair = (...tables: string[]) => [regionWith("us-east", ...tables), regionWith("eu-west", ...tables)] as const;
const ADA = { username: '"ada"', is_active: "true" };

describe("a deleted account", () => {
  it("leaves no rows, not even waiting ones, if another region creates rows of that account at the same time", async () => {
    const [east, west] = pair("user", "folder", "mcp_server");
    east.edit("user", "u", ADA, 1);
    await round(west, await round(east));
    east.edit("user", "u", undefined, 20);
    west.edit("folder", "late", { user_id: '"u"', name: '"Late"' }, 21);
    const toldByWest = await round(west);
    await round(west, await round(east));
    await round(east, toldByWest);
    for (const [from, to] of [[west, east] as const, [east, west] as const]) {
      await round(to, from.all());
      expect(to.waiting()).toEqual([]);
      expect(idsIn(to, "folder")).toEqual([]);
    }
    for (const { id, row } of [...east.all(), ...west.all()])
      expect([id, row.deletedAt === undefined, Object.keys(row.cells)]).toEqual([id, false, []]);
  });

  it("that is re-created keeps its new rows, even if they arrive before the account", async () => {
    const [east, west] = pair("user", "folder");
    east.edit("user", "u", ADA, 1);
    await round(west, await round(east));
    east.edit("user", "u", undefined, 20);
    const deleted = await round(east);
    east.edit("user", "u", ADA, 30);
    const again = await round(east);
    east.edit("folder", "f", { user_id: '"u"', name: '"First"' }, 40);
    const given = await round(east);
    await round(west, deleted, given, again);
    expect([idsIn(west, "user"), idsIn(west, "folder")]).toEqual([["u"], ["f"]]);
  });

  it("is no longer the author of rows in another user's flow, even if such a row arrives late or the account is re-created", async () => {
    const [east, west] = pair("user", "flow", "flow_version");
    for (const [id, at] of [["owner", 1] as const, ["u", 2] as const])
      east.edit("user", id, { username: JSON.stringify(id), is_active: "true" }, at);
    await round(west, await round(east));
    east.edit("flow", "f", { user_id: '"owner"' }, 3);
    await round(west, await round(east));
    const version = { flow_id: '"f"', user_id: '"u"', data: "{}" };
    west.edit("flow_version", "v", { ...version, version_number: "1" }, 10);
    const written = await round(west);
    const authors = (region: typeof east) =>
      Object.entries(contentsOf(region, "flow_version")).map(([id, row]) => [id, row.user_id]);
    east.edit("user", "u", undefined, 20);
    await round(west, await round(east));
    await round(east, written);
    for (const region of [east, west]) expect(authors(region)).toEqual([["v", undefined]]);
    east.edit("user", "u", { username: '"u"', is_active: "true" }, 30);
    east.edit("flow_version", "w", { ...version, version_number: "2" }, 40);
    const told = await round(east);
    const isVersion = ({ table }: { table: string }) => table === "flow_version";
    await round(west, told.filter(isVersion));
    await round(west, told);
    for (const region of [east, west])
      expect(authors(region)).toEqual([
        ["v", undefined],
        ["w", '"u"'],
      ]);
    expect(west.waiting()).toEqual([]);
  });
});

it("a delete wins over an edit that the deleting region had seen, even if the deleting region's clock is an hour behind", async () => {
  const hour = 3_600_000_000;
  const [east, west] = pair("user", "folder");
  east.edit("user", "u", ADA, 1);
  east.edit("folder", "p", { user_id: '"u"', name: '"Finance"' }, 2);
  await round(west, await round(east));
  east.edit("folder", "p", { name: '"Renamed"' }, 2 * hour);
  const renamed = await round(east);
  await round(west, renamed);
  west.edit("folder", "p", undefined, hour);
  await round(east, await round(west));
  for (const region of [east, west]) expect(idsIn(region, "folder")).toEqual([]);
});

it("an empty variable that LangFlow recreates at each start stays regional, until a user gives it a value", async () => {
  const [east, west] = pair("user", "variable");
  east.edit("user", "u", ADA, 1);
  await round(west, await round(east));
  const placeholder = { user_id: '"u"', name: '"FLOW_ID"', type: '"Generic"', value: '""', updated_at: "null" };
  east.edit("variable", "p0", placeholder, 2);
  west.edit("variable", "p1", placeholder, 3);
  await round(west, await round(east));
  await round(east, await round(west));
  expect([idsIn(east, "variable"), idsIn(west, "variable")]).toEqual([["p0"], ["p1"]]);
  east.edit("variable", "p0", { value: '"set"', updated_at: '"2026-12-01T00:00:00"' }, 30);
  await round(west, await round(east));
  expect([idsIn(west, "variable"), contentsOf(west, "variable").p0?.value]).toEqual([["p0"], '"set"']);
});

it("a row that is no longer replicated stays in each region", async () => {
  const [east, west] = pair("user", "variable");
  east.edit("user", "u", ADA, 1);
  const variable = { user_id: '"u"', name: '"KEY"', value: '"1"', is_environment_managed: "false" };
  east.edit("variable", "v", variable, 2);
  await round(west, await round(east));
  // LangFlow marks the variable as environment-managed in both regions, which the triggers report as a delete.
  for (const region of [east, west]) region.edit("variable", "v", { is_environment_managed: "true" }, 30);
  const [fromEast, fromWest] = [await round(east), await round(west)];
  await round(east, fromWest);
  await round(west, fromEast);
  for (const region of [east, west]) expect(contentsOf(region, "variable").v?.value).toBe('"1"');
});

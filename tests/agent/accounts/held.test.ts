import { contentsOf, exchange, idsIn, regionWith, round } from "../doubles/accountRounds";

const ADA = { username: '"ada"', is_active: "true" };

describe("a new row with the name of a row whose delete is held", () => {
  /**
   * Creates two regions in which `u` has a project. The first region deletes it, the delete is held, and a new project
   * gets its name.
   */
  async function remade() {
    const [east, west] = [regionWith("us-east", "user", "folder"), regionWith("eu-west", "user", "folder")] as const;
    east.edit("user", "u", ADA, 1);
    east.edit("folder", "old", { user_id: '"u"', name: '"Work"', description: '"old"' }, 2);
    const before = await round(east);
    await round(west, before);
    east.isBraked = true;
    east.edit("folder", "old", undefined, 10);
    expect(await round(east)).toEqual([]);
    east.edit("folder", "new", { user_id: '"u"', name: '"Work"', description: '"new"' }, 20);
    const made = await round(east);
    return { east, west, before, made };
  }
  const namesIn = (region: ReturnType<typeof regionWith>) =>
    Object.entries(contentsOf(region, "folder")).map(([id, { name }]) => [id, name]);

  it("has a suffix in a region that still has the held row, and gets its name back when the delete is approved", async () => {
    const { east, before, made } = await remade();
    const south = regionWith("ap-south", "user", "folder");
    const isUser = ({ table }: { table: string }) => table === "user";
    await round(south, before.filter(isUser), made);
    expect(namesIn(south)).toEqual([["new", '"Work"']]);
    await round(
      south,
      before.filter((row) => !isUser(row)),
    );
    expect(namesIn(south).sort()).toEqual([
      ["new", '"Work (new)"'],
      ["old", '"Work"'],
    ]);
    east.decide(true);
    await exchange(east, south);
    for (const region of [east, south]) expect(namesIn(region)).toEqual([["new", '"Work"']]);
    expect(south.waiting()).toEqual([]);
  });

  it("is not merged with the held row in the region of the delete, even if another region's earlier release merged the two", async () => {
    const { east, made } = await remade();
    const united = made.map((each) =>
      each.id === "new" ? { ...each, row: { ...each.row, unitedWith: "old" } } : each,
    );
    await round(east, united);
    await round(east);
    expect(contentsOf(east, "folder")).toEqual({ new: expect.objectContaining({ description: '"new"' }) });
    east.decide(false);
    await exchange(east);
    expect(idsIn(east, "folder")).toEqual(["old"]);
  });

  it("keeps a new name if a user renames it in another region while the delete is held", async () => {
    const { east, west, made } = await remade();
    await round(west, made);
    west.edit("folder", "new", { name: '"Mine"' }, 30);
    await exchange(west, east);
    east.decide(true);
    await exchange(east, west);
    for (const region of [east, west]) expect(namesIn(region)).toEqual([["new", '"Mine"']]);
  });

  it("merges with the held row if the delete is undone; a third row that was renamed to the name gets a suffix", async () => {
    const { east, west, made } = await remade();
    await round(west, made);
    east.edit("folder", "named", { user_id: '"u"', name: '"Other"' }, 30);
    await exchange(east, west);
    east.edit("folder", "new", undefined, 40);
    east.isBraked = false;
    east.edit("folder", "named", { name: '"Work"' }, 50);
    await exchange(east, west);
    east.decide(false);
    await exchange(east, west);
    for (const region of [east, west])
      expect(namesIn(region).sort()).toEqual([
        ["named", '"Work (named)"'],
        ["old", '"Work"'],
      ]);
  });
});

it("a cascade-deleted row that references two users returns with both references and its last edit if the delete is undone", async () => {
  const tables = ["user", "authz_role", "authz_role_assignment"];
  const [east, west] = [regionWith("us-east", ...tables), regionWith("eu-west", ...tables)] as const;
  for (const [id, at] of [["u", 1] as const, ["v", 2] as const])
    east.edit("user", id, { username: JSON.stringify(id), is_active: "true" }, at);
  east.edit("authz_role", "r", { name: '"role"', created_by: '"v"' }, 3);
  const assigned = { user_id: '"u"', role_id: '"r"', domain_type: '"global"' };
  east.edit("authz_role_assignment", "a", { ...assigned, assigned_by: '"v"' }, 4);
  await exchange(east, west);
  east.isBraked = true;
  east.edit("authz_role_assignment", "a", { assigned_by: '"u"' }, 10);
  east.edit("user", "u", undefined, 11);
  await exchange(east, west);
  expect([idsIn(east, "authz_role_assignment"), idsIn(west, "authz_role_assignment")]).toEqual([[], ["a"]]);
  east.decide(false);
  east.isBraked = false;
  await exchange(east, west);
  for (const region of [east, west])
    expect(contentsOf(region, "authz_role_assignment").a).toMatchObject({ ...assigned, assigned_by: '"u"' });
});

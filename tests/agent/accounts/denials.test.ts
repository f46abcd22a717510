import { contentsOf, regionWith, round } from "../doubles/accountRounds";

const regions = (...tables: string[]) => ["us-east", "eu-west", "ap-south"].map((name) => regionWith(name, ...tables));

describe("an access denial", () => {
  it("survives a delete if a later edit undoes that delete", async () => {
    const [a, b, c] = regions("user", "connection");
    if (!a || !b || !c) throw new Error("no regions");
    a.edit("user", "u", { username: '"ada"', is_active: "true" }, 1);
    a.edit("connection", "n", { owner_id: '"u"', name: '"n"', provider_key: '"p"', status: '"ready"' }, 2);
    const made = await round(a);
    await round(b, made);
    await round(c, made);
    b.edit("connection", "n", { status: '"revoked"' }, 15);
    a.edit("connection", "n", undefined, 20);
    c.edit("connection", "n", { display_name: '"mine"' }, 30);
    const [told, toldByB, toldByC] = [await round(a), await round(b), await round(c)];
    await round(a, toldByB, toldByC);
    await round(b, told, toldByC);
    await round(c, told, toldByB);
    for (const each of [a, b, c]) expect(contentsOf(each, "connection").n?.status).toBe('"revoked"');
  });

  it("has the same effect in every region for an account that was deleted and re-created", async () => {
    const [a, b] = regions("user");
    if (!a || !b) throw new Error("no regions");
    a.edit("user", "u", { username: '"ada"', is_active: "true" }, 1);
    await round(b, await round(a));
    a.edit("user", "u", undefined, 20);
    const deleted = await round(a);
    b.edit("user", "u", { is_active: "false" }, 15);
    await round(a, await round(b));
    a.edit("user", "u", { username: '"ada"', is_active: "true" }, 30);
    await round(b, await round(a), deleted);
    expect(contentsOf(b, "user")).toEqual(contentsOf(a, "user"));
  });
});

it("a row that survives a delete has the later value of every column, whatever the order of arrival", async () => {
  const [a, b, c] = regions("user", "variable");
  if (!a || !b || !c) throw new Error("no regions");
  a.edit("user", "u", { username: '"ada"', is_active: "true" }, 1);
  a.edit("variable", "v", { user_id: '"u"', name: '"KEY"', value: '"1"', type: '"Generic"' }, 2);
  const made = await round(a);
  await round(b, made);
  await round(c, made);
  b.edit("variable", "v", { value: '"2"' }, 15);
  a.edit("variable", "v", undefined, 20);
  c.edit("variable", "v", { default_fields: "[]" }, 30);
  const [told, toldByB, toldByC] = [await round(a), await round(b), await round(c)];
  await round(a, toldByB, toldByC);
  const again = await round(c, toldByB, told);
  await round(a, again);
  await round(b, toldByC, told, again);
  for (const each of [a, b, c])
    expect(contentsOf(each, "variable").v).toMatchObject({ value: '"2"', default_fields: "[]" });
});

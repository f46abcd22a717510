import { applyRows } from "../../../agent/accounts/apply";
import { contentsOf, idsIn, regionWith, round } from "../doubles/accountRounds";
import type { MemoryTables } from "../doubles/memoryTables";

const user = (name: string, values: Record<string, string> = {}) => ({
  username: JSON.stringify(name),
  is_active: "true",
  ...values,
});
const pair = (...tables: string[]): [MemoryTables, MemoryTables] => [
  regionWith("us-east", ...tables),
  regionWith("eu-west", ...tables),
];

/** Both regions know of one account. */
async function withAccount(east: MemoryTables, west: MemoryTables): Promise<void> {
  east.edit("user", "u", user("ada"), 1);
  await round(west, await round(east));
}

/** In the west "ada" was renamed, and another account has the name now. It told of the first alone, before the east made a third. */
async function madeApart() {
  const [east, west] = pair("user", "variable");
  west.edit("user", "first", user("ada"), 10);
  const fromWest = await round(west);
  west.edit("user", "first", { username: '"eve"' }, 20);
  west.edit("user", "second", user("ada"), 30);
  east.edit("user", "third", user("ada"), 40);
  east.edit("variable", "v", { user_id: '"third"', name: '"KEY"', value: '"1"' }, 50);
  const made = await round(east);
  return { east, west, fromWest, made };
}

describe("two rows of one name", () => {
  it("are one, which has its own id in its key's column and the later value", async () => {
    const [east, west] = pair("user", "variable");
    await withAccount(east, west);
    east.edit("variable", "x", { user_id: '"u"', name: '"KEY"', value: '"1"' }, 30);
    west.edit("variable", "y", { user_id: '"u"', name: '"KEY"', value: '"2"' }, 40);
    const [fromEast, fromWest] = [await round(east), await round(west)];
    await round(west, fromEast);
    await round(east, fromWest);
    for (const region of [east, west])
      expect(contentsOf(region, "variable")).toEqual({
        x: { id: '"x"', user_id: '"u"', name: '"KEY"', value: '"2"' },
      });
  });

  it("hold the later value everywhere, though the younger was told of only as part of the older", async () => {
    const [east, west] = pair("user", "variable");
    await withAccount(east, west);
    const variable = (value: string) => ({ user_id: '"u"', name: '"KEY"', type: '"Credential"', value });
    east.edit("variable", "x", variable('"of the east"'), 30);
    const toldByEast = await round(east);
    west.edit("variable", "y", variable('"of the west"'), 40);
    await round(east, await round(west, toldByEast));
    for (const region of [east, west]) expect(contentsOf(region, "variable").x?.value).toBe('"of the west"');
  });

  it("are one account that is off everywhere, where the younger was switched off before it was told of", async () => {
    const [east, west] = pair("user");
    east.edit("user", "x", user("bob", { password: '"east"' }), 30);
    const toldByEast = await round(east);
    west.edit("user", "y", user("bob", { password: '"west"' }), 40);
    west.edit("user", "y", { is_active: "false" }, 50);
    await round(east, await round(west, toldByEast));
    for (const region of [east, west])
      expect(contentsOf(region, "user")).toEqual({
        x: { id: '"x"', ...user("bob", { password: '"east"' }), is_active: "false" },
      });
  });

  it("are with their keys and variables one account's, the same in every region, where regions made them part of different ones", async () => {
    const { east, west, fromWest, made } = await madeApart();
    const united = await round(east, fromWest);
    expect(contentsOf(east, "variable").v?.user_id).toBe('"first"');
    let [told, answer] = [[...made, ...united], await round(west, made)];
    expect(contentsOf(west, "variable").v?.user_id).toBe('"second"');
    for (let rounds = 0; rounds < 4; rounds += 1) {
      answer = [...answer, ...(await round(west, told))];
      told = await round(east, answer);
      answer = [];
    }
    expect([told, await round(west)]).toEqual([[], []]);
    for (const region of [east, west]) expect(contentsOf(region, "variable").v?.user_id).toBe('"second"');
    expect(contentsOf(east, "user")).toEqual(contentsOf(west, "user"));
  });

  it("are followed by what was written to refer to them, though it was edited, in both regions, since it was led elsewhere", async () => {
    const { east, west, fromWest, made } = await madeApart();
    await round(east, fromWest);
    east.edit("variable", "v", { value: '"2"' }, 60);
    const edited = await round(east);
    await round(west, made, edited);
    west.edit("variable", "v", { type: '"Generic"' }, 70);
    await round(
      east,
      (await round(west)).filter(({ table }) => table === "variable"),
    );
    expect(contentsOf(east, "variable").v).toMatchObject({ user_id: '"first"', value: '"2"', type: '"Generic"' });
    await round(
      east,
      west.all().filter(({ table }) => table === "user"),
    );
    expect(contentsOf(east, "variable").v?.user_id).toBe('"second"');
    expect(contentsOf(east, "variable")).toEqual(contentsOf(west, "variable"));
  });

  it("keep their variables where the one that they became part of is deleted before another comes that they are part of by now", async () => {
    const east = regionWith("us-east", "user", "variable");
    const row = (id: string, at: number, more: object) => ({ table: "user", id, row: { ...made(id, at), ...more } });
    const made = (id: string, at: number) => ({
      madeAt: at,
      cells: Object.fromEntries(
        Object.entries(user("ada", { id: JSON.stringify(id) })).map(([column, value]) => [column, { value, at }]),
      ),
      switches: {},
    });
    east.edit("user", "third", user("ada"), 40);
    east.edit("variable", "v", { user_id: '"third"', name: '"KEY"', value: '"1"' }, 50);
    await round(east);
    await round(east, [row("first", 10, {})]);
    expect(contentsOf(east, "variable").v?.user_id).toBe('"first"');
    // In the west they became part of another, which has a greater id.
    await round(east, [row("third", 40, { unitedWith: "second" })]);
    await round(east, [row("first", 10, { deletedAt: 60 })]);
    expect([idsIn(east, "user"), idsIn(east, "variable")]).toEqual([[], []]);
    await round(east, [row("second", 30, {})]);
    expect(contentsOf(east, "variable")).toEqual({
      v: { id: '"v"', user_id: '"second"', name: '"KEY"', value: '"1"' },
    });
  });

  it("take along whatever refers to them, also by a column that another one explains", async () => {
    const [east, west] = pair("user", "folder", "authz_share", "authz_access_exception");
    await withAccount(east, west);
    east.edit("folder", "x", { user_id: '"u"', name: '"Finance"' }, 10);
    west.edit("folder", "y", { user_id: '"u"', name: '"Finance"' }, 20);
    const about = { resource_type: '"project"', resource_id: '"y"' };
    west.edit("authz_share", "s", { ...about, scope: '"public"', permission_level: '"read"' }, 21);
    west.edit("authz_access_exception", "e", { ...about, user_id: '"u"' }, 22);
    const [fromEast, fromWest] = [await round(east), await round(west)];
    await round(west, fromEast);
    await round(east, fromWest);
    for (const region of [east, west]) {
      expect(idsIn(region, "folder")).toEqual(["x"]);
      expect(contentsOf(region, "authz_share").s?.resource_id).toBe('"x"');
      expect(contentsOf(region, "authz_access_exception").e?.resource_id).toBe('"x"');
    }
  });

  it("are one where ids of other rows are the whole name, and so are their shares of it", async () => {
    const [east, west] = pair("user", "authz_team", "authz_team_member", "authz_team_member_grant");
    await withAccount(east, west);
    east.edit("authz_team", "t", { adom_name: '"t"', is_active: "true" }, 2);
    await round(west, await round(east));
    for (const [region, id, at] of [[east, "x", 10] as const, [west, "y", 20] as const]) {
      region.edit("authz_team_member", id, { team_id: '"t"', user_id: '"u"' }, at);
      region.edit(
        "authz_team_member_grant",
        `grant of ${id}`,
        { membership_id: JSON.stringify(id), source_kind: '"directory"', external_group_id: JSON.stringify(id) },
        at + 1,
      );
    }
    const [fromEast, fromWest] = [await round(east), await round(west)];
    await round(west, fromEast);
    await round(east, fromWest);
    for (const region of [east, west]) {
      expect(idsIn(region, "authz_team_member")).toEqual(["x"]);
      expect(idsIn(region, "authz_team_member_grant")).toEqual(["grant of x", "grant of y"]);
    }
  });

  it("have one secret, the later, where a secret is kept under its row's id", async () => {
    for (const order of ["east first", "west first"]) {
      const [east, west] = pair("user", "connection", "connection_secret");
      await withAccount(east, west);
      for (const [region, id, at] of [[east, "x", 10] as const, [west, "y", 20] as const]) {
        region.edit("connection", id, { owner_id: '"u"', name: '"n"', provider_key: '"p"', status: '"ready"' }, at);
        const secret = { connection_id: JSON.stringify(id), encrypted_payload: JSON.stringify(`of ${id}`) };
        region.edit("connection_secret", id, secret, at + 1);
      }
      let [fromEast, fromWest] = [await round(east), await round(west)];
      for (let again = 0; again < 3; again += 1)
        if (order === "east first") [fromEast, fromWest] = [await round(east, fromWest), await round(west, fromEast)];
        else [fromWest, fromEast] = [await round(west, fromEast), await round(east, fromWest)];
      for (const region of [east, west]) {
        expect(contentsOf(region, "connection_secret")).toEqual({
          x: { connection_id: '"x"', encrypted_payload: '"of y"' },
        });
        expect(region.all(new Set(["connection_secret x"]))[0]?.row.cells.connection_id?.value).toBe('"x"');
        expect(region.waiting()).toEqual([]);
      }
    }
  });

  it("of which one became part of a third keep all that any of the three had", async () => {
    const [us, eu, ap] = ["us-east", "eu-west", "ap-south"].map((name) => regionWith(name, "user", "apikey"));
    if (!us || !eu || !ap) throw new Error("no regions");
    us.edit("user", "x", user("bob"), 10);
    eu.edit("user", "y", user("bob"), 20);
    ap.edit("user", "z", user("bob"), 30);
    ap.edit("apikey", "k", { user_id: '"z"', name: '"key"' }, 31);
    const [fromUs, fromEu] = [await round(us), await round(eu)];
    const fromAp = await round(ap, fromEu);
    const unitedByEu = await round(eu, fromUs);
    const last = await round(ap, unitedByEu, fromUs);
    await round(eu, fromAp, last);
    await round(us, fromEu, fromAp, unitedByEu, last);
    for (const region of [us, eu, ap]) {
      expect(idsIn(region, "user")).toEqual(["x"]);
      expect(contentsOf(region, "apikey").k?.user_id).toBe('"x"');
    }
  });
});

it("a deleted row that lives again by what became part of it is whole, under its own id", async () => {
  const [east, west] = pair("user", "variable");
  await withAccount(east, west);
  east.edit("variable", "x", { user_id: '"u"', name: '"KEY"', value: '"1"' }, 10);
  await round(west, await round(east));
  east.edit("variable", "x", undefined, 20);
  await round(west, await round(east));
  const values = { id: '"y"', user_id: '"u"', name: '"KEY"', value: '"2"' };
  const cells = Object.fromEntries(Object.entries(values).map(([column, value]) => [column, { value, at: 40 }]));
  const row = { madeAt: 40, cells, switches: {}, unitedWith: "x" };
  await round(west, [{ table: "variable", id: "y", row }]);
  expect(contentsOf(west, "variable")).toEqual({ x: { ...values, id: '"x"' } });
});

describe("an account that became part of one that is not here yet", () => {
  it("keeps what it has, and gives it to that one when it comes", async () => {
    const [us, eu, ap] = ["us-east", "eu-west", "ap-south"].map((name) => regionWith(name, "user", "apikey"));
    if (!us || !eu || !ap) throw new Error("no regions");
    us.edit("user", "x", user("bob"), 10);
    eu.edit("user", "y", user("bob"), 20);
    eu.edit("apikey", "k", { user_id: '"y"', name: '"key"' }, 21);
    const [fromUs, fromEu] = [await round(us), await round(eu)];
    await round(ap, fromEu);
    const united = await round(eu, fromUs);
    await applyRows(
      ap,
      ap.carried,
      united.filter(({ id }) => id !== "x"),
    );
    expect([idsIn(ap, "user"), idsIn(ap, "apikey")]).toEqual([["y"], ["k"]]);
    await round(ap, fromUs);
    expect([idsIn(ap, "user"), idsIn(ap, "apikey")]).toEqual([["x"], ["k"]]);
  });
});

describe("the next account of a name", () => {
  it("has none of the keys that the deleted one before it had", async () => {
    const [us, eu] = pair("user", "apikey");
    us.edit("user", "old", user("bob"), 10);
    await round(eu, await round(us));
    eu.edit("apikey", "k", { user_id: '"old"', name: '"key"' }, 20);
    us.edit("user", "old", undefined, 30);
    us.edit("user", "new", user("bob"), 40);
    await round(us, await round(eu, await round(us)));
    for (const region of [us, eu]) {
      expect(idsIn(region, "user")).toEqual(["new"]);
      expect(idsIn(region, "apikey")).toEqual([]);
    }
  });
});

describe("two rows that meet in an index beside their names'", () => {
  it("are two versions of a flow: the one made later gets the next free number", async () => {
    const [east, west] = pair("user", "flow", "flow_version");
    await withAccount(east, west);
    east.edit("flow", "f", { user_id: '"u"' }, 2);
    await round(west, await round(east));
    const version = (number: number) => ({ flow_id: '"f"', version_number: JSON.stringify(number), data: "{}" });
    east.edit("flow_version", "x", version(1), 10);
    west.edit("flow_version", "y", version(1), 20);
    west.edit("flow_version", "z", version(2), 30);
    let [fromEast, fromWest] = [await round(east), await round(west)];
    for (let again = 0; again < 3; again += 1)
      [fromEast, fromWest] = [await round(east, fromWest), await round(west, fromEast)];
    for (const region of [east, west]) {
      const numbers = Object.entries(contentsOf(region, "flow_version")).map(([id, row]) => [id, row.version_number]);
      expect(Object.fromEntries(numbers)).toEqual({ x: "1", y: "3", z: "2" });
      expect(region.waiting()).toEqual([]);
    }
  });

  it("are two versions that have each other's number elsewhere: they swap them", async () => {
    const [east] = pair("user", "flow", "flow_version");
    east.edit("user", "u", user("ada"), 1);
    east.edit("flow", "f", { user_id: '"u"' }, 2);
    const version = (number: number) => ({ flow_id: '"f"', version_number: JSON.stringify(number), data: "{}" });
    east.edit("flow_version", "x", version(1), 10);
    east.edit("flow_version", "y", version(2), 11);
    const told = (await round(east)).filter(({ table }) => table === "flow_version");
    const swapped = told.map((each) => {
      const version_number = { value: each.id === "x" ? "2" : "1", at: 20 };
      return { ...each, row: { ...each.row, cells: { ...each.row.cells, version_number } } };
    });
    await round(east, swapped);
    const numbers = Object.entries(contentsOf(east, "flow_version")).map(([id, row]) => [id, row.version_number]);
    expect([Object.fromEntries(numbers), east.waiting()]).toEqual([{ x: "2", y: "1" }, []]);
  });

  it("are two files: the one made later gets another name, also where their owners became one", async () => {
    const [east, west] = pair("user", "file");
    for (const [region, id, at] of [[east, "x", 10] as const, [west, "y", 20] as const]) {
      region.edit("user", id, user("bob"), at);
      const file = { user_id: JSON.stringify(id), name: '"report"', path: JSON.stringify(`${id}/report.pdf`) };
      region.edit("file", `file of ${id}`, file, at + 1);
    }
    let [fromEast, fromWest] = [await round(east), await round(west)];
    for (let again = 0; again < 3; again += 1)
      [fromEast, fromWest] = [await round(east, fromWest), await round(west, fromEast)];
    for (const region of [east, west]) {
      const names = Object.entries(contentsOf(region, "file")).map(([id, row]) => [id, row.name]);
      expect(Object.fromEntries(names)).toEqual({ "file of x": '"report"', "file of y": '"report (file of )"' });
      expect(region.waiting()).toEqual([]);
    }
  });
});

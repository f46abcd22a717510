import { applyRows } from "../../../agent/accounts/apply";
import { contentsOf, exchange, idsIn, regionWith, round } from "../doubles/accountRounds";
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

/** Creates an account that both regions know. */
async function withAccount(east: MemoryTables, west: MemoryTables): Promise<void> {
  east.edit("user", "u", user("ada"), 1);
  await round(west, await round(east));
}

/** Returns one of LangFlow's own roles, which its migrations create in each region. */
const role = (name: string) => ({ name: JSON.stringify(name), is_system: "true" });
/** Signs a user in through an identity provider. */
const signIn = (region: MemoryTables, id: string, at: number) =>
  region.edit(
    "sso_user_profile",
    `profile of ${id}`,
    { user_id: JSON.stringify(id), sso_provider: '"idp"', sso_user_id: '"subject"' },
    at,
  );

/**
 * Creates two regions with roles named "editor". The west renamed its first one and gave the name to a second, but has
 * published only the first. The east then created a third.
 */
async function madeApart() {
  const [east, west] = pair("user", "authz_role", "authz_role_assignment");
  await withAccount(east, west);
  west.edit("authz_role", "first", role("editor"), 10);
  const fromWest = await round(west);
  west.edit("authz_role", "first", { name: '"reader"' }, 20);
  west.edit("authz_role", "second", role("editor"), 30);
  east.edit("authz_role", "third", role("editor"), 40);
  east.edit("authz_role_assignment", "v", { user_id: '"u"', role_id: '"third"', assigned_at: '"1"' }, 50);
  const made = await round(east);
  return { east, west, fromWest, made };
}

describe("two rows with the same name", () => {
  it("merge into one row with the canonical id and the later value", async () => {
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

  it("have the later value in every region, even if the younger row was published only after the merge", async () => {
    const [east, west] = pair("user", "variable");
    await withAccount(east, west);
    const variable = (value: string) => ({ user_id: '"u"', name: '"KEY"', type: '"Credential"', value });
    east.edit("variable", "x", variable('"of the east"'), 30);
    const toldByEast = await round(east);
    west.edit("variable", "y", variable('"of the west"'), 40);
    await round(east, await round(west, toldByEast));
    for (const region of [east, west]) expect(contentsOf(region, "variable").x?.value).toBe('"of the west"');
  });

  it("merge into the same row in every region with all references, even if two regions first merged them into different rows", async () => {
    const { east, west, fromWest, made } = await madeApart();
    const united = await round(east, fromWest);
    expect(contentsOf(east, "authz_role_assignment").v?.role_id).toBe('"first"');
    let [told, answer] = [[...made, ...united], await round(west, made)];
    expect(contentsOf(west, "authz_role_assignment").v?.role_id).toBe('"second"');
    for (let rounds = 0; rounds < 4; rounds += 1) {
      answer = [...answer, ...(await round(west, told))];
      told = await round(east, answer);
      answer = [];
    }
    expect([told, await round(west)]).toEqual([[], []]);
    for (const region of [east, west]) expect(contentsOf(region, "authz_role_assignment").v?.role_id).toBe('"second"');
    expect(contentsOf(east, "authz_role")).toEqual(contentsOf(west, "authz_role"));
  });

  it("keep a redirected reference even if both regions then edit the row that contains it", async () => {
    const { east, west, fromWest, made } = await madeApart();
    await round(east, fromWest);
    east.edit("authz_role_assignment", "v", { assigned_at: '"2"' }, 60);
    const edited = await round(east);
    await round(west, made, edited);
    west.edit("authz_role_assignment", "v", { domain_type: '"global"' }, 70);
    await round(
      east,
      (await round(west)).filter(({ table }) => table === "authz_role_assignment"),
    );
    expect(contentsOf(east, "authz_role_assignment").v).toMatchObject({
      role_id: '"first"',
      assigned_at: '"2"',
      domain_type: '"global"',
    });
    await round(
      east,
      west.all().filter(({ table }) => table === "authz_role"),
    );
    expect(contentsOf(east, "authz_role_assignment").v?.role_id).toBe('"second"');
    expect(contentsOf(east, "authz_role_assignment")).toEqual(contentsOf(west, "authz_role_assignment"));
  });

  it("keep the rows that refer to them, even if their merged row is deleted before the new canonical row arrives", async () => {
    const east = regionWith("us-east", "user", "authz_role", "authz_role_assignment");
    east.edit("user", "u", user("ada"), 1);
    const row = (id: string, at: number, more: object) => ({
      table: "authz_role",
      id,
      row: { ...made(id, at), ...more },
    });
    const made = (id: string, at: number) => ({
      madeAt: at,
      cells: Object.fromEntries(
        Object.entries({ id: JSON.stringify(id), ...role("editor") }).map(([column, value]) => [column, { value, at }]),
      ),
      switches: {},
    });
    east.edit("authz_role", "third", role("editor"), 40);
    east.edit("authz_role_assignment", "v", { user_id: '"u"', role_id: '"third"' }, 50);
    await round(east);
    await round(east, [row("first", 10, {})]);
    expect(contentsOf(east, "authz_role_assignment").v?.role_id).toBe('"first"');
    // In the west, the role was merged into a different role with a greater id.
    await round(east, [row("third", 40, { unitedWith: "second" })]);
    await round(east, [row("first", 10, { deletedAt: 60 })]);
    expect([idsIn(east, "authz_role"), idsIn(east, "authz_role_assignment")]).toEqual([[], []]);
    await round(east, [row("second", 30, {})]);
    expect(contentsOf(east, "authz_role_assignment")).toEqual({
      v: { id: '"v"', user_id: '"u"', role_id: '"second"' },
    });
  });

  it("redirect all references to them, including shares that name a resource by type and id", async () => {
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

  it("merge if their natural key consists of other rows' ids, and the merged row keeps the grants of both", async () => {
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

  it("keep only the later secret if a secret is stored under its row's id", async () => {
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

  it("have one secret even in a region that receives the merged secrets before the merged connections", async () => {
    const [us, eu, ap] = ["us-east", "eu-west", "ap-south"].map((name) =>
      regionWith(name, "user", "connection", "connection_secret"),
    ) as [MemoryTables, MemoryTables, MemoryTables];
    us.edit("user", "u", user("ada"), 1);
    const account = await round(us);
    for (const region of [eu, ap]) await round(region, account);
    const connection = { owner_id: '"u"', name: '"n"', provider_key: '"p"', status: '"ready"' };
    eu.edit("connection", "x", connection, 10);
    const fromEu = await round(eu);
    ap.edit("connection", "y", connection, 20);
    ap.edit("connection_secret", "y", { connection_id: '"y"', encrypted_payload: '"of y"' }, 21);
    const fromAp = await round(ap);
    const merged = await round(us, fromEu, fromAp);
    await round(
      ap,
      merged.filter(({ table }) => table === "connection_secret"),
    );
    await round(ap, fromEu);
    const later = await round(ap, merged);
    await round(us, later);
    for (const region of [us, ap]) {
      expect(contentsOf(region, "connection_secret")).toEqual({
        x: { connection_id: '"x"', encrypted_payload: '"of y"' },
      });
      expect(region.waiting()).toEqual([]);
    }
  });

  it("keep the references to all three rows if one of the two was already merged with a third row", async () => {
    const [us, eu, ap] = ["us-east", "eu-west", "ap-south"].map((name) =>
      regionWith(name, "user", "authz_role", "authz_role_assignment"),
    );
    if (!us || !eu || !ap) throw new Error("no regions");
    ap.edit("user", "u", user("ada"), 1);
    us.edit("authz_role", "x", role("editor"), 10);
    eu.edit("authz_role", "y", role("editor"), 20);
    ap.edit("authz_role", "z", role("editor"), 30);
    ap.edit("authz_role_assignment", "k", { user_id: '"u"', role_id: '"z"' }, 31);
    const [fromUs, fromEu] = [await round(us), await round(eu)];
    const fromAp = await round(ap, fromEu);
    const unitedByEu = await round(eu, fromUs);
    const last = await round(ap, unitedByEu, fromUs);
    await round(eu, fromAp, last);
    await round(us, fromEu, fromAp, unitedByEu, last);
    for (const region of [us, eu, ap]) {
      expect(idsIn(region, "authz_role")).toEqual(["x"]);
      expect(contentsOf(region, "authz_role_assignment").k?.role_id).toBe('"x"');
    }
  });
});

it("a deleted row is restored completely and with its own id if another row merges into it", async () => {
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

describe("two accounts with the same username", () => {
  const ALL = ["user", "apikey", "variable", "folder", "flow", "sso_user_profile"];
  /** Creates one account in each region. Both have an API key, a variable with the same name, a project and a flow. */
  function namesakes(values: Record<string, string> = {}) {
    const [east, west] = pair(...ALL);
    for (const [region, id, at] of [[east, "older", 10] as const, [west, "younger", 20] as const]) {
      region.edit("user", id, user("ada", { password: '"one hash"', ...(id === "younger" && values) }), at);
      const user_id = JSON.stringify(id);
      region.edit("apikey", `key of ${id}`, { user_id, name: '"key"', api_key: user_id }, at + 1);
      region.edit("variable", `variable of ${id}`, { user_id, name: '"KEY"', value: user_id }, at + 1);
      region.edit("folder", `project of ${id}`, { user_id, name: '"Starter Project"' }, at + 1);
      const flow = { user_id, folder_id: JSON.stringify(`project of ${id}`), name: '"Chat"', data: '"graph"' };
      region.edit("flow", `flow of ${id}`, flow, at + 1);
    }
    return [east, west] as const;
  }
  const ownersIn = (region: MemoryTables) =>
    ["apikey", "variable", "folder", "flow"].map((table) =>
      Object.entries(contentsOf(region, table)).map(([id, { user_id }]) => [id, user_id]),
    );

  it("stay separate even if their passwords are equal; the younger account gets the same suffix in every region", async () => {
    const [east, west] = namesakes();
    const before = [east, west].map(ownersIn);
    await exchange(east, west);
    for (const region of [east, west]) {
      const names = Object.entries(contentsOf(region, "user")).map(([id, { username }]) => [id, username]);
      expect(names.toSorted()).toEqual([
        ["older", '"ada"'],
        ["younger", '"ada (younger)"'],
      ]);
      const owners = ownersIn(region).map((rows) => rows.toSorted());
      expect(owners).toEqual([0, 1, 2, 3].map((n) => before.flatMap((of) => of[n] ?? []).toSorted()));
      expect(region.waiting()).toEqual([]);
    }
  });

  it("do not restrict each other: a deactivated younger account leaves the older superuser's rights unchanged", async () => {
    const [east, west] = namesakes({ is_active: "false", is_superuser: "false" });
    east.edit("user", "older", { is_superuser: "true" }, 11);
    await exchange(east, west);
    for (const region of [east, west]) {
      const { older, younger } = contentsOf(region, "user");
      expect([older?.is_active, older?.is_superuser, younger?.is_active]).toEqual(["true", "true", "false"]);
    }
  });

  it("merge if one SSO subject has signed in to both: the older account gets the rows of both and keeps its name and rights", async () => {
    const [east, west] = namesakes({ is_active: "false", password: '"another hash"' });
    signIn(east, "older", 12);
    signIn(west, "younger", 22);
    await exchange(east, west);
    for (const region of [east, west]) {
      expect(contentsOf(region, "user")).toEqual({
        older: { id: '"older"', ...user("ada", { password: '"one hash"' }) },
      });
      expect(idsIn(region, "sso_user_profile")).toEqual(["profile of older"]);
      expect(idsIn(region, "apikey")).toEqual(["key of older", "key of younger"]);
      expect(idsIn(region, "flow")).toEqual(["flow of older", "flow of younger"]);
      expect(new Set(ownersIn(region).flatMap((rows) => rows.map(([, owner]) => owner)))).toEqual(new Set(['"older"']));
      expect(region.waiting()).toEqual([]);
    }
  });

  it("merge without a change to the older account's rights, even if the younger account's database was restored", async () => {
    const [east, west] = namesakes({ is_active: "false", is_superuser: "false" });
    east.edit("user", "older", { is_superuser: "true" }, 11);
    signIn(east, "older", 12);
    await round(west);
    await west.restore(100, ["us-east"]);
    signIn(west, "younger", 200);
    await exchange(east, west);
    for (const region of [east, west])
      expect(contentsOf(region, "user")).toEqual({
        older: { id: '"older"', ...user("ada", { password: '"one hash"', is_superuser: "true" }) },
      });
  });

  it("merge whenever the proof of identity arrives, and are inactive everywhere if an administrator deactivated either account", async () => {
    const [east, west] = namesakes();
    signIn(east, "older", 12);
    await exchange(east, west);
    const south = regionWith("ap-south", ...ALL);
    await round(south, east.all());
    south.edit("user", "younger", { is_active: "false" }, 30);
    await exchange(east, west, south);
    // The user signs in again in a region that does not know of the first sign-in.
    const late = regionWith("sa-east", ...ALL);
    await round(
      late,
      west.all().filter(({ table }) => table !== "sso_user_profile"),
    );
    signIn(late, "younger", 40);
    const told = await round(late, west.all());
    for (const each of [east, west, south]) await round(each, told);
    await exchange(late, east, west, south);
    for (const region of [east, west, south, late])
      expect(contentsOf(region, "user")).toEqual({
        older: { id: '"older"', ...user("ada", { password: '"one hash"' }), is_active: "false" },
      });
  });

  it("stay separate even if there are three, one per region, and all three merge if they belong to one person", async () => {
    const regions = ["us-east", "eu-west", "ap-south"].map((name) => regionWith(name, ...ALL));
    for (const [n, region] of regions.entries()) region.edit("user", `u${n}`, user("bob"), 10 * (n + 1));
    await exchange(...regions);
    for (const region of regions)
      expect(
        Object.values(contentsOf(region, "user"))
          .map(({ username }) => username)
          .toSorted(),
      ).toEqual(['"bob (u1)"', '"bob (u2)"', '"bob"']);
    for (const [n, region] of regions.entries()) signIn(region, `u${n}`, 100 + n);
    await exchange(...regions);
    for (const region of regions) expect([idsIn(region, "user"), region.waiting()]).toEqual([["u0"], []]);
  });

  it("give no rows to a third account of the same name before their merged account arrives", async () => {
    const [region, other] = pair(...ALL);
    const third = regionWith("ap-south", ...ALL);
    region.edit("user", "younger", user("ada"), 20);
    region.edit("apikey", "k", { user_id: '"younger"', name: '"key"' }, 21);
    const [younger] = (await round(region)).filter(({ table }) => table === "user");
    if (!younger) throw new Error("no account");
    await round(region, [{ ...younger, row: Object.assign({}, younger.row, { unitedWith: "older" }) }]);
    third.edit("user", "third", user("ada"), 50);
    await round(region, await round(third));
    expect(contentsOf(region, "apikey").k?.user_id).toBe('"younger"');
    expect(contentsOf(region, "user").third?.username).toBe('"ada"');
    other.edit("user", "older", user("ada"), 10);
    await round(region, await round(other));
    expect(contentsOf(region, "apikey").k?.user_id).toBe('"older"');
    expect(idsIn(region, "user")).toEqual(["older", "third"]);
  });

  it("keep their rows until their merged account arrives, and then give that account the rows", async () => {
    const [us, eu, ap] = ["us-east", "eu-west", "ap-south"].map((name) => regionWith(name, ...ALL));
    if (!us || !eu || !ap) throw new Error("no regions");
    us.edit("user", "x", user("bob"), 10);
    signIn(us, "x", 11);
    eu.edit("user", "y", user("bob"), 20);
    eu.edit("apikey", "k", { user_id: '"y"', name: '"key"' }, 21);
    signIn(eu, "y", 22);
    const [fromUs, fromEu] = [await round(us), await round(eu)];
    await round(ap, fromEu);
    const united = await round(eu, fromUs);
    await applyRows(
      ap,
      ap.replicated,
      united.filter(({ id }) => id !== "x" && id !== "profile of x"),
    );
    expect([idsIn(ap, "user"), idsIn(ap, "apikey")]).toEqual([["y"], ["k"]]);
    await round(ap, fromUs);
    await round(ap);
    expect([idsIn(ap, "user"), contentsOf(ap, "apikey").k?.user_id]).toEqual([["x"], '"x"']);
  });
});

describe("two rows that grant rights", () => {
  it.each([
    [
      "a team",
      "authz_team",
      "adom_name",
      "authz_share",
      { scope: '"team"', resource_type: '"flow"', resource_id: '"f"' },
      "target_id",
    ],
    [
      "a role that an administrator created",
      "authz_role",
      "name",
      "authz_role_assignment",
      { user_id: '"u"', domain_type: '"global"' },
      "role_id",
    ],
  ] as const)(
    "do not merge by name (%s): no user gains rights that another region's administrator granted to others",
    async (_, table, column, child, values, parent) => {
      const [east, west] = pair("user", table, child);
      await withAccount(east, west);
      for (const [region, id, at] of [[east, "x", 10] as const, [west, "y", 20] as const]) {
        region.edit(table, id, { [column]: '"ops"', is_active: "true", is_system: "false" }, at);
        region.edit(child, `of ${id}`, { ...values, [parent]: JSON.stringify(id) }, at + 1);
      }
      await exchange(east, west);
      for (const region of [east, west]) {
        expect(
          Object.values(contentsOf(region, table))
            .map((row) => row[column])
            .toSorted(),
        ).toEqual(['"ops (y)"', '"ops"']);
        for (const id of ["x", "y"]) expect(contentsOf(region, child)[`of ${id}`]?.[parent]).toBe(JSON.stringify(id));
      }
    },
  );
});

describe("a new account with the name of a deleted account", () => {
  it("gets none of the deleted account's API keys", async () => {
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

describe("rows that collide in a unique index that is not their natural key", () => {
  it("are renumbered if they are versions of a flow: the later version gets the next free number", async () => {
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

  it("swap their version numbers if another region swapped them", async () => {
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

  it("are renamed if they are files: the later file gets a suffix, even if their owners were merged", async () => {
    const [east, west] = pair("user", "file", "sso_user_profile");
    for (const [region, id, at] of [[east, "x", 10] as const, [west, "y", 20] as const]) {
      region.edit("user", id, user("bob"), at);
      signIn(region, id, at + 1);
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

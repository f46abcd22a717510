import fc from "fast-check";
import { exportedFlow } from "../../../formats/flows/flowFile";
import { folded } from "../../../formats/flows/foldedText";
import { operandsIn } from "../../../formats/flows/literals";
import calls from "../../../formats/flows/secretCalls.json";
import commands from "../../../formats/flows/secretCommands.json";
import { findSecrets } from "../../../formats/flows/secretScan";
import secretWords from "../../../formats/flows/secretWords.json";
import { flowWith } from "./secretGraphs";
import { RandomText } from "./secretKinds";

const found = (text: string) =>
  findSecrets(exportedFlow(flowWith({ x: { value: `see\n${text}\nend` } }), { variables: new Set() }));

/** Passwords that follow common rules: letters, digits and a special character. */
const passwords = fc.nat().map((seed) => {
  const random = new RandomText(seed);
  return `${random.text(1, "B-DF-HJ-NP-TV-Z")}${random.text(4, "a-z")}${random.text(2, "2-9")}${random.text(1, "!#&")}${random.text(2, "b-df-hj-np-tv-xz")}`;
});
const tokens = fc.nat().map((seed) => `${new RandomText(seed).text(18)}4x7Q${new RandomText(seed + 1).text(18)}`);
const users = fc.stringMatching(/^[a-z]{3,9}$/);
const names = fc
  .tuple(fc.constantFrom("", "db_", "acme_", "SMTP", "my-"), fc.constantFrom("password", "passwd", "pwd", "passphrase"))
  .map(([kind, word]) => (kind === "SMTP" ? `SMTP_${word.toUpperCase()}` : kind + word));

async function everyHeld(texts: fc.Arbitrary<string>, numRuns = 60): Promise<void> {
  await fc.assert(
    fc.asyncProperty(texts, async (text) => {
      expect((await found(text)).length).toBeGreaterThan(0);
    }),
    { numRuns },
  );
}

/** Ways to write a name and its value together. */
const FORMS: Readonly<Record<string, (name: string, value: string) => string>> = {
  "a field with a default": (name, value) => `${name.replaceAll("-", "_")}: SecretStr = Field(default="${value}")`,
  "a fallback value": (name, value) => `const k = process.env.${name.replaceAll("-", "_")} || '${value}'`,
  "an environment variable": (name, value) => `k = getenv(${name.replaceAll("-", "_").toUpperCase()}, "${value}")`,
  "an R assignment": (name, value) => `${name} <- "${value}"`,
  "a type annotation in words": (name, value) => `Const ${name.replaceAll("-", "_")} As String = "${value}"`,
  "a tuple": (name, value) => `user, ${name.replaceAll("-", "_")} = "ada", "${value}"`,
  "a tuple that begins with the name": (name, value) => `${name.replaceAll("-", "_")}, user = "${value}", "ada"`,
  "a list of pairs": (name, value) => `${name.replaceAll("-", "_")}s = ["${value}"]`,
  "a dictionary of several entries": (name, value) => `${name.replaceAll("-", "_")}s = {"ada": "${value}"}`,
  "a call that sets it": (name, value) => `source.${name.replaceAll("-", "_")}("${value}");`,
  "a YAML line": (name, value) => `- name: ${name}\n  value: ${value}`,
  "a JSON line": (name, value) => `[{"k": "${name}", "on": true, "v": "${value}"}]`,
  "a table of Markdown": (name, value) => `| User | ${name} |\n|---|---|\n| ada | ${value} |`,
  "comma-separated values": (name, value) => `id,user,${name}\n1,ada,${value}`,
  "rows of SQL": (name, value) =>
    `INSERT INTO t (a, ${name.replaceAll("-", "_")}) VALUES ('x', 'y'), ('z', '${value}')`,
  "an element of XML": (name, value) => `<property name="${name}">${value}</property>`,
  "a form entry": (name, value) => `await page.fill("#${name}", "${value}")`,
  "a dash": (name, value) => `${name} - ${value}`,
  "an arrow": (name, value) => `${name} → ${value}`,
  "a wide colon": (name, value) => `${name}：${value}`,
  "a sentence": (name, value) => `The ${name} for the new server is ${value}.`,
  "a sentence that begins with the value": (name, value) => `Log in with ${value} as the ${name}.`,
  "a separate line": (name, value) => `Use this ${name}:\n${value}`,
};

describe("a secret's name and its value", () => {
  it.each(Object.entries(FORMS))("are found in %s, whatever the name and the value are", async (_, form) => {
    await everyHeld(fc.tuple(names, passwords).map(([name, value]) => form(name, value)));
  });
});

describe("the name of a secret", () => {
  it("marks a random value as a secret, even if the value ends like a placeholder", async () => {
    for (const end of ["Any", "ANy", "Key", "True"])
      expect(await found(`password: idd3gXim5SwPvtTeOB4x7QejB9wN7A2XURkrx${end}`)).not.toEqual([]);
  });

  const NAMES = Object.entries(secretWords).filter(([name]) => name !== "is");

  it.each(NAMES)("is recognized in every language: %s", async (name, words) => {
    const values = name === "pin" ? fc.integer({ min: 202_100, max: 999_999 }).map(String) : tokens;
    await everyHeld(fc.tuple(fc.constantFrom(...words), values).map(([word, value]) => `${word}: ${value}`));
  });

  it("does not mark a value that is only a translation of the name, as in a form", async () => {
    const pairs = fc.constantFrom(...NAMES.flatMap(([name, words]) => words.map((word) => [name, word] as const)));
    await fc.assert(
      fc.asyncProperty(pairs, async ([name, word]) => {
        const capital = word.charAt(0).toUpperCase() + word.slice(1);
        expect(await found(JSON.stringify({ [name]: capital, other: word }))).toEqual([]);
      }),
    );
  });

  it("is searched for in Unicode-normalized text; ASCII text stays unchanged except for names of several words", () => {
    expect(folded("ＡＰＩ密钥：x “y”")).toBe('API_secret_key:x "y"');
    expect(folded("mot de passe: x")).toBe("password: x");
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z0-9 ="-]{0,40}$/), (text) => {
        fc.pre(!/ (?:api|sandi|laluan|khau|passe)|pin-/.test(text));
        expect(folded(text)).toBe(text);
      }),
    );
  });
});

describe("the table of commands with passwords", () => {
  const OPTIONS = Object.entries(commands).flatMap(([command, options]) =>
    Object.entries(options).map(([option, kind]) => ({ command, option, kind: String(kind) })),
  );
  const VALUES: Readonly<Record<string, (password: string) => string>> = {
    cookie: (password) => `sid=${password}`,
    header: (password) => `Authorization: ${password}`,
    user: (password) => `ada:${password}`,
    pair: (password) => `any=${password}`,
    percent: (password) => `ada%${password}`,
    slash: (password) => `ada/${password}@db`,
  };

  it.each(OPTIONS)("finds the password after: $command $option", async ({ command, option, kind }) => {
    const text = (password: string) => {
      const value = (VALUES[kind] ?? ((each: string) => each))(password);
      if (!/^\d/.test(option)) return `${command} ${option}${kind === "joined" ? "" : " "}'${value}' host`;
      const before = Array.from({ length: Number(option) - command.split(" ").length }, (_, at) => `word${at}x`);
      return `${[command, ...before].join(" ")} '${value}'`;
    };
    await everyHeld(passwords.map(text), 10);
  });

  it("finds a password that is piped into a command", async () => {
    await everyHeld(
      fc
        .tuple(
          users,
          passwords,
          fc.constantFrom("sudo -S apt update", "chpasswd", "docker login -u a --password-stdin h"),
        )
        .map(
          ([user, password, command]) => `echo '${command === "chpasswd" ? `${user}:` : ""}${password}' | ${command}`,
        ),
    );
  });
});

describe("the table of function calls with secrets", () => {
  const ARGUMENTS = Object.entries(calls).flatMap(([callee, kinds]) =>
    Object.entries(kinds).map(([place, kind]) => ({ callee, place: Number(place), kind: String(kind) })),
  );

  it.each(ARGUMENTS)("finds the secret of a call: $callee at $place", async ({ callee, place, kind }) => {
    const before = Array.from({ length: place }, (_, at) => (at % 2 ? `x.y(${at}, "a")` : `"word${at}"`));
    const text = (password: string) =>
      `${callee}(${[...before, `b"${kind === "pair" ? "ada:" : ""}${password}"`, "other"].join(", ")})`;
    await everyHeld((kind === "secret" ? tokens : passwords).map(text), 10);
  });

  it("is not needed to find a password in two consecutive quoted texts", async () => {
    await everyHeld(fc.tuple(users, passwords).map(([user, password]) => `open.any "x", '${user}', '${password}'`));
  });
});

describe("an expression in code", () => {
  const operands = (text: string) =>
    [...operandsIn(text, 0)].map(({ text: each, label, place, outer }) => [each, label, place, outer]);

  it.each([
    [
      '"a" + "b"',
      [
        ["a", undefined, 0, ""],
        ["b", undefined, 0, ""],
      ],
    ],
    ['x["k"] or "v"', [["v", undefined, 0, ""]]],
    ['f(1, default="v")', [["v", "default", 1, "f("]]],
    [
      '{"k": "v", w: "x"}',
      [
        ["v", "k", 0, "{"],
        ["x", "w", 1, "{"],
      ],
    ],
    [
      'a ? "v" : "w"',
      [
        ["v", undefined, 0, ""],
        ["w", undefined, 0, ""],
      ],
    ],
    ['"v" // "w"', [["v", undefined, 0, ""]]],
    ['words of prose "v"', []],
    ['a\nb = "v"', []],
    ['(a\n, "v")', [["v", undefined, 1, "("]]],
    ['f()) + "v"', []],
  ])("is split into its quoted texts with their position and name: %s", (text, expected) => {
    expect(operands(text)).toEqual(expected);
  });
});

it("harmless texts of every kind cause no finding", async () => {
  const texts = [
    'legend(key="Sales2024Q3EMEA")',
    "primary_key: customerAccountNumber2024\nkey: CustomerLifetimeValue2024Q3",
    "boarding_pass: BP7X9Q2LM4; bypass = 'AllowListedRegion12'",
    "arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/db-AbCdEf",
    `publishableKey: "pk_${"live"}_zNDWJslihPFttIe6qBA28WCa"`,
    "- Key: Customer2024 segment grew\n- Session: 2024-Q3 planning",
    "请设置密码：至少8位，包含字母和数字。密钥：由管理员提供。",
    "contraseña: mínimo 8 caracteres",
    "| Parameter | Type |\n|---|---|\n| api_key | string |\n| password | varchar2 |",
    "id,name,token_count,password_changed_at\n1,Ada,532,2024-01-01",
    "INSERT INTO users (name, password) VALUES (?, ?), (:name, :password), ('a', '{password}')",
    "docker login -u $USER -p $PASS; mysql -u root -p app; ssh -p 2222 host",
    "server.login(user, password); client.login('user', 'password'); page.fill('#search', 'Version2024')",
    "tokens = ['[CLS]', '19June2000', '##ing2']; users = {'ada': 'Ada Lovelace'}",
    "https://github.com/a/b/blob/94ea67ef2d8dce8a955d510cd9081aabd036fa85/src/webhook.py",
    "https://docs.acme.com/webhooks/getting-started-with-v2 http://localhost:7860/a@b git@github.com:acme/x.git",
    "Login: 24/7 support. The secret ingredient is love99. The PIN must have 4 digits.",
    "_MAX_PASSWORD_SIZE = 4096\nAPI_KEY_ENV = 'ACME_API_KEY2'\npassword = sys.stdin.readline().rstrip('\\r\\n')",
  ];
  for (const text of texts) expect({ text, found: await found(text) }).toEqual({ text, found: [] });
});

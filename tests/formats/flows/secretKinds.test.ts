import fc from "fast-check";
import { type JsonObject, parseJson } from "../../../formats/flows/canonicalJson";
import { exportedFlow } from "../../../formats/flows/flowFile";
import { findSecrets } from "../../../formats/flows/secretScan";
import { ID } from "./secretGraphs";
import { FORMATS, LINES, madeOf, NAMED, OF_SERVICES, type Pieces, RandomText } from "./secretKinds";

/** A function that puts a value at a certain place in a flow. */
type Place = (what: unknown) => JsonObject;

const flowOf = (node: object, more: object = {}) =>
  parseJson(
    JSON.stringify({ id: ID, name: "A flow", data: { nodes: [{ id: "n1", data: { node } }], edges: [] }, ...more }),
  ) as JsonObject;
const field = (value: unknown, more: object = {}): JsonObject =>
  flowOf({ template: { x: { value, type: "str", ...more } } });
const mcp = (config: object) => field({ name: "server", config }, { type: "mcp" });

/** Places in a flow that have a text of their own. */
const TEXT_PLACES: Readonly<Record<string, Place>> = {
  "a prompt": (text) =>
    flowOf({ template: { template: { type: "prompt", value: `Answer politely.\n\n${text}\n\nThen stop.` } } }),
  "the middle of a sentence": (text) => field(`When you call it use ${text}, and nothing else.`),
  code: (text) =>
    flowOf({
      template: { code: { type: "code", value: `from lfx import Component\n\nCLIENT = connect("""${text}""")\n` } },
    }),
  "a comment of code": (text) => flowOf({ template: { code: { type: "code", value: `x = 1  # ${text}\ny = 2` } } }),
  "a note": (text) =>
    parseJson(
      JSON.stringify({
        id: ID,
        name: "x",
        data: {
          nodes: [
            {
              id: "note-1",
              type: "noteNode",
              data: { type: "note", node: { description: `# To do\n${text}`, template: {} } },
            },
          ],
          edges: [],
        },
      }),
    ) as JsonObject,
  "a list": (text) => field(["a", text]),
  "a dictionary": (text) => field({ a: { b: text } }),
  "the key of a dictionary": (text) => field({ [String(text)]: "a" }),
  "a row": (text) => field([{ key: "q", value: text }]),
  "a header with an unknown name": (text) =>
    flowOf({ template: { headers: { type: "table", value: [{ key: "Acme-Gate", value: text }] } } }),
  "a body": (text) => flowOf({ template: { body: { type: "table", value: [{ key: "input", value: text }] } } }),
  "a query": (text) => flowOf({ template: { query_params: { type: "data", value: { q: text } } } }),
  "the metadata of a node": (text) => flowOf({ template: {}, metadata: { note: text } }),
  "an option": (text) => field("a", { options: ["a", text] }),
  "the explanation of a field": (text) => field("a", { info: text }),
  "the output of a node": (text) => flowOf({ template: {}, outputs: [{ name: "o", value: text }] }),
  "an edge": (text) =>
    ({ ...flowOf({ template: {} }), data: { nodes: [], edges: [{ id: "e", data: { label: text } }] } }) as JsonObject,
  "the environment of an MCP server": (text) => mcp({ command: "npx", env: { ANY: text } }),
  "a header of an MCP server": (text) => mcp({ url: "https://h.org", headers: { "Acme-Gate": text } }),
  "an argument of an MCP server": (text) => mcp({ command: "npx", args: ["server", text] }),
  "the description of the flow": (text) => flowOf({ template: {} }, { description: text }),
  "a tag": (text) => flowOf({ template: {} }, { tags: [text] }),
  "JSON in a text": (text) => field(JSON.stringify({ a: { b: text } })),
  "JSON in JSON in a text": (text) => field(JSON.stringify({ a: JSON.stringify({ b: text }) })),
};
const URL_PLACES: Readonly<Record<string, Place>> = {
  "the path of an MCP server's URL": (text) =>
    mcp({ url: `https://mcp.example.org/s/${encodeURIComponent(String(text))}/sse` }),
  "the path of an MCP server's URL among the arguments": (text) =>
    mcp({ command: "npx", args: ["mcp-remote", `https://mcp.example.org/s/${encodeURIComponent(String(text))}/sse`] }),
  "the path of an MCP server's URL in a text": (text) =>
    field(
      JSON.stringify({
        mcpServers: { a: { url: `https://mcp.example.org/s/${encodeURIComponent(String(text))}/sse` } },
      }),
    ),
  "a URL's path": (text) => field(`https://example.org/${text}/x`),
};

/** Ways to write a name and its value in a text. */
const PAIR_FORMS: Readonly<Record<string, (name: string, value: string) => string>> = {
  "an assignment in Python": (name, value) => `${name.replaceAll("-", "_")} = "${value}"`,
  "an assignment with a type": (name, value) => `${name.replaceAll("-", "_")}: str | None = '${value}'`,
  "an argument in Python": (name, value) => `connect(host="h.org", ${name.replaceAll("-", "_")}='${value}')`,
  "a wrapped argument": (name, value) => `connect(${name.replaceAll("-", "_")}=SecretStr("${value}"))`,
  "a value in place of a missing one": (name, value) =>
    `${name.replaceAll("-", "_")} = os.getenv("${name}", "${value}")`,
  "a value after or": (name, value) => `${name.replaceAll("-", "_")} = os.environ.get("${name}") or "${value}"`,
  "a comparison": (name, value) => `if ${name.replaceAll("-", "_")} == "${value}":`,
  "a dictionary in code": (name, value) => `{"a": 1, "${name}": "${value}", 'b': 2}`,
  "an item of a dictionary": (name, value) => `os.environ["${name}"] = "${value}"`,
  "a call that sets": (name, value) => `headers.set('${name}', '${value}')`,
  "a constant in JavaScript": (name, value) => `const ${name.replaceAll("-", "_")} = \`${value}\`;`,
  "an object in JavaScript": (name, value) => `{ ${name.includes("-") ? `'${name}'` : name}: '${value}' }`,
  "JavaScript's other value": (name, value) => `const ${name.replaceAll("-", "_")} = process.env.X ?? "${value}"`,
  ".env": (name, value) => `A=1\n${name.replaceAll("-", "_").toUpperCase()}=${value}\nB=2`,
  "a shell": (name, value) => `export ${name.replaceAll("-", "_").toUpperCase()}='${value}' && run`,
  YAML: (name, value) => `server:\n  ${name}: "${value}"\n  port: 1`,
  "JSON in a text": (name, value) => JSON.stringify({ a: { [name]: value } }, null, 2),
  "JSON in JSON": (name, value) => JSON.stringify({ a: JSON.stringify({ [name]: value }) }),
  "rows in JSON": (name, value) => JSON.stringify([{ key: name, value }]),
  "an option": (name, value) => `run --${name.toLowerCase()} ${value} --verbose`,
  "an option with =": (name, value) => `run --${name.toLowerCase()}=${value} --verbose`,
  "a query": (name, value) => `GET https://h.org/x?a=1&${name}=${encodeURIComponent(value)}&b=2`,
  "a connection string": (name, value) => `Server=h;${name}=${value};Encrypt=true`,
  "a header": (name, value) => `POST /x HTTP/1.1\n${name}: "${value}"\nAccept: */*`,
  XML: (name, value) => `<a><${name}>${value}</${name}></a>`,
  "XML's attributes": (name, value) => `<add key="${name}" value="${value}" />`,
  "an input with its value": (name, value) => `SecretStrInput(name="${name}", display_name="X", value="${value}")`,
};

/** Ways to give a secret to a curl command. */
const CURL_FORMS: Readonly<Record<string, (value: string) => string>> = {
  "a header": (value) => `curl -H 'X-Api-Key: ${value}' https://h.org`,
  "a header with an unknown name": (value) => `curl -X POST --header "Acme-Gate: ${value}" https://h.org`,
  "a bearer token": (value) => `curl https://h.org -H "Authorization: Bearer ${value}"`,
  "a token without scheme": (value) => `curl https://h.org -H "Authorization: ${value}"`,
  "a user option": (value) => `curl -u admin:${value} https://h.org`,
  "a user option without a space": (value) => `curl -uadmin:${value} https://h.org`,
  "a user among short options": (value) => `curl -sSu "admin:${value}" https://h.org`,
  "a user with =": (value) => `curl --user=admin:${value} https://h.org`,
  "a user without a password": (value) => `curl -u ${value}: https://h.org`,
  "a query": (value) => `curl 'https://h.org/x?api_key=${value}&a=1'`,
  "a query with a plain key": (value) => `curl "https://h.org/x?key=${value}"`,
  "a cookie": (value) => `curl -b 'session=${value}; a=1' https://h.org`,
  "a Cookie header": (value) => `curl -H 'Cookie: sid=${value}' https://h.org`,
  "a body": (value) => `curl -d '{"client_secret": "${value}"}' https://h.org`,
  "a form": (value) => `curl --data-urlencode "password=${value}" https://h.org`,
  "a URL": (value) => `curl https://admin:${value}@h.org/x`,
  "several lines": (value) =>
    `curl -X POST \\\n  https://h.org \\\n  -H 'Accept: a/b' \\\n  -H 'X-Acme: ${value}' \\\n  -d '{}'`,
  "a proxy": (value) => `curl --proxy-user me:${value} https://h.org`,
  "OAuth 2": (value) => `curl --oauth2-bearer ${value} https://h.org`,
};
const CURL_PLACES: Readonly<Record<string, Place>> = {
  "LangFlow's own field": (text) =>
    flowOf({ template: { curl_input: { type: "str", _input_type: "MultilineInput", value: text } } }),
  "a prompt": (text) => field(`Call it as follows:\n\n${text}\n\nand don't ask.`),
  "a note after an apostrophe": (text) => field(`It isn't hard: \`${text}\``),
  code: (text) => flowOf({ template: { code: { type: "code", value: `COMMAND = ${JSON.stringify(text)}` } } }),
  JSON: (text) => field(JSON.stringify({ run: text })),
};

/**
 * Lines that people write in prompts and notes, and commands other than curl. `#` stands for a random key, and `!` for a
 * readable password.
 */
const NOTES = `
The password is !.|my password is "!"|user: admin, pass: !|**Password:** !|- Password: \`!\`|ENV DB_PASSWORD !
machine h.org login bob password !|CREATE USER bob WITH PASSWORD '!'|mysql -u root -p!|sshpass -p '!' ssh a@b|http -a bob:! h.org
ConvertTo-SecureString "!" -AsPlainText|<input type="password" value="!">|jdbc:mysql://h/db?user=u&password=!|app.secret=#
api key: #|The API key is #|API KEY = #|Access Token: #|**API key:** #|api.key=#|PGPASSWORD=! psql|$env:DB_PASSWORD = "!"
HTTPBasicAuth("bob", "!")|requests.get(u, auth=("bob", "!"))|requests.get(u, cookies={"session": "#"})|Cookie: PHPSESSID=#
Set-Cookie: sid=#; Path=/|document.cookie = "sid=#"|requests.get(u, headers={"Acme": "#"})|requests.get(u, headers=dict(Acme="#"))
fetch(u, {headers: {"Foo-Bar": "#"}})|headers.append("Foo", "#")|headers["Foo"] = "#"|req.Header.Set("Foo", "#")|X-Custom-Thing: #
axios.defaults.headers.common['Foo'] = '#'|Authorization: #|Authorization: Bearer #|wget --header='X-Foo: #' h.org|setApiKey("#")
//registry.npmjs.org/:_authToken=#|wss://h.org/?token=#|https://h.org/c?sv=1&sig=#|"api-key" => "#"|api_key := "#"|token%3D#
config.set('api.key', '#')|&quot;token&quot;:&quot;#&quot;|api_key = "#" "#"|OpenAI(api_key="#")|os.environ.setdefault("API_KEY", "#")
kind: Secret\\ndata:\\n  any: #|stringData:\\n  password: !|password: |-\\n  !|otpauth://totp/x?secret=#`
  .trim()
  .split(/[\n|](?!-)/)
  .map((line) => line.replaceAll("\\n", "\n"));

/** Returns the longest piece of a secret. This piece must not reach Git. */
const coreOf = (secret: string) =>
  secret.split(/[\n\s]|-----/).sort((one, other) => other.length - one.length)[0] ?? secret;

/** Returns why a flow with a secret would leak it, or undefined if the flow is held or its file lacks the secret. */
async function leakOf(flow: JsonObject, secret: string): Promise<string | undefined> {
  const file = exportedFlow(flow, { variables: new Set() });
  const found = await findSecrets(file);
  if (JSON.stringify(found).includes(coreOf(secret))) return "a finding cites it";
  const isIn = [secret, coreOf(secret), encodeURIComponent(secret)].some((each) =>
    file.text.includes(JSON.stringify(each).slice(1, -1)),
  );
  return isIn && found.length === 0 ? file.text : undefined;
}

const SEEDS = [1, 2, 3];

async function leaks(
  pieces: Pieces,
  cases: Readonly<Record<string, (secret: string) => JsonObject>>,
): Promise<string[]> {
  const all: string[] = [];
  for (const seed of SEEDS)
    for (const [where, flow] of Object.entries(cases)) {
      const secret = madeOf(pieces, new RandomText(seed));
      if ((await leakOf(flow(secret), secret)) !== undefined) all.push(`${where}, seed ${seed}`);
    }
  return all;
}

describe("a token of a known format", () => {
  it.each(Object.entries({ ...FORMATS, ...LINES }))(
    "does not reach Git from any text in a flow: %s",
    async (_, pieces) => {
      expect(await leaks(pieces, TEXT_PLACES)).toEqual([]);
    },
  );

  it.each(Object.entries(FORMATS).filter(([, pieces]) => !/[ \n]|:\/\//.test(pieces.join(""))))(
    "does not reach Git from a URL: %s",
    async (_, pieces) => {
      expect(await leaks(pieces, URL_PLACES)).toEqual([]);
    },
  );
});

const pairCases = (name: string): Record<string, (secret: string) => JsonObject> =>
  Object.fromEntries([
    ...Object.entries(PAIR_FORMS).map(
      ([form, text]) => [form, (secret: string) => field(`see\n${text(name, secret)}\nend`)] as const,
    ),
    ["a dictionary's own key", (secret: string) => field({ a: { [name]: secret } })],
    ["a row's own key", (secret: string) => field([{ key: name, value: secret }])],
    ["the metadata of a node", (secret: string) => flowOf({ template: {}, metadata: { [name]: secret } })],
    ["a node's own key", (secret: string) => flowOf({ template: {}, [name]: secret })],
    [
      "the data's own key",
      (secret: string) => ({ ...flowOf({}), data: { nodes: [], edges: [], [name]: secret } }) as JsonObject,
    ],
    ["a field of that name", (secret: string) => flowOf({ template: { [name]: { value: secret } } })],
    ["a field whose name is elsewhere", (secret: string) => flowOf({ template: { x: { name, value: secret } } })],
    ["the environment of an MCP server", (secret: string) => mcp({ env: { [name]: secret } })],
    ["an argument of an MCP server", (secret: string) => mcp({ args: [`--${name}`, secret] })],
    [
      "an MCP server's query",
      (secret: string) => mcp({ url: `https://h.org/mcp?${name}=${encodeURIComponent(secret)}` }),
    ],
  ]);

describe("a secret that only its name identifies as a secret", () => {
  it.each(Object.entries(NAMED))("does not reach Git in any form: %s", async (_, [name, pieces]) => {
    expect(await leaks(pieces, pairCases(name))).toEqual([]);
  });
});

describe("a key identifiable only by its service's name", () => {
  const FORMS = ["an assignment in Python", "a dictionary in code", ".env", "YAML", "JSON in a text", "JSON in JSON"];

  it.each(Object.entries(OF_SERVICES))("does not reach Git in any form: %s", async (_, [name, pieces]) => {
    const cases = pairCases(name);
    const some = [...FORMS, "a dictionary's own key", "a field of that name", "the metadata of a node"];
    expect(await leaks(pieces, Object.fromEntries(some.map((form) => [form, cases[form] ?? (() => ({}))])))).toEqual(
      [],
    );
  });
});

describe("a secret in a curl command", () => {
  it.each(Object.entries(CURL_FORMS))("does not reach Git in any form: %s", async (_, form) => {
    for (const pieces of [[[32]], [[40, "0-9a-f"]]] as Pieces[])
      expect(
        await leaks(
          pieces,
          Object.fromEntries(
            Object.entries(CURL_PLACES).map(([where, place]) => [where, (secret: string) => place(form(secret))]),
          ),
        ),
      ).toEqual([]);
  });
});

/** Configurations of an MCP server that are not in an MCP field. */
const SERVERS: Readonly<Record<string, (secret: string) => object>> = {
  "an environment variable": (secret) => ({ command: "npx", env: { ANY: secret } }),
  "an option": (secret) => ({ command: "npx", args: ["server", "--api-key", secret] }),
  "a header among the arguments": (secret) => ({ command: "npx", args: ["mcp-remote", "--header", `Acme: ${secret}`] }),
  "a header": (secret) => ({ url: "https://h.org", headers: { Acme: secret } }),
  "the URL's path": (secret) => ({ url: `https://h.org/mcp/${secret}/sse` }),
};

describe("an MCP server's secret outside of an MCP field", () => {
  it.each(Object.entries(SERVERS))("does not reach Git: %s", async (_, server) => {
    expect(
      await leaks([[32]], {
        metadata: (secret) => flowOf({ template: {}, metadata: { mcpServers: { a: server(secret) } } }),
        "JSON in a text": (secret) => field(JSON.stringify({ mcpServers: { a: server(secret) } })),
      }),
    ).toEqual([]);
  });
});

describe("a secret in a prompt or a note", () => {
  it.each(NOTES)("does not reach Git in any form: %s", async (line) => {
    const written = (secret: string) => field(`To do:\n${line.replaceAll(/[#!]/g, () => secret)}\nand more.`);
    expect(await leaks(line.includes("#") ? [[32]] : ["Hun", "ter-", [3], "7"], { "a note": written })).toEqual([]);
  });
});

it("no secret reaches Git, whatever its kind, form, location and context", async () => {
  const texts = [
    ...Object.values(FORMATS).map((pieces) => (random: RandomText) => {
      const secret = madeOf(pieces, random);
      return { secret, text: secret };
    }),
    ...Object.values(NAMED).flatMap(([name, pieces]) =>
      Object.values(PAIR_FORMS).map((form) => (random: RandomText) => {
        const secret = madeOf(pieces, random);
        return { secret, text: form(name, secret) };
      }),
    ),
  ];
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...texts),
      fc.constantFrom(
        ...Object.values(TEXT_PLACES).filter((place) => place !== TEXT_PLACES["the key of a dictionary"]),
      ),
      fc.nat(),
      fc.lorem({ maxCount: 30 }),
      fc.lorem({ maxCount: 30 }),
      async (make, place, seed, before, after) => {
        const { secret, text } = make(new RandomText(seed));
        expect(await leakOf(place(`${before}\n${text}\n${after}`), secret)).toBeUndefined();
      },
    ),
    { numRuns: 300 },
  );
});

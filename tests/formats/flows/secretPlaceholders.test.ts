import { exportedFlow } from "../../../formats/flows/flowFile";
import { findSecrets } from "../../../formats/flows/secretScan";
import { flowWith } from "./secretGraphs";
import { RandomText } from "./secretKinds";

const found = (text: string) => findSecrets(exportedFlow(flowWith({ x: { value: text } }), { variables: new Set() }));

describe("a placeholder", () => {
  it.each([
    'api_key = "YOUR_API_KEY"',
    'api_key = "your-api-key-here"',
    'api_key = "sk-..."',
    'token = "<token>"',
    'token = "<your token>"',
    'password = ""',
    'password = "********"',
    'password = "xxxxxxxx"',
    'password = "changeme"',
    'password = "dbPasswordForOracle19cEu1"',
    'password = "getPasswordFromKeyVault01Prod02"',
    'password = "projects/123456789012/secrets/db-password/versions/latest"',
    'password = "op://vault/abc123def456ghi789/password"',
    'password = "/run/secrets/5f0c3a52-6d1e-4b8a-9c07-2f7b6f1d9e33/password"',
    'api_key = "keyvault:prod-openai-3f9a"',
    'api_key = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:openai-AbCdEf"',
    'api_key = os.environ["OPENAI_API_KEY"]',
    'api_key = os.getenv("OPENAI_API_KEY", "")',
    'api_key = os.environ.get("OPENAI_API_KEY")',
    "const apiKey = process.env.OPENAI_API_KEY;",
    "api_key = self.api_key",
    "api_key = config.openai.api_key2",
    "connect(password=password, token=access_token2)",
    'headers = {"Authorization": f"Bearer {token}"}',
    'headers = {"x-api-key": api_key}',
    'api_key = "GoogleGenerativeAIEmbeddings"',
    'prompt = "Use {api_key} as the key"',
    "api_key: str",
    "api_key: SecretStr | None = None",
    "password: Optional[str] = None",
    "token: JiraOauth2Token",
    "password: string;",
    `api_key: $${"{OPENAI_API_KEY}"}`,
    "OPENAI_API_KEY=$OPENAI_API_KEY",
    "OPENAI_API_KEY={{openai_key}}",
    'variable = "OPENAI_API_KEY"',
    'SecretStrInput(name="api_key", display_name="API Key", info="The key of the model.", value="OPENAI_API_KEY")',
    'StrInput(name="password_field", display_name="Password", value="password")',
    "max_tokens = 4096",
    "token_count: 128000",
    "if token == 'bearer':",
    "The password is required. The token is optional.",
    "Password: the password of your account",
    "curl -H 'Authorization: Bearer $TOKEN' https://h.org",
    "curl -H 'Content-Type: application/json' -H 'X-Api-Key: YOUR_API_KEY' https://h.org",
    'curl -u "$USER:$PASSWORD" https://h.org',
    "curl -u user:password https://h.org",
    "curl 'https://h.org/?api_key={api_key}'",
    'keys = ["name", "password", "api_key", "token"]',
    '{"type": "object", "properties": {"api_key": {"type": "string", "description": "The key"}}}',
    "hash_algorithm = 'sha256'  # password: sha256",
    "Cookie: session={session}; theme=dark",
    "see https://example.org/mcp/docs/getting-started-2",
  ])("is not reported as a secret: %s", async (text) => {
    expect(await found(text)).toEqual([]);
  });
});

describe("a flow is held if its secret's value begins with a word of the secret's name:", () => {
  it.each([
    ['password = "secret-', '"'],
    ["DB_PASSWORD=token_", ""],
    ['password: "api_', '"'],
    ['pwd = "pass-', '"'],
    ['password = "key-', '"'],
  ])("%s…%s", async (before, after) => {
    const random = new RandomText(7);
    expect(await found(`${before}${random.text(14)}${after}`)).toHaveLength(1);
  });
});

it("a key of letters only is reported as a secret, although parts of it look like words by chance", () => {
  expect(found('[{"key":"apiKey","value":"NfMURbjOCIXYIKHecMbeanYi"}]')).not.toEqual([]);
});

/** Generates random texts from a seed, so that a failure can be reproduced. */
export class RandomText {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /**
   * Returns a random text. A long text has a digit if its alphabet has digits, because one in 150 texts of 24 letters
   * looks like words.
   *
   * @param alphabet as in a character class of a regular expression: `a-z0-9`
   */
  text(length: number, alphabet = "A-Za-z0-9"): string {
    const letters = alphabet.replace(/(.)-(.)/g, (_, from: string, to: string) => {
      const [first, last] = [from.charCodeAt(0), to.charCodeAt(0)];
      return String.fromCharCode(...Array.from({ length: last - first + 1 }, (_each, at) => first + at));
    });
    const text = Array.from({ length }, () => letters[this.below(letters.length)]).join("");
    return length >= 12 && alphabet.includes("0-9") && !/\d/.test(text) ? this.text(length, alphabet) : text;
  }

  below(limit: number): number {
    // Algorithm: mulberry32.
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  }
}

const HEX = "0-9a-f";
const UPPER = "A-Z0-9";
const URL_SAFE = "A-Za-z0-9_-";

/**
 * A token in pieces: literal texts, and pairs of a length and an alphabet. No token is written out, so that no scanner
 * of this repository and no push protection mistakes one for a leak.
 */
export type Pieces = readonly (string | readonly [length: number, alphabet?: string])[];

export function madeOf(pieces: Pieces, random: RandomText): string {
  return pieces.map((piece) => (typeof piece === "string" ? piece : random.text(...piece))).join("");
}

const uuid = [[8, HEX], "-", [4, HEX], "-", [4, HEX], "-", [4, HEX], "-", [12, HEX]] as const;

/**
 * Tokens with a format of their own, by kind. Sources: gitleaks' rules, GitHub's supported patterns and detect-secrets.
 */
export const FORMATS: Readonly<Record<string, Pieces>> = {
  "HashiCorp Vault service token": ["hv", "s.", [95, URL_SAFE]],
  "HashiCorp Vault service token, short": ["hv", "s.", [24]],
  "HashiCorp Vault batch token": ["hv", "b.", [140, URL_SAFE]],
  "HashiCorp Terraform token": [[14], ".atl", "asv1.", [64, URL_SAFE]],
  "DigitalOcean personal token": ["do", "p_v1_", [64, HEX]],
  "DigitalOcean OAuth token": ["do", "o_v1_", [64, HEX]],
  "DigitalOcean refresh token": ["do", "r_v1_", [64, HEX]],
  "PyPI token": ["py", "pi-AgEIcHlwaS5vcmc", [80, URL_SAFE]],
  "PyPI token of another index": ["py", "pi-", [60, URL_SAFE]],
  "Atlassian token": ["ATA", "TT3xFfGF0", [183, URL_SAFE], "=", [8, UPPER]],
  "Bitbucket app password": ["ATB", "B", [32]],
  "Google OAuth access token": ["ya", "29.", [100, URL_SAFE]],
  "Google OAuth refresh token": ["1/", "/0", [64, URL_SAFE]],
  "Google API key": ["AI", "za", [35, URL_SAFE]],
  "Google OAuth client secret": ["GOC", "SPX-", [28, URL_SAFE]],
  "Notion token": ["nt", "n_", [11, "0-9"], [35]],
  "Notion token, legacy": ["sec", "ret_", [43]],
  "Perplexity key": ["pp", "lx-", [48]],
  "Discord webhook": ["https://disc", "ord.com/api/web", "hooks/", [18, "1-9"], "/", [68, URL_SAFE]],
  "Discord bot token": ["M", [25], ".", [6, URL_SAFE], ".", [38, URL_SAFE]],
  "Telegram bot token": [[10, "1-9"], ":A", "A", [33, URL_SAFE]],
  "Telegram URL": ["https://api.tele", "gram.org/bot", [10, "1-9"], ":A", "A", [33, URL_SAFE], "/sendMessage"],
  "age key": ["AGE-SEC", "RET-KEY-1", [58, "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L"]],
  "Mailgun key": ["ke", "y-", [32, HEX]],
  "Mailgun key, new": [[32, HEX], "-", [8, HEX], "-", [8, HEX]],
  "Twilio API key": ["S", "K", [32, HEX]],
  "Twilio account": ["A", "C", [32, HEX]],
  "Bearer of forty": ["Bea", "rer ", [40]],
  "GitHub token": ["gh", "p_", [36]],
  "GitHub fine-grained token": ["git", "hub_pat_", [22], "_", [59]],
  "GitLab token": ["gl", "pat-", [20, URL_SAFE]],
  "GitLab OAuth secret": ["gl", "oas-", [64, HEX]],
  "GitLab runner token, legacy": ["GR13", "48941", [20, URL_SAFE]],
  "GitLab incoming mail token": ["gli", "mt-", [25]],
  "GitLab feature flag token": ["glff", "ct-", [20]],
  "OpenAI key": ["s", "k-proj-", [74, URL_SAFE], "T3Blb", "kFJ", [74, URL_SAFE]],
  "OpenAI key, legacy": ["s", "k-", [48]],
  "Anthropic key": ["s", "k-ant-api03-", [93, URL_SAFE], "AA"],
  "OpenRouter key": ["s", "k-or-v1-", [64, HEX]],
  "Hugging Face token": ["h", "f_", [34]],
  "Groq key": ["gs", "k_", [52]],
  "xAI key": ["xa", "i-", [80]],
  "Replicate token": ["r", "8_", [37]],
  "Tavily key": ["tv", "ly-dev-", [32]],
  "NVIDIA key": ["nv", "api-", [64, URL_SAFE]],
  "Pinecone key": ["pc", "sk_", [60]],
  "LangSmith key": ["ls", "v2_pt_", [32, HEX], "_", [10, HEX]],
  "Langfuse key": ["s", "k-lf-", ...uuid],
  "Jina key": ["ji", "na_", [32, HEX], [28, URL_SAFE]],
  "Firecrawl key": ["f", "c-", [32, HEX]],
  "Fireworks key": ["f", "w_", [24]],
  "Together key": ["tg", "p_v1_", [43, URL_SAFE]],
  "Cerebras key": ["cs", "k-", [48, "a-z0-9"]],
  "ElevenLabs key": ["s", "k_", [48, HEX]],
  "Voyage key": ["p", "a-", [43, URL_SAFE]],
  "Anyscale key": ["ese", "cret_", [28, "a-z0-9"]],
  "Databricks token": ["da", "pi", [32, HEX]],
  "Apify token": ["api", "fy_api_", [36]],
  "E2B key": ["e2", "b_", [40, HEX]],
  "Brave key": ["BS", "A", [28]],
  "Weights & Biases key": ["wan", "db_v1_", [60]],
  "RunPod key": ["rp", "a_", [42, UPPER]],
  "AWS access key": ["AK", "IA", [16, "A-Z2-7"]],
  "AWS temporary key": ["AS", "IA", [16, "A-Z2-7"]],
  "AWS Bedrock key": ["AB", "SK", [128, "A-Za-z0-9"]],
  "Azure AD client secret": [[3], "8", "Q~", [34, URL_SAFE]],
  "Azure AI key": [[52], "JQ", "QJ99", [22], [6, UPPER]],
  "Azure DevOps token": [[76], "AZ", "DO", [4]],
  "Alibaba access key": ["LT", "AI", [20]],
  "Tencent secret id": ["AK", "ID", [32]],
  "Slack bot token": ["xo", "xb-", [12, "1-9"], "-", [13, "1-9"], "-", [24]],
  "Slack app token": ["xa", "pp-1-", [11, UPPER], "-", [13, "1-9"], "-", [64, HEX]],
  "Slack webhook": ["https://hooks.sl", "ack.com/services/T", [10, UPPER], "/B", [10, UPPER], "/", [24]],
  "Teams webhook": [
    "https://acme.web",
    "hook.office.com/web",
    "hookb2/",
    ...uuid,
    "@",
    ...uuid,
    "/IncomingWeb",
    "hook/",
    [32, HEX],
    "/",
    ...uuid,
  ],
  "Zapier webhook": ["https://hooks.za", "pier.com/hooks/catch/", [8, "1-9"], "/", [7, "a-z0-9"]],
  "Google Chat webhook": ["https://chat.google", "apis.com/v1/spaces/", [11], "/messages?key=", [39], "&token=", [43]],
  "Stripe key": ["sk", "_live_", [32]],
  "Stripe restricted key": ["rk", "_live_", [32]],
  "Stripe webhook secret": ["wh", "sec_", [32]],
  "Square token": ["sq0", "atp-", [22, URL_SAFE]],
  "Square secret": ["sq0", "csp-", [43, URL_SAFE]],
  "Razorpay key": ["rz", "p_live_", [14]],
  "Flutterwave key": ["FLW", "SECK_TEST-", [32, "a-h0-9"], "-X"],
  "Shippo token": ["ship", "po_live_", [40, HEX]],
  "EasyPost key": ["EZ", "AK", [54]],
  "Duffel token": ["duf", "fel_live_", [43]],
  "WooCommerce secret": ["c", "s_", [40, HEX]],
  "Shopify token": ["shp", "at_", [32, HEX]],
  "SendGrid key": ["S", "G.", [22, URL_SAFE], ".", [43, URL_SAFE]],
  "Sendinblue key": ["xkey", "sib-", [64, HEX], "-", [16]],
  "Mailchimp key in a URL": ["https://any:", [32, HEX], "-us12@us12.api.example.org"],
  "Resend key": ["r", "e_", [8], "_", [24]],
  "npm token": ["np", "m_", [36]],
  "NuGet key": ["oy", "2", [43, "a-z0-9"]],
  "RubyGems key": ["ruby", "gems_", [48, HEX]],
  "crates.io token": ["ci", "o", [32]],
  "Clojars token": ["CLO", "JARS_", [60, "a-z0-9"]],
  "Docker token": ["dc", "kr_pat_", [27, URL_SAFE]],
  "Pulumi token": ["pu", "l-", [40, HEX]],
  "Prefect token": ["pn", "u_", [36]],
  "Doppler token": ["dp", ".pt.", [43]],
  "Heroku key": ["HR", "KU-AA", [58, URL_SAFE]],
  "Netlify token": ["nf", "p_", [36]],
  "Vercel token": ["vc", "p_", [40]],
  "Render key": ["rn", "d_", [28]],
  "Fly.io token": ["fm", "2_", [160]],
  "Cloudflare origin key": ["v1", ".0-", [24, HEX], "-", [146, HEX]],
  "Supabase token": ["sb", "p_", [40, HEX]],
  "Neon key": ["na", "pi_", [64, "a-z0-9"]],
  "PlanetScale token": ["psc", "ale_tkn_", [43, URL_SAFE]],
  "MongoDB Atlas secret": ["mdb_", "sa_sk_", [40]],
  "Astra token": ["Astra", "CS:", [24, "A-Za-z"], ":", [64, HEX]],
  "ClickHouse secret": ["4b", "1d", [38]],
  "Grafana service account token": ["gl", "sa_", [32], "_", [8, HEX]],
  "Grafana cloud token": ["gl", "c_", [120]],
  "New Relic key": ["NR", "AK-", [27, UPPER]],
  "Sentry user token": ["snt", "ryu_", [64, HEX]],
  "Dynatrace token": ["dt0", "c01.", [24, UPPER], ".", [64, UPPER]],
  "PostHog key": ["ph", "x_", [43]],
  "LaunchDarkly key": ["sd", "k-", ...uuid],
  "Buildkite token": ["bk", "ua_", [40, HEX]],
  "CircleCI token": ["CCI", "PAT_", [22], "_", [40, HEX]],
  "SonarQube token": ["sq", "u_", [40, HEX]],
  "Sourcegraph token": ["sg", "p_", [40, HEX]],
  "Artifactory key": ["AK", "Cp", [69]],
  "Octopus key": ["AP", "I-", [26, UPPER]],
  "OpenShift token": ["sha", "256~", [43, URL_SAFE]],
  "Harness token": ["pa", "t.", [22], ".", [24, HEX], ".", [20]],
  "Airtable token": ["pa", "t", [14], ".", [64, HEX]],
  "Linear key": ["lin", "_api_", [40]],
  "Figma token": ["fi", "gd_", [40, URL_SAFE]],
  "Postman key": ["PM", "AK-", [24, HEX], "-", [34, HEX]],
  "HubSpot token": ["pa", "t-na1-", ...uuid],
  "Typeform token": ["tf", "p_", [59, URL_SAFE]],
  "ReadMe key": ["rd", "me_", [70, "a-z0-9"]],
  "Frame.io token": ["fi", "o-u-", [64, URL_SAFE]],
  "Facebook token": ["EA", "AC", [120]],
  "LinkedIn secret": ["WPL", "_AP1.", [16], ".", [6], "=="],
  "Mapbox token": ["s", "k.eyJ", [60], ".", [22, URL_SAFE]],
  "MaxMind key": [[6], "_", [29], "_mmk"],
  "Tailscale key": ["ts", "key-auth-", [11], "-", [32]],
  "1Password secret key": ["A", "3-", [6, UPPER], "-", [11, UPPER], "-", [5, UPPER], "-", [5, UPPER], "-", [5, UPPER]],
  "1Password service account": ["op", "s_eyJ", [260]],
  "Adobe client secret": ["p8", "e-", [32]],
  "Contentful token": ["CF", "PAT-", [43, URL_SAFE]],
  "JSON web token": ["ey", "J", [24], ".ey", "J", [60], ".", [43, URL_SAFE]],
  "private key": [
    "-----BEGIN ",
    "RSA PRIVATE ",
    "KEY-----\n",
    [64, "A-Za-z0-9+/"],
    "\n",
    [64],
    "\n-----END RSA PRIV",
    "ATE KEY-----",
  ],
  "OpenSSH key": ["-----BEGIN ", "OPENSSH PRIVATE ", "KEY-----\n", [70], "\n-----END OPENSSH PRIV", "ATE KEY-----"],
  "PGP key": [
    "-----BEGIN ",
    "PGP PRIVATE ",
    "KEY BLOCK-----\nVersion: GnuPG v2\n\n",
    [64],
    "\n-----END PGP PRIV",
    "ATE KEY BLOCK-----",
  ],
  "PuTTY key": ["PuTTY-User-", "Key-File-2: ssh-rsa\nPrivate-", "Lines: 8\n", [64]],
  "JSON web key": ['{"kty":"RSA","n":"', [43, URL_SAFE], '","', 'd":"', [86, URL_SAFE], '"}'],
  "Gemini key": ["AQ", ".Ab", [48, URL_SAFE]],
  "Mailchimp key": [[32, HEX], "-u", "s21"],
  "Twitter bearer": ["A".repeat(21), [30], "%3", "D", [40]],
  "Salesforce session": ["00", "D5g000004abcD", "!AQ8AQ", [80]],
  "ClickUp token": ["p", "k_", [8, "1-9"], "_", [32, UPPER]],
  "Trello token": ["AT", "TA", [64, HEX], [8, UPPER]],
  "Databricks OAuth secret": ["do", "se", [32, HEX]],
  "Volcengine key": ["AK", "LT", [40]],
  "Zhipu key": [[32, HEX], ".", [16]],
  "Browserbase key": ["bb", "_live_", [27, URL_SAFE]],
  "Mem0 key": ["m", "0-", [40]],
  "Zep key": ["z", "_", [120]],
  "Okta token": ["00", [40, URL_SAFE]],
  "Azure function key in a URL": ["https://acme.azure", "websites.net/api/f?co", "de=", [54], "AzFu", [8], "=="],
  "Infura URL": ["https://mainnet.in", "fura.io/v3/", [32, HEX]],
  "private calendar": ["https://calendar.google.com/calendar/ical/a%40acme.com/private-", [32, HEX], "/basic.ics"],
  "webhook of a UUID": ["https://flows.acme.com/web", "hook/", ...uuid],
  "token as a URL's user": ["https://", [40, HEX], "@git.acme.com/acme/x.git"],
  "URL whose password has signs": ["postgresql://app:p@", [8], "/w:", [4], "@db.example.org/app"],
  "URL with a password": ["https://admin:", [16], "@api.example.org/x"],
  "PostgreSQL URL": ["postgresql://app:", [16], "@db.example.org:5432/app"],
  "MongoDB URL": ["mongodb+srv://app:", [16], "@cluster0.example.net/app"],
  "Redis URL": ["redis://:", [24], "@cache.example.org:6379/0"],
};

/** Tokens with a format of their own that cannot be part of a URL, by kind. */
export const LINES: Readonly<Record<string, Pieces>> = {
  "Asana token": ["2", "/", [16, "1-9"], "/", [16, "1-9"], ":", [32, HEX]],
  "Oracle URL": ["jdbc:oracle:thin:scott/", [10], "@db:1521/orcl"],
  "line of pgpass": ["db.acme.com:5432:app:ada:", [12]],
  "mail address with a password": ["ada@acme.com:", "Hun", "ter#", [6], "7"],
};

/** Names with values that only the name identifies as a secret, by kind. */
export const NAMED: Readonly<Record<string, readonly [name: string, value: Pieces]>> = {
  "a short password": ["password", ["Hun", "ter-", [3]]],
  "a password of letters": ["DB_PASSWORD", ["letme", "intoit"]],
  "a password of digits": ["admin_pwd", [[8, "1-9"]]],
  "a client secret": ["client_secret", [[40]]],
  "an API key": ["x-api-key", [[32, HEX]]],
  "a key in camel case": ["apiKey", [[24]]],
  "a key of a service": ["OPENAI_API_KEY", [[32]]],
  "an access token": ["access_token", [[40]]],
  "a refresh token": ["refreshToken", [[40]]],
  "a token that is a UUID": ["auth_token", uuid],
  "a secret key of AWS": ["aws_secret_access_key", [[40, "A-Za-z0-9+/"]]],
  "a key of an Azure account": ["AccountKey", [[86, "A-Za-z0-9+/"], "=="]],
  "an Azure subscription": ["Ocp-Apim-Subscription-Key", [[32, HEX]]],
  "a passphrase": ["passphrase", ["correct-horse-", [6]]],
  "a private token": ["PRIVATE-TOKEN", [[20]]],
  "a bot's token": ["TWILIO_AUTH_TOKEN", [[32, HEX]]],
  "a webhook's secret": ["webhook_secret", [[32]]],
  "a signing key": ["signing_key", [[44]]],
  "a joined name": ["dbpassword", ["S3cr", "et!", [6]]],
  "a key without api": ["heroku_key", [[32]]],
  "a session": ["session_id", [[32]]],
  "a signature": ["sig", [[43, URL_SAFE]]],
};

/** Names with values of gitleaks' rules for keys that only the name of their service identifies. */
export const OF_SERVICES: Readonly<Record<string, readonly [name: string, value: Pieces]>> = {
  Adafruit: ["adafruit_io", [[32, "a-z0-9"]]],
  Airtable: ["airtable", [[17, "a-z0-9"]]],
  Algolia: ["algolia_admin", [[32, "a-z0-9"]]],
  Asana: ["asana", [[32, "a-z0-9"]]],
  Cloudflare: ["cloudflare", [[40, "a-z0-9"]]],
  Cohere: ["cohere", [[40]]],
  Coinbase: ["coinbase", [[64, "a-z0-9"]]],
  Contentful: ["contentful", [[43, "a-z0-9"]]],
  Datadog: ["datadog_app", [[40, HEX]]],
  Discord: ["discord", [[64, HEX]]],
  Etsy: ["etsy", [[24, "a-z0-9"]]],
  Fastly: ["fastly", [[32, "a-z0-9"]]],
  Finnhub: ["finnhub", [[20, "a-z0-9"]]],
  Heroku: ["heroku", uuid],
  HubSpot: ["hubspot", uuid],
  Intercom: ["intercom", [[60, "a-z0-9"]]],
  JFrog: ["jfrog", [[73, "a-z0-9"]]],
  Kraken: ["kraken", [[88, "A-Za-z0-9+/"]]],
  Linear: ["linear_client", [[32, HEX]]],
  Mailchimp: ["mailchimp", [[32, HEX], "-us12"]],
  Mattermost: ["mattermost", [[26, "a-z0-9"]]],
  MessageBird: ["messagebird", [[25, "a-z0-9"]]],
  Netlify: ["netlify", [[42, "a-z0-9"]]],
  Okta: ["okta", ["00", [40, URL_SAFE]]],
  Plaid: ["plaid", [[30, "a-z0-9"]]],
  RapidAPI: ["rapidapi", [[50, "a-z0-9"]]],
  Sentry: ["sentry", [[64, HEX]]],
  Sonar: ["sonar_login", [[40, HEX]]],
  Sumo: ["sumo", [[64, "a-z0-9"]]],
  Travis: ["travis", [[22, "a-z0-9"]]],
  Twitch: ["twitch", [[30, "a-z0-9"]]],
  Twitter: ["twitter", [[50, "a-z0-9"]]],
  Yandex: ["yandex", ["AQV", "N", [36, URL_SAFE]]],
  Zendesk: ["zendesk", [[40, "a-z0-9"]]],
};

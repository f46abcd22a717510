import {
  isConnectionName,
  isHeadersName,
  isPlainHeader,
  isSecretHeader,
  isSecretName,
  isSecretParameter,
} from "../../../formats/flows/secretNames";

const words = (text: string) => text.trim().split(/\s+/);
/** Values that are not names. */
const NONE = ["", undefined, null, 7, true, ["token"], { token: 1 }];

const SECRETS = words(`
  credential credentials my_credential passphrase passwd password dbPassword pwd secret clientSecret secret_name
  accesskey apikey APIKey api_key apiKey API-Key x-api-key key_of_api authorization cookie cookies set_cookie Set-Cookie
  set--cookie proxy-authorization x_proxy_authorization token access_token x2Token _token_ token_
  access_key account_key auth_key encryption_key master_key private_key shared_key signing_key subscription_key
  my_private_key azure-subscription-key
  database_url database_uri my_database_url connection_string connection_url connection_uri dsn sentry_dsn
`);
const PLAIN = words(`
  api_key_param key api primary_key foreign_key tokens max_tokens tokenizer token_count secretary passwords passworded
  cookie_policy authorization_url proxy_authorization_url database url database_urn mydatabase_url connection
  connection_strings mydsn dsn_name param name value private private_keys theaccesskey accesskeys
`);

describe("the name of a value", () => {
  it.each(SECRETS)("marks the value as a secret: %s", (name) => {
    expect(isSecretName(name)).toBe(true);
  });

  it.each(PLAIN)("does not mark the value as a secret: %s", (name) => {
    expect(isSecretName(name)).toBe(false);
  });

  it("marks nothing if it is not a valid name", () => {
    for (const none of NONE)
      expect(
        [isSecretName, isSecretHeader, isPlainHeader, isHeadersName, isConnectionName].map((is) => is(none)),
      ).toEqual(Array(5).fill(false));
  });

  it.each(words("database_url databaseUrl my-database-uri connection_string connection-url connection_uri dsn my_dsn"))(
    "is recognized as the name of a connection string, which is secret only if it contains credentials: %s",
    (name) => {
      expect(isConnectionName(name)).toBe(true);
    },
  );

  it.each(words("url token database connection api_key mydsn dsn_name"))(
    "does not mark the value as a connection string: %s",
    (name) => {
      expect(isConnectionName(name)).toBe(false);
    },
  );

  it.each(words("headers header extra_headers requestHeaders header_name X-Header"))(
    "marks the value as a set of headers: %s",
    (name) => {
      expect(isHeadersName(name)).toBe(true);
    },
  );

  it.each(words("heading theheaders headersx head"))("does not mark the value as a set of headers: %s", (name) => {
    expect(isHeadersName(name)).toBe(false);
  });
});

describe("a header's name", () => {
  it.each(words("Authorization X-Auth X-Authentication X-JWT X-Functions-Key key X-Session X-Hub-Signature Cookie"))(
    "marks a secret: %s",
    (name) => {
      expect(isSecretHeader(name)).toBe(true);
    },
  );

  it.each(words("Author X-Keys Key-Id Session-Id X-Mine Content-Type"))("does not mark a secret: %s", (name) => {
    expect(isSecretHeader(name)).toBe(false);
  });

  it.each(words("Accept accept-charset Accept-Encoding acceptLanguage Cache-Control CONTENT_TYPE User-Agent"))(
    "belongs to a plain HTTP header: %s",
    (name) => {
      expect(isPlainHeader(name)).toBe(true);
    },
  );

  it.each(words("X-Accept Content Agent Cookie Accepts"))(
    "does not belong to a header that never holds secrets: %s",
    (name) => {
      expect(isPlainHeader(name)).toBe(false);
    },
  );
});

describe("the name of a URL parameter", () => {
  it.each(words("auth key pass sig signature X-Amz-Signature x_goog_signature token api_key"))(
    "marks a secret: %s",
    (name) => {
      expect(isSecretParameter(name)).toBe(true);
    },
  );

  it.each(words("sort keyword my_key passage signatures signature_version page"))(
    "does not mark a secret: %s",
    (name) => {
      expect(isSecretParameter(name)).toBe(false);
    },
  );
});

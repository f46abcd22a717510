import fc from "fast-check";
// In one file, so that what they need is loaded once a mutant; the quickest first.
import "../agent/layout.test";
import "../agent/userFolder.test";
import "../agent/secretNames.test";
import "../agent/urlCredentials.test";
import "../agent/secretValues.test";
import "../agent/mcpServer.test";
import "../agent/canonicalJson.test";
import "../agent/flowFile.test";
import "../agent/secretsOwn.test";
import "../agent/secrets.test";

// The same values each time.
fc.configureGlobal({ seed: 1 });

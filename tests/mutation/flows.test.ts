import fc from "fast-check";
// All in one file, so that each mutant loads the dependencies once; the fastest tests come first.
import "../agent/flows/layout.test";
import "../agent/flows/userFolder.test";
import "../agent/flows/secretNames.test";
import "../agent/flows/urlCredentials.test";
import "../agent/flows/secretValues.test";
import "../agent/flows/mcpServer.test";
import "../agent/flows/canonicalJson.test";
import "../agent/flows/flowFile.test";
import "../agent/flows/secretsOwn.test";
import "../agent/flows/secrets.test";

// A fixed seed, so that every run tests the same values.
fc.configureGlobal({ seed: 1 });

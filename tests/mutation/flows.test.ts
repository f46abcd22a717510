// In one file, so that what they import is loaded once a mutant, and the quickest first.
import "../agent/layout.test";
import "../agent/canonicalJson.test";
import "../agent/flowFile.test";
import "../agent/secretsScan.test";
import "../agent/secretsOwn.test";
import "../agent/secrets.test";

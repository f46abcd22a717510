// In one file, so that what they import is loaded once a mutant, and the quickest first.
import "../agent/gitBlobs.test";
import "../agent/gitPush.test";
import "../agent/repository.test";
import "../agent/gitHistory.test";
